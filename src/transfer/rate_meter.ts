/**
 * How fast something moves right now.
 *
 * @module
 */

import type { Instant } from "../clock.ts";

/** Bytes per second over the last few seconds, from a handful of samples. */
export class RateMeter {
  readonly #samples: { readonly at: Instant; readonly bytes: number }[] = [];

  /** Notes that `bytes` in all had moved at `now`. */
  note(now: Instant, bytes: number): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && now - last.at < SPACING_MS) return;
    this.#samples.push({ at: now, bytes });
    while (this.#samples.length > 2 && now - this.#samples[1].at > WINDOW_MS) this.#samples.shift();
  }

  /** The rate at `now`, when `bytes` in all have moved; 0 before anything is known. */
  bytesPerSecond(now: Instant, bytes: number): number {
    const first = this.#samples[0];
    if (first === undefined || now <= first.at) return 0;
    return Math.max(0, (bytes - first.bytes) * 1_000 / (now - first.at));
  }
}

const WINDOW_MS = 5_000;
const SPACING_MS = 200;
