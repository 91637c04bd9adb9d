/**
 * The event loop's pulse: one timer whose lateness is what everything else in the process waited too.
 * (`monitorEventLoopDelay` of node:perf_hooks does not see a blocked loop in Deno.)
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";

/** Time between two beats. Short against every limit that is judged by it, long against its own cost. */
export const BEAT_INTERVAL_MS = 500;

/** Beats while started, and tells how late each beat came. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #onBeat: (lagMs: number) => void;
  #timer: ReturnType<typeof setInterval> | null = null;
  #lastBeatAt: Instant;

  constructor(clock: Clock, onBeat: (lagMs: number) => void) {
    this.#clock = clock;
    this.#onBeat = onBeat;
    this.#lastBeatAt = clock.now();
  }

  /** How long ago the latest beat was. */
  get ageMs(): number {
    return this.#clock.now() - this.#lastBeatAt;
  }

  start(): void {
    this.#lastBeatAt = this.#clock.now();
    this.#timer ??= setInterval(() => this.beat(), BEAT_INTERVAL_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** One beat; called by the timer. */
  beat(): void {
    const lagMs = Math.max(0, this.ageMs - BEAT_INTERVAL_MS);
    this.#lastBeatAt = this.#clock.now();
    this.#onBeat(lagMs);
  }
}
