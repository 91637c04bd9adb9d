/**
 * The open files of one reception: partial ones that are written to, and delivered ones that are only checked.
 *
 * @module
 */

import { CHUNK_BYTES } from "./content_tree.ts";
import type { Destination } from "./destination.ts";
import type { IncomingFile } from "./incoming_file.ts";
import type { Journal } from "./journal.ts";
import { type Storage, StorageError, type StoredFile } from "./storage.ts";

export interface PartialFilesOptions {
  readonly storage: Storage;
  readonly destination: Destination;
  readonly journal: Journal;
}

/**
 * Opens files when they are needed. A sender may have many begun at a time, each with a chunk to come again; those
 * that nothing is done with are closed, the one used longest ago first, and opened again later.
 */
export class PartialFiles {
  readonly #options: PartialFilesOptions;
  /** The one used last is the last. */
  readonly #opening = new Map<IncomingFile, Promise<StoredFile>>();

  constructor(options: PartialFilesOptions) {
    this.#options = options;
  }

  /** The open file behind `file`. @throws {StorageError} @throws {TransferError} */
  open(file: IncomingFile): Promise<StoredFile> {
    let opening = this.#opening.get(file);
    if (opening === undefined) {
      this.#makeRoom();
      opening = this.#openNow(file);
    } else {
      this.#opening.delete(file);
    }
    this.#opening.set(file, opening);
    return opening;
  }

  /**
   * Turns a delivered file that is not what it should be into one under reception: a copy of it, for the file
   * itself is not written to.
   */
  restart(file: IncomingFile): void {
    file.source = { kind: "partial" };
    this.#opening.set(file, this.#copy(file));
  }

  /** Nothing more is written: whoever puts the file in place closes it. */
  handOver(file: IncomingFile): void {
    this.#opening.delete(file);
  }

  /** Lets go of a file that failed. */
  release(file: IncomingFile): void {
    this.#opening.delete(file);
    file.stored?.close();
  }

  #makeRoom(): void {
    for (const file of this.#opening.keys()) {
      if (this.#opening.size < MAX_OPEN) return;
      if (!file.isIdle) continue;
      this.release(file);
      file.stored = null;
    }
  }

  async #openNow(file: IncomingFile): Promise<StoredFile> {
    const { storage, destination, journal } = this.#options;
    const { path, sizeBytes } = file.entry;
    if (file.source.kind === "delivered") {
      file.stored = await storage.open(file.source.path, "read");
      return file.stored;
    }
    await destination.ensureParent(path);
    const partialPath = destination.partialPathOf(path);
    if (file.source.kind === "partial" || file.isFresh) {
      file.stored = await storage.open(partialPath, "update");
      if (journal.file(path)?.sizeBytes !== sizeBytes) journal.noteFile(path, sizeBytes);
      return file.stored;
    }
    file.stored = await this.#create(partialPath);
    file.isFresh = true;
    journal.noteFile(path, sizeBytes);
    return file.stored;
  }

  async #create(path: string): Promise<StoredFile> {
    const { storage } = this.#options;
    try {
      return await storage.open(path, "create");
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "EEXIST") throw error;
      // Left by an attempt whose journal is gone.
      await storage.remove(path);
      return await storage.open(path, "create");
    }
  }

  async #copy(file: IncomingFile): Promise<StoredFile> {
    const old = file.stored!;
    const { storage, destination, journal } = this.#options;
    const { path, sizeBytes } = file.entry;
    await storage.remove(destination.partialPathOf(path));
    const copy = await storage.open(destination.partialPathOf(path), "create");
    file.stored = copy;
    journal.noteFile(path, sizeBytes);
    // Not from the pool: those who wait for this copy may hold all of that.
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
      await copy.writeAt(at, buffer.subarray(0, await old.readAt(at, buffer)));
    }
    // Checks that began before have asked for their bytes by now: closing waits for them.
    old.close();
    return copy;
  }
}

/** Each transfer's own: 16 buffers are on their way to as many files at most, the others wait for chunks. */
const MAX_OPEN = 24;
