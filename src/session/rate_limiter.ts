/**
 * Token buckets: one, and a bounded table of them by source.
 *
 * @module
 */

import type { Instant } from "../clock.ts";

/** Lets `rate` events a second pass, `burst` of them at once. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: Instant | null = null;

  constructor(ratePerSecond: number, burst: number) {
    this.#perMs = ratePerSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes a token if there is one. */
  take(now: Instant): boolean {
    const elapsedMs = this.#filledAt === null ? 0 : Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#burst, this.#tokens + elapsedMs * this.#perMs);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** A bucket per source. When the table is full the source unseen longest is forgotten. */
export class SourceLimiter {
  readonly #rate: number;
  readonly #burst: number;
  readonly #maxSources: number;
  // Insertion order is the order of last use.
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(ratePerSecond: number, burst: number, maxSources: number) {
    this.#rate = ratePerSecond;
    this.#burst = burst;
    this.#maxSources = maxSources;
  }

  /** Takes a token of `source`'s bucket if there is one. */
  take(now: Instant, source: string): boolean {
    let bucket = this.#buckets.get(source);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#rate, this.#burst);
      if (this.#buckets.size >= this.#maxSources) this.#forgetOldest();
    } else this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    return bucket.take(now);
  }

  #forgetOldest(): void {
    for (const source of this.#buckets.keys()) {
      this.#buckets.delete(source);
      return;
    }
  }
}
