/**
 * What happens next in a virtual world: a binary heap in which equal times keep their order of entry.
 *
 * @module
 */

import type { Instant } from "../../src/clock.ts";

interface Entry {
  readonly at: Instant;
  readonly order: number;
  readonly run: () => void;
}

export class EventQueue {
  readonly #heap: Entry[] = [];
  #entered = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** When the next event is due, or null. */
  get nextAt(): Instant | null {
    return this.#heap[0]?.at ?? null;
  }

  push(at: Instant, run: () => void): void {
    const heap = this.#heap;
    const entry = { at, order: this.#entered++, run };
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(entry, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
  }

  /** Removes and returns the next event's action. Not to be called when empty. */
  pop(): () => void {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return top.run;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], entry)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
