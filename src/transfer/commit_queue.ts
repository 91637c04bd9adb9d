/**
 * Puts whole files in place, many at a time: content and names are made durable once per batch instead of once
 * per file, so that thousands of small files do not wait for the disk one by one.
 *
 * @module
 */

import { type Destination, guarded, parentOf } from "./destination.ts";
import type { IncomingFile } from "./incoming_file.ts";
import type { Journal } from "./journal.ts";
import type { Storage } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";

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

/** Commits files in the order they came, a batch at a time. */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #waiting: IncomingFile[] = [];
  #running: Promise<void> | null = null;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  push(file: IncomingFile): void {
    file.settled = "committing";
    this.#waiting.push(file);
    this.#running ??= this.#run().finally(() => this.#running = null);
  }

  /** Resolves when nothing is waiting or under way. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, MAX_BATCH));
    } catch (failure) {
      for (const file of this.#waiting.splice(0)) file.stored?.close();
      this.#options.onBroken(failure);
    }
  }

  async #commit(batch: readonly IncomingFile[]): Promise<void> {
    const { destination, journal } = this.#options;
    const durable = await this.#each(batch, (file) => this.#makeDurable(file));
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

  /** Runs `step` for all files, some at a time; those that fail are reported and left out of the result. */
  async #each(
    files: readonly IncomingFile[],
    step: (file: IncomingFile) => Promise<unknown>,
  ): Promise<IncomingFile[]> {
    const succeeded: IncomingFile[] = [];
    const rest = files[Symbol.iterator]();
    const worker = async () => {
      for (const file of rest) {
        try {
          await guarded(file.entry.path, () => step(file));
          succeeded.push(file);
        } catch (failure) {
          this.#options.onFailed(file, failure as TransferError);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, files.length) }, worker));
    return succeeded;
  }
}

const MAX_BATCH = 256;
/** Concurrent syncs share the file system's own group commit. */
const PARALLEL = 16;
