/**
 * Records in order of their distance, the farthest at hand: a store that is full must find it for every record that
 * comes in, whoever sends them and however many it keeps.
 *
 * @module
 */

import { compareDistance, type NodeId } from "./node_id.ts";

interface Placed {
  readonly key: NodeId;
}

/**
 * A binary heap. What is deleted stays in it until it comes to the top, or until such entries are half of all: both
 * are O(log n) for each entry in the long run.
 */
export class FarthestFirst<T extends Placed> {
  readonly #from: NodeId;
  #heap: T[] = [];
  readonly #deleted = new Set<T>();

  constructor(from: NodeId) {
    this.#from = from;
  }

  add(entry: T): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(entry);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isFarther(entry, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
  }

  /** Takes out an entry that is in. */
  delete(entry: T): void {
    this.#deleted.add(entry);
    if (this.#deleted.size * 2 <= this.#heap.length) return;
    this.#heap = this.#heap.filter((entry) => !this.#deleted.has(entry));
    this.#deleted.clear();
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#sink(i, this.#heap[i]);
  }

  /** The farthest entry, or null. */
  peek(): T | null {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined) return null;
      if (!this.#deleted.delete(top)) return top;
      const last = this.#heap.pop()!;
      if (this.#heap.length > 0) this.#sink(0, last);
    }
  }

  /** Puts `entry` at `i` or as far below as it belongs. */
  #sink(i: number, entry: T): void {
    const heap = this.#heap;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#isFarther(heap[child + 1], heap[child])) child++;
      if (!this.#isFarther(heap[child], entry)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = entry;
  }

  #isFarther(a: T, b: T): boolean {
    return compareDistance(this.#from, a.key, b.key) > 0;
  }
}
