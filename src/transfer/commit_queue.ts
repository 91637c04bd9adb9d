/**
 * Puts whole files in place, many at a time: content and names are made durable for many files at once instead of
 * one by one, so that thousands of small files do not wait for the disk each.
 *
 * A file passes two stages. First its content is made durable and it is closed: files do this beside each other,
 * sharing the file system's own commits. Then those that are durable get their names, all that are ready in one
 * batch with one sync of the journal and of each directory.
 *
 * @module
 */

import { type Destination, guarded, parentOf } from "./destination.ts";
import type { IncomingFile } from "./incoming_file.ts";
import type { Journal } from "./journal.ts";
import type { Storage } from "./storage.ts";
import type { TransferError } from "./transfer_error.ts";

export interface CommitQueueOptions {
  readonly storage: Storage;
  readonly destination: Destination;
  readonly journal: Journal;
  /** Whether a file at the path may be replaced without asking whose it is. */
  readonly mayReplace: (path: string) => boolean;
  /** The files are durable under their final names. */
  readonly onDelivered: (files: readonly IncomingFile[]) => Promise<void>;
  /** The file could not be put in place. */
  readonly onFailed: (file: IncomingFile, failure: TransferError) => void;
  /** The journal or a directory failed: the transfer cannot go on. */
  readonly onBroken: (failure: unknown) => void;
}

/** Commits files, about in the order they came. */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #waiting: IncomingFile[] = [];
  #durable: IncomingFile[] = [];
  #syncing = 0;
  #isPlacing = false;
  #isBroken = false;
  #changed: (() => void)[] = [];

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  push(file: IncomingFile): void {
    file.settled = "committing";
    this.#waiting.push(file);
    if (this.#syncing < PARALLEL_SYNCS) void this.#syncAll();
  }

  /** Resolves when few enough files wait for their sync: each of them is open. */
  async room(): Promise<void> {
    while (this.#waiting.length > 0 && this.#waiting.length + this.#syncing >= MAX_OPEN) await this.#change();
  }

  /** Resolves when nothing is waiting or under way. */
  async idle(): Promise<void> {
    while (this.#syncing > 0 || this.#isPlacing) await this.#change();
  }

  /** The first stage, for one file after the other; several of these run beside each other. */
  async #syncAll(): Promise<void> {
    this.#syncing++;
    for (let file = this.#waiting.shift(); file !== undefined; file = this.#waiting.shift()) {
      if (this.#isBroken) {
        file.stored?.close();
      } else if (await this.#attempt(file, () => this.#makeDurable(file!))) {
        this.#durable.push(file);
        if (!this.#isPlacing) void this.#placeAll();
      }
      this.#wake();
    }
    this.#syncing--;
    this.#wake();
  }

  /** The second stage: all that is ready, again and again. */
  async #placeAll(): Promise<void> {
    this.#isPlacing = true;
    try {
      while (this.#durable.length > 0 && !this.#isBroken) {
        await this.#commit(this.#durable.splice(0, MAX_BATCH));
      }
    } catch (failure) {
      this.#isBroken = true;
      this.#options.onBroken(failure);
    }
    this.#isPlacing = false;
    this.#wake();
  }

  async #commit(durable: readonly IncomingFile[]): Promise<void> {
    const { destination, journal } = this.#options;
    for (const file of durable) {
      if (file.source.kind === "delivered") continue;
      journal.notePlaced(file.entry.path, destination.pathOf(file.entry.path), file.entry.mtimeMs);
    }
    // After a power cut, a rerun must recognise what it finds under a final name as its own.
    await journal.sync();

    const directories = new Set<string>();
    const rechecked = new Set<string>();
    const placed = await this.#each(durable, async (file) => {
      const { path } = file.entry;
      const directory = parentOf(destination.pathOf(path));
      // Once per directory and batch: a thousand small files lie in few directories.
      if (!rechecked.has(directory)) await destination.recheckParents(path);
      rechecked.add(directory);
      directories.add(parentOf(await this.#place(file)));
    });
    await destination.syncDirectories(directories);
    await journal.flush();
    for (const file of placed) file.settled = "delivered";
    await this.#options.onDelivered(placed);
  }

  /** Content, size and time of the file survive a power cut from here on. */
  async #makeDurable(file: IncomingFile): Promise<void> {
    const { storage, destination } = this.#options;
    const stored = file.stored!;
    try {
      if (file.source.kind === "delivered") {
        await stored.sync();
        return;
      }
      // Cuts what an earlier, longer version left, and gives a hole at the end its length.
      if (!file.isFresh || file.hasHoles) await stored.truncate(file.entry.sizeBytes);
      await stored.setModified(file.entry.mtimeMs);
      await storage.setMode(destination.partialPathOf(file.entry.path), file.entry.mode);
      await stored.sync();
    } finally {
      stored.close();
    }
  }

  async #place(file: IncomingFile): Promise<string> {
    if (file.source.kind === "delivered") return file.source.path;
    const { destination, journal, mayReplace } = this.#options;
    const { path, mtimeMs } = file.entry;
    const final = await destination.place(path, mayReplace(path));
    // Corrects the record from before when the name was taken meanwhile.
    if (final !== destination.pathOf(path)) journal.notePlaced(path, final, mtimeMs);
    return final;
  }

  /** Runs `step`; false when it fails, which is reported. */
  async #attempt(file: IncomingFile, step: () => Promise<unknown>): Promise<boolean> {
    try {
      await guarded(file.entry.path, step);
      return true;
    } catch (failure) {
      this.#options.onFailed(file, failure as TransferError);
      return false;
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const wake of waiting) wake();
  }

  /** Runs `step` for all files, some at a time; those that fail are reported and left out of the result. */
  async #each(
    files: readonly IncomingFile[],
    step: (file: IncomingFile) => Promise<unknown>,
  ): Promise<IncomingFile[]> {
    const succeeded: IncomingFile[] = [];
    const rest = files[Symbol.iterator]();
    const worker = async () => {
      for (const file of rest) {
        if (await this.#attempt(file, () => step(file))) succeeded.push(file);
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL_PLACES, files.length) }, worker));
    return succeeded;
  }
}

const MAX_BATCH = 256;
/** Concurrent syncs share the file system's own group commit. */
const PARALLEL_SYNCS = 32;
/** Open files that wait for their sync or are in it. With 16 transfers at a time 1024 descriptors are enough. */
const MAX_OPEN = 32;
const PARALLEL_PLACES = 16;
