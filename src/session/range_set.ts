/**
 * A set of integers as sorted, disjoint, non-touching ranges: stream bytes to send again, bytes received out
 * of order, bytes acknowledged.
 *
 * Almost always empty or one range, so plain arrays and linear splices beat any tree.
 *
 * @module
 */

/** Half-open ranges `[start, end)` of integers in [0, 2^53). */
export class RangeSet {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** How many ranges there are. */
  get count(): number {
    return this.#starts.length;
  }

  startAt(index: number): number {
    return this.#starts[index];
  }

  endAt(index: number): number {
    return this.#ends[index];
  }

  /** How many integers the set holds. */
  get size(): number {
    let size = 0;
    for (let i = 0; i < this.#starts.length; i++) size += this.#ends[i] - this.#starts[i];
    return size;
  }

  contains(value: number): boolean {
    const index = this.#firstEndingAfter(value);
    return index < this.#starts.length && this.#starts[index] <= value;
  }

  /** Adds `[start, end)`, joining what it touches. An empty range adds nothing. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const starts = this.#starts;
    const ends = this.#ends;
    const last = starts.length - 1;
    if (last < 0 || start > ends[last]) {
      starts.push(start);
      ends.push(end);
      return;
    }
    // First range that ends at or behind `start`: it may be joined from the left.
    const from = this.#firstEndingAfter(start - 1);
    let to = from;
    while (to < starts.length && starts[to] <= end) to++;
    if (from === to) {
      starts.splice(from, 0, start);
      ends.splice(from, 0, end);
      return;
    }
    starts[from] = Math.min(starts[from], start);
    ends[from] = Math.max(ends[to - 1], end);
    if (to - from > 1) {
      starts.splice(from + 1, to - from - 1);
      ends.splice(from + 1, to - from - 1);
    }
  }

  /** Removes `[start, end)`, splitting what it cuts. */
  remove(start: number, end: number): void {
    if (start >= end) return;
    const starts = this.#starts;
    const ends = this.#ends;
    let index = this.#firstEndingAfter(start);
    while (index < starts.length && starts[index] < end) {
      const rangeStart = starts[index];
      const rangeEnd = ends[index];
      if (rangeStart < start && rangeEnd > end) {
        ends[index] = start;
        starts.splice(index + 1, 0, end);
        ends.splice(index + 1, 0, rangeEnd);
        return;
      }
      if (rangeStart < start) ends[index++] = start;
      else if (rangeEnd > end) {
        starts[index] = end;
        return;
      } else {
        starts.splice(index, 1);
        ends.splice(index, 1);
      }
    }
  }

  clear(): void {
    this.#starts.length = 0;
    this.#ends.length = 0;
  }

  /** Index of the first range with an end above `value`. */
  #firstEndingAfter(value: number): number {
    const ends = this.#ends;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle] > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
