/**
 * A connection's deadlines, one per kind.
 *
 * @module
 */

import type { Instant } from "../clock.ts";

/** In the order in which timers that are due together fire. */
export const Timer = {
  Closed: 0,
  KeyExpiry: 1,
  KeyDiscard: 2,
  Idle: 3,
  Recovery: 4,
  Ack: 5,
  Pacing: 6,
  PathValidation: 7,
  Keepalive: 8,
  Rekey: 9,
  MtuSearch: 10,
} as const;

const KINDS = 11;

export class Timers {
  // A plain array of doubles lies within V8's heap; a typed array of this size has a buffer outside.
  readonly #at: number[] = new Array(KINDS).fill(Infinity);

  /** Arms timer `kind`, or disarms it with null. */
  set(kind: number, at: Instant | null): void {
    this.#at[kind] = at ?? Infinity;
  }

  isDue(kind: number, now: Instant): boolean {
    return this.#at[kind] <= now;
  }

  isArmed(kind: number): boolean {
    return this.#at[kind] !== Infinity;
  }

  /** The earliest deadline, or null when none is armed. */
  get next(): Instant | null {
    let next = Infinity;
    for (let kind = 0; kind < KINDS; kind++) if (this.#at[kind] < next) next = this.#at[kind];
    return next === Infinity ? null : next as Instant;
  }

  clearAll(): void {
    this.#at.fill(Infinity);
  }
}
