/**
 * Bytes of one stream that arrived and were not read yet, put in order.
 *
 * @module
 */

import { RangeSet } from "./range_set.ts";
import { regrow } from "./send_buffer.ts";

/** The receiving side's bytes of one stream, addressed by stream offset. */
export class ReceiveBuffer {
  #ring: Uint8Array = EMPTY;
  #base = 0;
  #contiguousEnd = 0;
  readonly #ahead = new RangeSet();

  /** Offset of the next byte to read. */
  get base(): number {
    return this.#base;
  }

  /** Bytes that can be read now. */
  get readable(): number {
    return this.#contiguousEnd - this.#base;
  }

  /** Everything below this offset has arrived. */
  get contiguousEnd(): number {
    return this.#contiguousEnd;
  }

  /** Bytes of memory taken. */
  get capacity(): number {
    return this.#ring.length;
  }

  /** Gaps below what has arrived out of order. */
  get holes(): number {
    return this.#ahead.count;
  }

  /**
   * Stores `length` bytes for stream offset `offset`; what is known already is ignored. The caller has
   * checked flow control, so that the span from {@link base} is bounded.
   */
  insert(offset: number, bytes: Uint8Array, start: number, length: number): void {
    const skip = Math.max(0, this.#contiguousEnd - offset);
    if (skip >= length) return;
    offset += skip;
    start += skip;
    length -= skip;
    this.#reserve(offset + length - this.#base);
    const to = offset % this.#ring.length;
    const head = Math.min(length, this.#ring.length - to);
    this.#ring.set(bytes.subarray(start, start + head), to);
    if (length > head) this.#ring.set(bytes.subarray(start + head, start + length), 0);
    if (offset === this.#contiguousEnd) this.#advance(offset + length);
    else this.#ahead.add(offset, offset + length);
  }

  /** Moves up to `into.length` readable bytes to the front of `into` and returns how many. */
  read(into: Uint8Array): number {
    const length = Math.min(into.length, this.readable);
    if (length === 0) return 0;
    const from = this.#base % this.#ring.length;
    const head = Math.min(length, this.#ring.length - from);
    into.set(this.#ring.subarray(from, from + head), 0);
    if (length > head) into.set(this.#ring.subarray(0, length - head), head);
    this.#base += length;
    return length;
  }

  /** Gives back memory when nothing is held. */
  trim(): void {
    if (this.#base === this.#contiguousEnd && this.#ahead.count === 0) this.#ring = EMPTY;
  }

  /** Forgets everything: nobody will read it. */
  clear(): void {
    this.#ring = EMPTY;
    this.#base = this.#contiguousEnd;
    this.#ahead.clear();
  }

  #advance(end: number): void {
    this.#contiguousEnd = end;
    if (this.#ahead.count === 0) return;
    if (this.#ahead.startAt(0) <= end) this.#contiguousEnd = Math.max(end, this.#ahead.endAt(0));
    this.#ahead.remove(0, this.#contiguousEnd);
    while (this.#ahead.count > 0 && this.#ahead.startAt(0) <= this.#contiguousEnd) {
      this.#contiguousEnd = Math.max(this.#contiguousEnd, this.#ahead.endAt(0));
      this.#ahead.remove(0, this.#contiguousEnd);
    }
  }

  #reserve(size: number): void {
    if (size <= this.#ring.length) return;
    const held = this.#ahead.count > 0 ? this.#ahead.endAt(this.#ahead.count - 1) : this.#contiguousEnd;
    this.#ring = regrow(this.#ring, this.#base, held, size);
  }
}

const EMPTY = new Uint8Array(0);
