/**
 * One file on its way out, read in order, and watched for changes while it is.
 *
 * @module
 */

import { CHUNK_BYTES, chunkCount, leafHash, RootBuilder } from "./content_tree.ts";
import { printableName } from "./path_safety.ts";
import type { SourceEntry } from "./source_scan.ts";
import { explainStorage, type FileFacts, type Storage, type StoredFile } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** One chunk, in a buffer that is somebody else's. */
export interface ReadChunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly leaf: Hash;
}

/** A source file, opened when first read. */
export class OutgoingFile {
  readonly chunks: number;
  /** Grows as chunks are announced. */
  readonly root = new RootBuilder();
  readonly #storage: Storage;
  readonly #source: SourceEntry;
  #stored: Promise<StoredFile> | null = null;
  /** Settled one way or the other: nothing more of it is read. */
  settled = false;

  constructor(storage: Storage, readonly index: number, source: SourceEntry) {
    this.#storage = storage;
    this.#source = source;
    this.chunks = chunkCount(source.entry.sizeBytes);
  }

  get path(): string {
    return this.#source.entry.path;
  }

  get sizeBytes(): number {
    return this.#source.entry.sizeBytes;
  }

  /**
   * Reads chunks `first` to `first + count - 1` into the front of `buffer`, which holds as many.
   *
   * @returns each chunk's bytes, in `buffer`, and leaf hash.
   * @throws {TransferError} `source_changed` or `source_unreadable`.
   */
  async readChunks(first: number, count: number, buffer: Uint8Array<ArrayBuffer>): Promise<ReadChunk[]> {
    return await this.#guarded(async () => {
      const stored = await this.#open();
      const begin = first * CHUNK_BYTES;
      const bytes = buffer.subarray(0, Math.min(count * CHUNK_BYTES, this.sizeBytes - begin));
      const read = await stored.readAt(begin, bytes);
      if (read < bytes.length) throw this.#changed("it became shorter");
      return Array.from({ length: count }, (_, i) => {
        const chunk = bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
        return { bytes: chunk, leaf: leafHash(chunk) };
      });
    });
  }

  /**
   * Checks, after the last chunk was read, that the file is still the one that was offered.
   *
   * @throws {TransferError} `source_changed` or `source_unreadable`.
   */
  async checkUnchanged(): Promise<void> {
    await this.#guarded(async () => {
      const stored = await this.#open();
      // In turn behind the reads that are under way.
      this.#compare(await stored.facts());
      const facts = await this.#storage.stat(this.#source.path);
      if (facts === null) throw this.#changed("it was removed");
      this.#compare(facts);
    });
  }

  /** Lets go of the open file; it is opened again when need be. */
  close(): void {
    const stored = this.#stored;
    this.#stored = null;
    stored?.then((file) => file.close(), () => {});
  }

  #open(): Promise<StoredFile> {
    this.#stored ??= this.#openNow();
    return this.#stored;
  }

  async #openNow(): Promise<StoredFile> {
    const stored = await this.#storage.open(this.#source.path, "read");
    try {
      this.#compare(await stored.facts());
    } catch (error) {
      stored.close();
      throw error;
    }
    return stored;
  }

  #compare(facts: FileFacts): void {
    const before = this.#source.facts;
    if (facts.identity !== before.identity) throw this.#changed("another file took its place");
    if (facts.sizeBytes !== before.sizeBytes) {
      throw this.#changed(`its size went from ${before.sizeBytes} to ${facts.sizeBytes} bytes`);
    }
    if (facts.mtimeMs !== before.mtimeMs) throw this.#changed("it was written to");
  }

  #changed(how: string): TransferError {
    const name = printableName(this.path);
    return new TransferError("source_changed", `"${name}" changed while it was sent: ${how}; send it again`);
  }

  async #guarded<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof TransferError) throw error;
      throw new TransferError(
        "source_unreadable",
        `Cannot read "${printableName(this.path)}": ${explainStorage(error)}`,
        { cause: error },
      );
    }
  }
}
