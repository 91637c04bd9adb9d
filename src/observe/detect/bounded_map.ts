/**
 * A map that forgets the entry unused for longest instead of growing.
 *
 * @module
 */

export class BoundedMap<K, V> {
  readonly #capacity: number;
  readonly #entries = new Map<K, V>();
  #evictions = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Entries forgotten for want of room. */
  get evictions(): number {
    return this.#evictions;
  }

  /** The value under `key`, made by `create` if there is none; it is now the youngest. */
  take(key: K, create: () => V): V {
    const value = this.#entries.get(key) ?? create();
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#capacity) {
      this.#entries.delete(this.#entries.keys().next().value!);
      this.#evictions++;
    }
    return value;
  }
}
