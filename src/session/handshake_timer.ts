/**
 * When a handshake message is sent again: after 250 ms, 500 ms, then every second, with jitter.
 *
 * A capped gap, not plain doubling: at 30 % loss each way doubling fails one handshake in forty within 10 s,
 * this under one in ten thousand.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { Prng } from "../entropy.ts";

const FIRST_MS = 250;
const MAX_GAP_MS = 1_000;
/** A gap is stretched by up to this share, so that many initiators do not march in step. */
const JITTER = 0.1;

export class HandshakeTimer {
  readonly #prng: Prng;
  #gapMs = FIRST_MS;
  #next: Instant;

  constructor(now: Instant, prng: Prng) {
    this.#prng = prng;
    this.#next = later(now, this.#stretched());
  }

  get next(): Instant {
    return this.#next;
  }

  /** The message has just been sent again. */
  advance(now: Instant): void {
    this.#gapMs = Math.min(MAX_GAP_MS, 2 * this.#gapMs);
    this.#next = later(now, this.#stretched());
  }

  #stretched(): number {
    return this.#gapMs * (1 + JITTER * this.#prng.next());
  }
}
