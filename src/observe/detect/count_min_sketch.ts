/**
 * Counts for any number of keys in fixed memory (Cormode and Muthukrishnan, 2005): an estimate is never too
 * low, and too high by at most a small share of all counts.
 *
 * For sources that cost an attacker nothing: spoofed addresses fill it without growing it.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";

/** A count-min sketch over a window: two generations, so that old counts leave without a sweep. */
export class CountMinSketch {
  readonly #generationMs: number;
  readonly #seed: number;
  #current = new Uint32Array(ROWS * COLUMNS);
  #previous = new Uint32Array(ROWS * COLUMNS);
  #generation = -Infinity;

  /**
   * @param windowMs the least time that a count is remembered; at most twice that.
   * @param seed unpredictable, so that nobody can choose keys that collide.
   */
  constructor(windowMs: number, seed: number) {
    this.#generationMs = windowMs;
    this.#seed = seed >>> 0;
  }

  /** Counts `key` once more and returns the estimate of how often it came in the window. */
  add(now: Instant, key: string): number {
    this.#turnTo(now);
    const first = hash(key, this.#seed);
    // An odd step reaches every column (Kirsch and Mitzenmacher, 2006: two hashes do for all rows).
    const step = hash(key, first ^ 0x9e3779b9) | 1;
    let least = Infinity;
    for (let row = 0; row < ROWS; row++) {
      const cell = row * COLUMNS + ((first + Math.imul(row, step)) >>> 0) % COLUMNS;
      this.#current[cell]++;
      least = Math.min(least, this.#current[cell] + this.#previous[cell]);
    }
    return least;
  }

  #turnTo(now: Instant): void {
    const generation = Math.floor(now / this.#generationMs);
    if (generation === this.#generation) return;
    [this.#previous, this.#current] = [this.#current, this.#previous];
    if (generation !== this.#generation + 1) this.#previous.fill(0);
    this.#current.fill(0);
    this.#generation = generation;
  }
}

/** FNV-1a over the UTF-16 units, then MurmurHash3's finalizer: fast and well spread, no more is asked. */
function hash(key: string, seed: number): number {
  let mixed = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < key.length; i++) mixed = Math.imul(mixed ^ key.charCodeAt(i), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** An estimate is wrong by more than e / 4096 of all counts with a probability of at most e^-4. */
const ROWS = 4;
const COLUMNS = 4096;
