/**
 * Where an offer's paths go below the output directory, and what lies in their way.
 *
 * No symbolic link below the output directory is ever walked: every directory on the way to a file is looked at
 * itself, when the file is begun and again before it is put in place. A local user who may write there could
 * still swap a directory between the look and the use: such users are trusted (docs/transfers.md).
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Journal } from "./journal.ts";
import { printableName, RESERVED_PREFIX } from "./path_safety.ts";
import { explainStorage, type Storage, StorageError } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";

/** What to do when a name is taken: find a free one, refuse, or replace what is there. */
export type OverwritePolicy = "rename" | "never" | "replace";

export interface DestinationOptions {
  readonly storage: Storage;
  /** Absolute; exists. */
  readonly outputDir: string;
  readonly overwrite: OverwritePolicy;
  readonly journal: Journal;
  /** Tells this transfer's partial files from those of others. */
  readonly key: string;
}

/** The output directory, as one transfer may use it. */
export class Destination {
  readonly #options: DestinationOptions;
  readonly #topNames = new Map<string, string>();
  readonly #safeDirectories = new Set<string>();
  // Directories that got a new directory inside which is not durable yet.
  readonly #unsynced = new Set<string>();

  constructor(options: DestinationOptions) {
    this.#options = options;
  }

  /**
   * Settles the final name of a top-level entry, once per transfer, by policy and by what earlier attempts made.
   *
   * @throws {TransferError} `refused_exists`, or `storage`.
   */
  async settleTop(offered: string, isDirectory: boolean): Promise<void> {
    const final = await guarded(offered, () => this.#chooseTop(offered, isDirectory));
    this.#topNames.set(offered, final);
  }

  async #chooseTop(offered: string, isDirectory: boolean): Promise<string> {
    const { storage, journal, overwrite } = this.#options;
    const earlier = journal.topName(offered);
    if (earlier !== null) return earlier;
    for (let attempt = 0; attempt < MAX_NAME_ATTEMPTS; attempt++) {
      const name = numberedName(offered, attempt, isDirectory);
      const path = `${this.#options.outputDir}/${name}`;
      if (isDirectory) {
        if (await storage.lstat(path) === null) {
          // Noted first: a directory that nobody remembers would be in the way of the next attempt.
          journal.noteTopName(offered, name);
          await journal.flush();
          if (await storage.makeDirectory(path)) {
            this.#unsynced.add(this.#options.outputDir);
            return name;
          }
        }
      } else if (await storage.lstat(path) === null) {
        // Files are put in place without overwriting, so another may still take the name until then.
        return offered;
      }
      if (overwrite === "rename") continue;
      const facts = await storage.lstat(path);
      if (overwrite === "replace" && facts?.kind === (isDirectory ? "directory" : "file")) return name;
      throw new TransferError("refused_exists", `Refused "${printableName(offered)}": it exists already`);
    }
    throw new TransferError("refused_exists", `Refused "${printableName(offered)}": no free name is left`);
  }

  /** Where the offered `path` lies below the output directory. */
  pathOf(path: string): string {
    const slash = path.indexOf("/");
    const top = slash < 0 ? path : path.slice(0, slash);
    const rest = slash < 0 ? "" : path.slice(slash);
    return `${this.#options.outputDir}/${
      this.#topNames.get(top) ?? this.#options.journal.topName(top) ?? top
    }${rest}`;
  }

  /** Where the unfinished content of the offered `path` lies: beside its target, under a reserved name. */
  partialPathOf(path: string): string {
    const digest = createHash("sha256").update(`${this.#options.key}\0${path}`).digest("hex");
    return `${parentOf(this.pathOf(path))}/${PARTIAL_PREFIX}${digest.slice(0, 24)}`;
  }

