/**
 * Which chunks of a file are there: one bit each, so a terabyte costs half a megabyte.
 *
 * @module
 */

import type { ChunkRun } from "./messages.ts";

/** A set of chunk indexes. */
export class ChunkSet {
  #bits = new Uint8Array(16);
  #size = 0;

  /** How many indexes are in it. */
  get size(): number {
    return this.#size;
  }

  has(index: number): boolean {
    return (this.#bits[index >>> 3] & (1 << (index & 7))) !== 0;
  }

  add(index: number): void {
    if (this.has(index)) return;
    if (index >>> 3 >= this.#bits.length) this.#grow(index);
    this.#bits[index >>> 3] |= 1 << (index & 7);
    this.#size++;
  }

  delete(index: number): void {
    if (!this.has(index)) return;
    this.#bits[index >>> 3] &= ~(1 << (index & 7));
    this.#size--;
  }

  /** The same set, for itself. */
  copy(): ChunkSet {
    const copy = new ChunkSet();
    copy.#bits = this.#bits.slice();
    copy.#size = this.#size;
    return copy;
  }

  /** Its members below `end` as ascending runs, at most `maxRuns` of them. */
  runs(end: number, maxRuns = Infinity): ChunkRun[] {
    const runs: ChunkRun[] = [];
    const limit = Math.min(end, 8 * this.#bits.length);
    for (let index = 0; index < limit && runs.length < maxRuns;) {
      if (!this.has(index)) {
        // Whole empty bytes are passed over at once.
        index += index % 8 === 0 && this.#bits[index >>> 3] === 0 ? 8 : 1;
        continue;
      }
      const first = index;
      while (index < limit && this.has(index)) index++;
      runs.push({ first, count: index - first });
    }
    return runs;
  }

  #grow(index: number): void {
    const bits = new Uint8Array(Math.max((index >>> 3) + 1, 2 * this.#bits.length));
    bits.set(this.#bits);
    this.#bits = bits;
  }
}
