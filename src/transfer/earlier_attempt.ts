/**
 * What an earlier attempt left of a file: by its journal, and by what lies on the disk.
 *
 * @module
 */

import { CHUNK_BYTES, chunkCount } from "./content_tree.ts";
import type { Destination } from "./destination.ts";
import type { FileSource } from "./incoming_file.ts";
import type { Journal } from "./journal.ts";
import type { ChunkRun } from "./messages.ts";
import type { Storage } from "./storage.ts";

export interface EarlierAttempt {
  readonly source: FileSource;
  /** Chunks that are claimed to be there. Each is hashed again before it counts. */
  readonly runs: ChunkRun[];
}

/** What there is of the file offered as `path` with `sizeBytes`. Removes a second name that is only in the way. */
export async function lookForEarlier(
  parts: { readonly storage: Storage; readonly destination: Destination; readonly journal: Journal },
  path: string,
  sizeBytes: number,
): Promise<EarlierAttempt> {
  const { journal, storage, destination } = parts;
  const nothing: EarlierAttempt = { source: { kind: "new" }, runs: [] };
  const earlier = journal.file(path);
  if (earlier === null) return nothing;
  const chunks = chunkCount(sizeBytes);
  const partial = await storage.lstat(destination.partialPathOf(path));
  if (earlier.placed !== null && earlier.sizeBytes === sizeBytes) {
    const facts = await storage.lstat(earlier.placed.path);
    const isOurs = facts?.kind === "file" && facts.sizeBytes === sizeBytes &&
      facts.mtimeMs === earlier.placed.mtimeMs;
    if (isOurs) {
      // Interrupted between its two names: the second one is only in the way.
      if (partial?.identity === facts.identity) await storage.remove(destination.partialPathOf(path));
      const runs = chunks === 0 ? [] : [{ first: 0, count: chunks }];
      return { source: { kind: "delivered", path: earlier.placed.path }, runs };
    }
  }
  if (partial?.kind !== "file") return nothing;
  // A chunk at the end of either version may be of another length in this one: it is not claimed.
  const comparable = Math.floor(Math.min(earlier.sizeBytes, sizeBytes, partial.sizeBytes) / CHUNK_BYTES);
  const whole = earlier.sizeBytes === sizeBytes && partial.sizeBytes >= sizeBytes ? chunks : comparable;
  return { source: { kind: "partial" }, runs: earlier.saved.runs(whole, MAX_HAVE_RUNS) };
}

/** Bytes that `run` covers in a file of `sizeBytes`. */
export function runBytes(run: ChunkRun, sizeBytes: number): number {
  return Math.min((run.first + run.count) * CHUNK_BYTES, sizeBytes) - run.first * CHUNK_BYTES;
}

/** Gaps between chunks are few; what a longer list would claim is sent again. */
const MAX_HAVE_RUNS = 2_048;
