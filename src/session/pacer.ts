/**
 * Spreads packets over the round trip instead of sending a window at once (RFC 9002 section 7.7).
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";

/** Timers wake this coarsely, so a burst of this much time is let through at once. */
const BURST_MS = 2;
/** Datagrams that may always leave together: the initial window's ten (RFC 9002 §7.7). */
const BURST_DATAGRAMS = 10;

/** A token bucket in bytes that refills at the congestion controller's rate. */
export class Pacer {
  #budget = Infinity;
  #filledAt: Instant = 0 as Instant;

  /** Bytes that may leave at `now`, given the rate in bytes per millisecond (0: unlimited). */
  allowance(now: Instant, rate: number, datagramBytes: number): number {
    if (rate === 0) return Infinity;
    const burst = Math.max(BURST_DATAGRAMS * datagramBytes, rate * BURST_MS);
    this.#budget = Math.min(burst, this.#budget + Math.max(0, now - this.#filledAt) * rate);
    this.#filledAt = now;
    return this.#budget;
  }

  /** Takes `bytes` that left. The budget may go below zero by one datagram. */
  spend(bytes: number): void {
    if (this.#budget !== Infinity) this.#budget -= bytes;
  }

  /**
   * When the bucket holds a useful burst again: half of it, so that wake-ups stay few.
   *
   * Valid right after {@link allowance} said no.
   */
  nextRelease(now: Instant, rate: number, datagramBytes: number): Instant {
    const wanted = Math.max(datagramBytes, (rate * BURST_MS) / 2);
    return later(now, Math.max(0, wanted - this.#budget) / rate);
  }

  reset(): void {
    this.#budget = Infinity;
  }
}
