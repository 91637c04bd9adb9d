/**
 * Bytes an application has written and the peer has not acknowledged: a ring that is kept until then, so that
 * anything may be sent again.
 *
 * @module
 */

import { RangeSet } from "./range_set.ts";

/** Rings are multiples of this, so the smallest has this many bytes. */
const CAPACITY_STEP = 16 * 1024;

/** The sending side's bytes of one stream, addressed by stream offset. */
export class SendBuffer {
  #ring: Uint8Array = EMPTY;
  #base = 0;
  #end = 0;
  readonly #acked = new RangeSet();

  /** Everything below this offset is acknowledged. */
  get base(): number {
    return this.#base;
  }

  /** Offset behind the last byte written. */
  get end(): number {
    return this.#end;
  }

  /** Bytes held. */
  get size(): number {
    return this.#end - this.#base;
  }

  /** Bytes of memory taken. */
  get capacity(): number {
    return this.#ring.length;
  }

  /**
   * Copies the front of `bytes` into the buffer, as much as keeps {@link size} within `limit`.
   *
   * @returns how many bytes were taken.
   */
  write(bytes: Uint8Array, limit: number): number {
    const taken = Math.min(bytes.length, Math.max(0, limit - this.size));
    if (taken === 0) return 0;
    this.#reserve(this.size + taken);
    const at = this.#end % this.#ring.length;
    const head = Math.min(taken, this.#ring.length - at);
    this.#ring.set(head === bytes.length ? bytes : bytes.subarray(0, head), at);
    if (taken > head) this.#ring.set(bytes.subarray(head, taken), 0);
    this.#end += taken;
    return taken;
  }

  /** Copies `length` bytes from stream offset `offset` to `out` at `at`. All of them must be held. */
  copyTo(offset: number, length: number, out: Uint8Array, at: number): void {
    if (offset < this.#base || offset + length > this.#end) {
      throw new Error(
        `Send buffer holds [${this.#base}, ${this.#end}), asked for ${length} bytes at ${offset}`,
      );
    }
    const from = offset % this.#ring.length;
    const head = Math.min(length, this.#ring.length - from);
    out.set(this.#ring.subarray(from, from + head), at);
    if (length > head) out.set(this.#ring.subarray(0, length - head), at + head);
  }

  /** Records `[start, end)` as acknowledged and forgets what nobody needs. */
  acknowledge(start: number, end: number): void {
    if (start <= this.#base) this.#base = Math.max(this.#base, end);
    else this.#acked.add(start, end);
    while (this.#acked.count > 0 && this.#acked.startAt(0) <= this.#base) {
      this.#base = Math.max(this.#base, this.#acked.endAt(0));
      this.#acked.remove(this.#acked.startAt(0), this.#acked.endAt(0));
    }
  }

  /** Gives back memory when nothing is held: for streams that rest, not between two writes of a busy one. */
  trim(): void {
    if (this.#base === this.#end) this.#ring = EMPTY;
  }

  /** Removes from `ranges` what of `[start, end)` is acknowledged already. */
  subtractAcknowledged(ranges: RangeSet, start: number, end: number): void {
    ranges.remove(start, Math.min(end, this.#base));
    for (let i = 0; i < this.#acked.count && this.#acked.startAt(i) < end; i++) {
      if (this.#acked.endAt(i) > start) ranges.remove(this.#acked.startAt(i), this.#acked.endAt(i));
    }
  }

  /** Forgets everything: the stream was reset. */
  clear(): void {
    this.#ring = EMPTY;
    this.#base = this.#end;
    this.#acked.clear();
  }

  #reserve(size: number): void {
    if (size <= this.#ring.length) return;
    this.#ring = regrow(this.#ring, this.#base, this.#end, size);
  }
}

/** A larger ring, of at least `size` bytes, holding `[base, end)` of the old one. */
export function regrow(old: Uint8Array, base: number, end: number, size: number): Uint8Array {
  // Half as large again at least: a stream's bytes are moved a few times in its life, and little stays unused.
  const wanted = Math.max(size, 1.5 * old.length);
  const capacity = Math.ceil(wanted / CAPACITY_STEP) * CAPACITY_STEP;
  const grown = new Uint8Array(capacity);
  for (let offset = base; offset < end;) {
    const from = offset % old.length;
    const to = offset % capacity;
    const length = Math.min(end - offset, old.length - from, capacity - to);
    grown.set(old.subarray(from, from + length), to);
    offset += length;
  }
  return grown;
}

const EMPTY = new Uint8Array(0);
