/**
 * How often something happened lately, in fixed memory.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";

/**
 * Counts within a sliding window, cut into ten slots: what is up to a tenth of the window too old may still
 * be counted, nothing younger is missed.
 */
export class SlidingCount {
  readonly #slotMs: number;
  readonly #slots = new Uint32Array(SLOTS);
  /** Number of the slot that {@link #slots} was last moved to. */
  #newest = -Infinity;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS;
  }

  /** Counts `amount` more (a whole number) at `now`. */
  add(now: Instant, amount = 1): void {
    const slot = this.#moveTo(now);
    this.#slots[slot % SLOTS] += amount;
  }

  /** The sum over the window that ends at `now`. */
  total(now: Instant): number {
    this.#moveTo(now);
    return this.#slots.reduce((sum, count) => sum + count, 0);
  }

  /** Empties the slots that the window has left behind; returns the slot of `now`. */
  #moveTo(now: Instant): number {
    const slot = Math.floor(now / this.#slotMs);
    if (slot - this.#newest >= SLOTS) this.#slots.fill(0);
    else for (let i = this.#newest + 1; i <= slot; i++) this.#slots[i % SLOTS] = 0;
    this.#newest = Math.max(this.#newest, slot);
    return this.#newest;
  }
}

const SLOTS = 10;
