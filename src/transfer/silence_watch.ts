/**
 * Ends the wait for a peer that is connected but says nothing.
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";
import type { Timers } from "./timers.ts";

export interface SilenceWatchOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Whether silence is to be expected now, as while a transfer is paused. */
  readonly isExcused: () => boolean;
  /** Called once, when the peer was silent for {@link SILENCE_MS}. */
  readonly onSilent: () => void;
}

/** Watches one wait after the other until it is stopped. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  /** Since when the next message is waited for; null while one is handled. */
  #waitingSince: Instant | null = null;
  #cancel: () => void;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#cancel = options.timers.after(CHECK_MS, () => this.#look());
  }

  /** The next message is waited for from now on. */
  waiting(): void {
    this.#waitingSince = this.#options.clock.now();
  }

  /** It is there. */
  heard(): void {
    this.#waitingSince = null;
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const { clock, timers, isExcused, onSilent } = this.#options;
    const isSilent = this.#waitingSince !== null && clock.now() - this.#waitingSince >= SILENCE_MS;
    if (isSilent && !isExcused()) return onSilent();
    this.#cancel = timers.after(CHECK_MS, () => this.#look());
  }
}

/** How long a sender may say nothing: a slow disk may need long for one file, and a place is not for ever. */
export const SILENCE_MS = 300_000;
const CHECK_MS = 60_000;
