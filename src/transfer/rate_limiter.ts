/**
 * One limit on bytes per second over all transfers.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { delay, type Timers } from "./timers.ts";

/** A token bucket that lets its users overdraw and makes them wait until the debt is paid. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #timers: Timers;
  #bytesPerSecond: number;
  #tokens: number;
  #filledAt: number;

  /** @param bytesPerSecond 0: unlimited. */
  constructor(clock: Clock, timers: Timers, bytesPerSecond: number) {
    this.#clock = clock;
    this.#timers = timers;
    this.#bytesPerSecond = bytesPerSecond;
    this.#tokens = this.#burst();
    this.#filledAt = clock.now();
  }

  /** Takes effect for the next bytes. */
  setRate(bytesPerSecond: number): void {
    this.#refill();
    this.#bytesPerSecond = bytesPerSecond;
    this.#tokens = Math.min(this.#tokens, this.#burst());
  }

  /**
   * Resolves when `bytes` may pass. Concurrent callers share the rate: each waits for the debt of all before.
   */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === 0) return;
    this.#refill();
    this.#tokens -= bytes;
    if (this.#tokens >= 0) return;
    await delay(this.#timers, (-this.#tokens / this.#bytesPerSecond) * 1_000, signal);
  }

  #refill(): void {
    const now = this.#clock.now();
    const earned = ((now - this.#filledAt) / 1_000) * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#burst(), this.#tokens + earned);
    this.#filledAt = now;
  }

  /** A tenth of a second's worth: short enough to look steady, long enough to ride out timer slack. */
  #burst(): number {
    return this.#bytesPerSecond / 10;
  }
}
