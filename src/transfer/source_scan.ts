/**
 * What a send command's paths stand for: the files and directories below them, as an offer lists them.
 *
 * @module
 */

import type { ManifestEntry } from "./messages.ts";
import { isReserved, nameFault, printableName } from "./path_safety.ts";
import { MAX_OFFER_ENTRIES } from "./settings.ts";
import { explainStorage, type FileFacts, type Storage } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";

/** A file or directory to send, and where it lies here. */
export interface SourceEntry {
  readonly entry: ManifestEntry;
  /** Absolute. */
  readonly path: string;
  readonly facts: FileFacts;
}

export interface SourceScan {
  readonly entries: readonly SourceEntry[];
  readonly files: number;
  readonly bytes: number;
  /** What people call it. */
  readonly name: string;
  /** Symbolic links, sockets and the like, and what unfinished transfers left inside directories: not sent. */
  readonly skipped: readonly string[];
}

/**
 * Looks at `paths` (absolute, without a trailing slash). A path that is itself a symbolic link is followed;
 * links inside a directory are skipped, because what they lead to need not exist, or be meant, elsewhere.
 *
 * @throws {TransferError} when one cannot be read or sent.
 */
export async function scanSources(storage: Storage, paths: readonly string[]): Promise<SourceScan> {
  const scan = new Scan(storage);
  for (const path of paths) await scan.addTop(path);
  return scan.result();
}

class Scan {
  readonly #storage: Storage;
  readonly #entries: SourceEntry[] = [];
  readonly #skipped: string[] = [];
  readonly #tops = new Set<string>();
  #files = 0;
  #bytes = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  async addTop(path: string): Promise<void> {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const facts = await this.#look(path, () => this.#storage.stat(path));
    if (facts === null) throw unreadable(path, "it does not exist");
    if (this.#tops.has(name)) throw unreadable(path, `two of the paths are named "${printableName(name)}"`);
    this.#tops.add(name);
    if (facts.kind !== "file" && facts.kind !== "directory") {
      throw unreadable(path, "it is neither a file nor a directory");
    }
    await this.#add(path, name, name, facts);
  }

  async #add(path: string, relative: string, name: string, facts: FileFacts): Promise<void> {
    const fault = nameFault(name, "posix");
    if (fault !== null) {
      throw new TransferError("refused_name", `Cannot send ${printableName(path)}: its name ${fault}`);
    }
    if (this.#entries.length >= MAX_OFFER_ENTRIES) {
      throw new TransferError(
        "refused_size",
        `Cannot send more than ${MAX_OFFER_ENTRIES} files and directories at once: send them in parts`,
      );
    }
    const isDirectory = facts.kind === "directory";
    this.#entries.push({
      path,
      facts,
      entry: {
        path: relative,
        isDirectory,
        sizeBytes: isDirectory ? 0 : facts.sizeBytes,
        mode: facts.mode,
        mtimeMs: Math.trunc(facts.mtimeMs),
      },
    });
    if (isDirectory) return await this.#addChildren(path, relative);
    this.#files++;
    this.#bytes += facts.sizeBytes;
  }

  async #addChildren(directory: string, relative: string): Promise<void> {
    const names = await this.#look(directory, async () => {
      const found: string[] = [];
      for await (const child of this.#storage.list(directory)) found.push(child.name);
      return found.sort();
    });
    for (let at = 0; at < names.length; at += LOOKS_AT_ONCE) {
      await this.#addSome(directory, relative, names.slice(at, at + LOOKS_AT_ONCE));
    }
  }

  async #addSome(directory: string, relative: string, names: readonly string[]): Promise<void> {
    const looks = names.map((name) => {
      const path = `${directory}/${name}`;
      return this.#look(path, () => this.#storage.lstat(path));
    });
    const found = await Promise.all(looks);
    for (const [i, name] of names.entries()) {
      const [path, facts] = [`${directory}/${name}`, found[i]];
      if (isReserved(name)) this.#skipped.push(path);
      else if (facts?.kind === "file" || facts?.kind === "directory") {
        await this.#add(path, `${relative}/${name}`, name, facts);
      } else if (facts !== null) {
        this.#skipped.push(path);
      }
    }
  }

  result(): SourceScan {
    const first = this.#entries[0];
    if (first === undefined) {
      throw new TransferError("source_unreadable", "Nothing to send: no path was given");
    }
    const [top] = this.#tops;
    const others = this.#tops.size > 1 ? ` and ${this.#tops.size - 1} more` : "";
    return {
      entries: this.#entries,
      files: this.#files,
      bytes: this.#bytes,
      name: `${top}${others}`,
      skipped: this.#skipped,
    };
  }

  async #look<T>(path: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      throw unreadable(path, explainStorage(error), error);
    }
  }
}

function unreadable(path: string, why: string, cause?: unknown): TransferError {
  return new TransferError("source_unreadable", `Cannot send ${printableName(path, 400)}: ${why}`, { cause });
}

/** A look takes a thread of the runtime for microseconds, but a turn of the event loop to hear of it. */
const LOOKS_AT_ONCE = 32;
