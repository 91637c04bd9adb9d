/**
 * Where a chain left off: read from the files when the node starts.
 *
 * @module
 */

import { toHex } from "../../bytes.ts";
import { listBackups } from "../log/backups.ts";
import { type AuditCrypto, type ChainHead, GENESIS, openRecord } from "./record.ts";

/** The state of an audit trail on disk. */
export interface Recovery {
  /** The last whole record; {@link GENESIS} when there is none. */
  readonly head: ChainHead;
  /** What a crash left of a line in mid-write, now cut off. Null: nothing was torn. */
  readonly torn: { readonly bytes: number; readonly sha256: string } | null;
  /** The last line is there but is no intact record: somebody changed it. */
  readonly isDamaged: boolean;
}

/**
 * Finds the last record of the trail at `path` and cuts off a line that was never finished: it had not
 * reached the disk, so nobody was told that it had.
 */
export async function recoverChain(path: string, crypto: Pick<AuditCrypto, "sha256">): Promise<Recovery> {
  const torn = await cutTornLine(path, crypto);
  let line = await lastLine(path);
  // A crash between rotation and the first record leaves an empty file: the chain ends in the newest backup.
  if (line === null) {
    const newest = (await listBackups(path)).findLast((backup) => !backup.compressed);
    line = newest === undefined ? null : await lastLine(newest.path);
  }
  if (line === null) return { head: GENESIS, torn, isDamaged: false };
  const opened = openRecord(line, crypto);
  if (opened === null || !opened.isIntact) return { head: GENESIS, torn, isDamaged: true };
  return { head: { seq: opened.record.seq, hash: opened.record.hash }, torn, isDamaged: false };
}

async function cutTornLine(path: string, crypto: Pick<AuditCrypto, "sha256">): Promise<Recovery["torn"]> {
  const tail = await readTail(path);
  if (tail === null || tail.bytes.length === 0 || tail.bytes.at(-1) === NEWLINE) return null;
  const start = tail.bytes.lastIndexOf(NEWLINE) + 1;
  const fragment = tail.bytes.subarray(start);
  await Deno.truncate(path, tail.offset + start);
  return { bytes: fragment.length, sha256: toHex(crypto.sha256([fragment])) };
}

/** The last whole line of a file; null when there is none or no file. */
async function lastLine(path: string): Promise<string | null> {
  const tail = await readTail(path);
  if (tail === null || tail.bytes.length === 0) return null;
  const end = tail.bytes.length - 1;
  return new TextDecoder().decode(tail.bytes.subarray(tail.bytes.lastIndexOf(NEWLINE, end - 1) + 1, end));
}

async function readTail(path: string): Promise<{ bytes: Uint8Array<ArrayBuffer>; offset: number } | null> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const offset = Math.max(0, size - TAIL_BYTES);
    await file.seek(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - offset);
    let read = 0;
    while (read < bytes.length) {
      const count = await file.read(bytes.subarray(read));
      if (count === null) break;
      read += count;
    }
    return { bytes: bytes.subarray(0, read), offset };
  } finally {
    file.close();
  }
}

const NEWLINE = 0x0a;
/** More than the longest record. */
const TAIL_BYTES = 256 * 1024;
