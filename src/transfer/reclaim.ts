/**
 * Removes what interrupted transfers left and nobody came back for.
 *
 * @module
 */

import { JOURNAL_PREFIX, PARTIAL_PREFIX } from "./destination.ts";
import type { Storage } from "./storage.ts";

export interface ReclaimOptions {
  readonly storage: Storage;
  readonly outputDir: string;
  /** Milliseconds since the Unix epoch. What was last written before goes. */
  readonly olderThanMs: number;
  /** Keys of the transfers under way: their files stay, however old. */
  readonly activeKeys: ReadonlySet<string>;
}

/**
 * Looks through the output directory for partial files and journals that have not been written to for long.
 * Symbolic links are not followed. What cannot be looked at or removed stays.
 *
 * @returns how many files were removed.
 */
export async function reclaimPartials(options: ReclaimOptions): Promise<number> {
  const { storage } = options;
  let removed = 0;
  let looked = 0;
  const directories = [options.outputDir];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    try {
      for await (const { name, kind } of storage.list(directory)) {
        if (++looked > MAX_LOOKED_AT) return removed;
        const path = `${directory}/${name}`;
        if (kind === "directory") directories.push(path);
        else if (kind === "file" && await isExpired(options, name, path)) {
          if (await storage.remove(path)) removed++;
        }
      }
    } catch {
      // A directory that cannot be read, or that went away meanwhile, keeps what it has until the next round.
    }
  }
  return removed;
}

async function isExpired(options: ReclaimOptions, name: string, path: string): Promise<boolean> {
  const isPartial = name.startsWith(PARTIAL_PREFIX);
  if (!isPartial && !name.startsWith(JOURNAL_PREFIX)) return false;
  if (!isPartial && options.activeKeys.has(name.slice(JOURNAL_PREFIX.length).replace(/\.new$/, ""))) {
    return false;
  }
  // While anything is being received, a partial file may be part of it: waiting a round costs little.
  if (isPartial && options.activeKeys.size > 0) return false;
  const facts = await options.storage.lstat(path);
  return facts !== null && Math.max(facts.mtimeMs, facts.ctimeMs) < options.olderThanMs;
}

/** A round is bounded: an output directory may lie in a tree of millions of files. */
const MAX_LOOKED_AT = 500_000;
