/**
 * When a measured value is worth saying: at the crossing, then once a minute while it lasts.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";

export class Alarm {
  #raisedAt: Instant | null = null;

  /** Whether the value has been above its threshold and has not yet fallen to half of it. */
  get isRaised(): boolean {
    return this.#raisedAt !== null;
  }

  /** Judges a new value; true: report it. */
  update(now: Instant, observed: number, threshold: number): boolean {
    if (this.#raisedAt !== null && observed < threshold / 2) this.#raisedAt = null;
    if (observed <= threshold) return false;
    if (this.#raisedAt !== null && now - this.#raisedAt < REPEAT_MS) return false;
    this.#raisedAt = now;
    return true;
  }
}

const REPEAT_MS = 60_000;
