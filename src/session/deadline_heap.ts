/**
 * Which of many sessions is due next: a binary heap whose entries know their place, so that moving a deadline
 * costs a few swaps and no search.
 *
 * @module
 */

import type { Instant } from "../clock.ts";

/** Something with a deadline in at most one heap. */
export interface HeapEntry {
  /** Owned by the heap; -1 while outside. */
  heapIndex: number;
  /** Owned by the heap. */
  heapDeadline: number;
}

export class DeadlineHeap<T extends HeapEntry> {
  readonly #entries: T[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The earliest deadline, or null. */
  get next(): Instant | null {
    return this.#entries.length > 0 ? this.#entries[0].heapDeadline as Instant : null;
  }

  /** Puts `entry` at `deadline`, adding, moving or (with null) removing it. */
  update(entry: T, deadline: Instant | null): void {
    if (deadline === null) return this.#remove(entry);
    if (entry.heapIndex < 0) {
      entry.heapIndex = this.#entries.length;
      entry.heapDeadline = deadline;
      this.#entries.push(entry);
      this.#up(entry);
      return;
    }
    const before = entry.heapDeadline;
    if (before === deadline) return;
    entry.heapDeadline = deadline;
    if (deadline < before) this.#up(entry);
    else this.#down(entry);
  }

  /** The entry due at `now`, still in the heap, or null. */
  due(now: Instant): T | null {
    const first = this.#entries[0];
    return first !== undefined && first.heapDeadline <= now ? first : null;
  }

  #remove(entry: T): void {
    if (entry.heapIndex < 0) return;
    const hole = entry.heapIndex;
    const last = this.#entries.pop()!;
    entry.heapIndex = -1;
    if (last === entry) return;
    this.#place(last, hole);
    this.#up(last);
    this.#down(last);
  }

  #up(entry: T): void {
    let index = entry.heapIndex;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (this.#entries[parent].heapDeadline <= entry.heapDeadline) break;
      this.#place(this.#entries[parent], index);
      index = parent;
    }
    this.#place(entry, index);
  }

  #down(entry: T): void {
    const entries = this.#entries;
    let index = entry.heapIndex;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && entries[child + 1].heapDeadline < entries[child].heapDeadline) {
        child++;
      }
      if (entries[child].heapDeadline >= entry.heapDeadline) break;
      this.#place(entries[child], index);
      index = child;
    }
    this.#place(entry, index);
  }

  #place(entry: T, index: number): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }
}