  /**
   * Makes sure that the directory at the offered `path` and those above it exist and are directories.
   *
   * @throws {TransferError} `refused_name` when something else, a symbolic link say, is in the way.
   */
  async ensureDirectory(path: string): Promise<void> {
    if (this.#safeDirectories.has(path)) return;
    const slash = path.lastIndexOf("/");
    if (slash >= 0) await this.ensureDirectory(path.slice(0, slash));
    const full = this.pathOf(path);
    if (await this.#options.storage.makeDirectory(full)) this.#unsynced.add(parentOf(full));
    else await this.#refuseUnlessDirectory(full, path);
    this.#safeDirectories.add(path);
  }

  /** {@link ensureDirectory} for the directory that the offered `path` lies in. */
  async ensureParent(path: string): Promise<void> {
    const slash = path.lastIndexOf("/");
    if (slash >= 0) await this.ensureDirectory(path.slice(0, slash));
  }

  /** Looks again at every directory on the way to the offered `path`. @throws {TransferError} */
  async recheckParents(path: string): Promise<void> {
    for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
      const parent = path.slice(0, slash);
      await this.#refuseUnlessDirectory(this.pathOf(parent), parent);
    }
  }

  async #refuseUnlessDirectory(full: string, path: string): Promise<void> {
    const facts = await this.#options.storage.lstat(full);
    if (facts === null) {
      throw new StorageError("ENOENT", full, `Cannot use ${full}: it does not exist`);
    }
    if (facts.kind === "directory") return;
    const what = facts.kind === "symlink" ? "a symbolic link" : "no directory";
    throw new TransferError("refused_name", `Refused "${printableName(path)}": ${what} is in its place`);
  }

  /**
   * Moves a finished partial file to its final name, by policy.
   *
   * @param mayReplace false where another file of the same offer may be the one in the way.
   * @returns the full path it has now.
   * @throws {TransferError} `refused_exists`.
   */
  async place(path: string, mayReplace: boolean): Promise<string> {
    const { storage, overwrite } = this.#options;
    const partial = this.partialPathOf(path);
    const target = this.pathOf(path);
    if (overwrite === "replace" && mayReplace) {
      const facts = await storage.lstat(target);
      if (facts !== null && facts.kind !== "file" && facts.kind !== "symlink") {
        throw new TransferError(
          "refused_exists",
          `Refused "${printableName(path)}": no file is in its place`,
        );
      }
      await storage.replace(partial, target);
      return target;
    }
    const directory = parentOf(target);
    const name = target.slice(directory.length + 1);
    for (let attempt = 0; attempt < MAX_NAME_ATTEMPTS; attempt++) {
      const free = `${directory}/${numberedName(name, attempt, false)}`;
      if (await storage.moveToFree(partial, free)) return free;
      if (overwrite === "never") break;
    }
    throw new TransferError("refused_exists", `Refused "${printableName(path)}": it exists already`);
  }

  /** Makes the names in `directories`, and all directories made so far, durable. */
  async syncDirectories(directories: Iterable<string>): Promise<void> {
    const all = new Set([...directories, ...this.#unsynced]);
    this.#unsynced.clear();
    for (const directory of all) await this.#options.storage.syncDirectory(directory);
  }
}

/** Runs `step` for the offered `path`; what the disk refuses becomes a reason for the sender. */
export async function guarded<T>(path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof TransferError) throw error;
    throw new TransferError("storage", `Cannot store "${printableName(path)}": ${explainStorage(error)}`, {
      cause: error,
    });
  }
}

/** The directory that the absolute `path` lies in. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/**
 * `name` for the `attempt`th time: `a.tar.gz` becomes `a (1).tar.gz`, shortened where it would exceed what a
 * name may have.
 */
export function numberedName(name: string, attempt: number, isDirectory: boolean): string {
  if (attempt === 0) return name;
  const match = isDirectory ? null : /^(.+?)((?:\.tar)?\.[A-Za-z0-9]{1,8})$/.exec(name);
  const suffix = ` (${attempt})${match?.[2] ?? ""}`;
  let stem = match?.[1] ?? name;
  while (UTF8.encode(stem + suffix).length > 255) stem = stem.slice(0, -1).toWellFormed();
  return stem + suffix;
}

/** How the reserved names of partial files begin. */
export const PARTIAL_PREFIX = `${RESERVED_PREFIX}partial-`;
/** How the reserved names of journals begin. */
export const JOURNAL_PREFIX = `${RESERVED_PREFIX}journal-`;

/** Tells apart what one peer sends under one set of top-level names: the same again is a resumption. */
export function transferKey(peerId: string, topNames: Iterable<string>): string {
  const hash = createHash("sha256").update(peerId);
  for (const name of [...topNames].sort()) hash.update(`\0${name}`);
  return hash.digest("hex").slice(0, 24);
}

/** The top-level names of `entries`, each with whether it is a directory. */
export function topNamesOf(
  entries: Iterable<{ readonly path: string; readonly isDirectory: boolean }>,
): Map<string, boolean> {
  const tops = new Map<string, boolean>();
  for (const { path, isDirectory } of entries) {
    const slash = path.indexOf("/");
    if (slash >= 0) tops.set(path.slice(0, slash), true);
    else tops.set(path, isDirectory);
  }
  return tops;
}

const MAX_NAME_ATTEMPTS = 1_000;
const UTF8 = new TextEncoder();
