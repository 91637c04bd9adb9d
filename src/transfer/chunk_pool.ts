/**
 * The buffers that chunks travel in: a fixed number, used again and again, so that a transfer's memory does not
 * depend on the size of its files.
 *
 * @module
 */

import { CHUNK_BYTES } from "./content_tree.ts";

/**
 * Chunks read or written in one go: each time is a hop to another thread and back, which costs as much as a
 * hundred kilobytes of copying.
 */
export const RUN_CHUNKS = 4;
export const RUN_BYTES = RUN_CHUNKS * CHUNK_BYTES;

/** A fixed number of buffers of one size, made when first needed. */
export class ChunkPool {
  readonly #limit: number;
  readonly #bufferBytes: number;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #waiting: ((buffer: Uint8Array<ArrayBuffer>) => void)[] = [];
  #made = 0;

  /**
   * @param limit how many buffers may exist at a time.
   * @param bufferBytes of each: one chunk unless said otherwise.
   */
  constructor(limit: number, bufferBytes = CHUNK_BYTES) {
    this.#limit = limit;
    this.#bufferBytes = bufferBytes;
  }

  /** Buffers that exist, free ones included: never more than the limit. */
  get made(): number {
    return this.#made;
  }

  /** Buffers in use now. */
  get inUse(): number {
    return this.#made - this.#free.length;
  }

  /** A buffer with unspecified content, waiting until one is free. */
  take(): Promise<Uint8Array<ArrayBuffer>> {
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    if (this.#made < this.#limit) {
      this.#made++;
      return Promise.resolve(new Uint8Array(this.#bufferBytes));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives back what {@link take} gave. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(buffer);
    else this.#free.push(buffer);
  }
}
