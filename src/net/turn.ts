/**
 * How long the work that datagrams bring may keep the event loop.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/**
 * Promises that are ready go on before any timer or I/O, so whoever always finds more to do would keep the loop
 * for good. Asked before each step, this says when to let others have it.
 *
 * Timers and JavaScript's own work have their turn after an immediate. Other sockets have not: the runtime looks
 * at those when it has nothing to run, and else only every 61st time around, so immediates alone would keep a
 * scrape waiting for 40 ms and more. Every few milliseconds all who ask wait together for a moment of rest.
 */
export class Turn {
  readonly #rest: (() => Promise<unknown>) | null;
  readonly #now: () => number;
  #beganMs: number;
  #restedMs: number;
  #resting: Promise<void> | null = null;

  /**
   * @param rest waits some microseconds for another thread; null where receiving itself comes to rest.
   * @param now monotonic milliseconds.
   */
  constructor(rest: (() => Promise<unknown>) | null = null, now: () => number = () => performance.now()) {
    this.#rest = rest;
    this.#now = now;
    this.#beganMs = this.#restedMs = now();
  }

  /** Null while this turn of the loop is short; else {@link end}. */
  pause(): Promise<void> | null {
    if (this.#resting !== null) return this.#resting;
    return this.#now() - this.#beganMs > MAX_TURN_MS ? this.end() : null;
  }

  /** Resolves in the next turn of the loop. */
  end(): Promise<void> {
    if (this.#resting !== null) return this.#resting;
    if (this.#rest === null || this.#now() - this.#restedMs < MAX_UNRESTED_MS) return this.#next();
    return this.#resting = this.#waitTogether(this.#rest);
  }

  /** The runtime has had nothing to run. */
  rested(): void {
    this.#beganMs = this.#restedMs = this.#now();
  }

  /** Begins in the next turn: by then all others wait for it, too. */
  async #waitTogether(rest: () => Promise<unknown>): Promise<void> {
    await this.#next();
    try {
      await rest();
    } finally {
      this.#resting = null;
      this.rested();
    }
  }

  async #next(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
    this.#beganMs = this.#now();
  }
}

/** How long timers and promises may be kept waiting, */
const MAX_TURN_MS = 1;
/** ... and other sockets: a scrape takes half a dozen looks at its own. A rest takes 60 us or so. */
const MAX_UNRESTED_MS = 2;
