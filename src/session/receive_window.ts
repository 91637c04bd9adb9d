/**
 * How much the peer may send before the application has read: one window per stream and one per session,
 * grown with what the path needs.
 *
 * @module
 */

import type { Instant } from "../clock.ts";

/** A credit limit that moves as data is consumed (RFC 9000 section 4.1). */
export class ReceiveWindow {
  #windowBytes: number;
  readonly #maxWindowBytes: number;
  #limit: number;
  #consumed = 0;
  #epochStartedAt: Instant | null = null;
  #epochConsumed = 0;

  constructor(initialBytes: number, maxBytes: number) {
    this.#windowBytes = initialBytes;
    this.#maxWindowBytes = maxBytes;
    this.#limit = initialBytes;
  }

  /** The highest offset (or sum) the peer has been told. */
  get limit(): number {
    return this.#limit;
  }

  get windowBytes(): number {
    return this.#windowBytes;
  }

  /**
   * The application took `bytes`.
   *
   * @param rttMs the round trip that the window has to bridge, or 0 when unknown.
   * @returns whether a new limit should be announced.
   */
  consume(now: Instant, bytes: number, rttMs: number): boolean {
    this.#consumed += bytes;
    this.#epochStartedAt ??= now;
    if (this.#limit - this.#consumed >= this.#windowBytes / 2) return false;
    this.#autotune(now, rttMs);
    return true;
  }

  /** Moves the limit to a full window beyond what was consumed, and returns it. */
  advance(): number {
    this.#limit = Math.max(this.#limit, this.#consumed + this.#windowBytes);
    return this.#limit;
  }

  /** Widens to at least `bytes` (the session's window must cover its largest stream's). */
  ensure(bytes: number): void {
    this.#windowBytes = Math.min(this.#maxWindowBytes, Math.max(this.#windowBytes, bytes));
  }

  /**
   * Half a window in under one round trip: the window, not the application, holds the peer back. Twice what the
   * path carries is enough, because new credit leaves when half of the old is used.
   */
  #autotune(now: Instant, rttMs: number): void {
    const elapsedMs = now - this.#epochStartedAt!;
    const consumed = this.#consumed - this.#epochConsumed;
    if (rttMs > 0 && consumed > 0 && elapsedMs < (2 * rttMs * consumed) / this.#windowBytes) {
      this.#windowBytes = Math.min(this.#maxWindowBytes, 2 * this.#windowBytes);
    }
    this.#epochStartedAt = now;
    this.#epochConsumed = this.#consumed;
  }
}
