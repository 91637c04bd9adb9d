/**
 * A one-way link of the virtual network: rate and queue, latency and jitter, loss, duplication, corruption,
 * an MTU, and moments when nothing passes.
 */

import type { Prng } from "../../src/entropy.ts";

export interface LinkOptions {
  /** One-way, in milliseconds. */
  readonly latencyMs: number;
  /** Up to this much more, drawn per datagram: reorders. */
  readonly jitterMs: number;
  /** Probabilities per datagram, 0 to 1. */
  readonly loss: number;
  readonly duplicate: number;
  /** One bit of the datagram is flipped. */
  readonly corrupt: number;
  /** Bytes per millisecond; Infinity: no queue at all. */
  readonly rate: number;
  /** Bytes that may wait in front of the link; more are dropped. */
  readonly queueBytes: number;
  /** Larger datagrams vanish. */
  readonly mtuBytes: number;
}

export const PERFECT_LINK: LinkOptions = {
  latencyMs: 1,
  jitterMs: 0,
  loss: 0,
  duplicate: 0,
  corrupt: 0,
  rate: Infinity,
  queueBytes: Infinity,
  mtuBytes: 65_535,
};

/** When, and as what, a datagram arrives. */
export interface Arrival {
  readonly at: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface LinkStats {
  sent: number;
  bytesSent: number;
  delivered: number;
  lost: number;
  queueDrops: number;
  tooLarge: number;
  corrupted: number;
  /** Sum and largest of the time spent waiting in the queue, in milliseconds. */
  queueingMs: number;
  maxQueueingMs: number;
}

export class Link {
  options: LinkOptions;
  /** Drops what it says to, before chance is asked. */
  filter: ((bytes: Uint8Array, now: number) => boolean) | null = null;
  readonly stats: LinkStats = {
    sent: 0,
    bytesSent: 0,
    delivered: 0,
    lost: 0,
    queueDrops: 0,
    tooLarge: 0,
    corrupted: 0,
    queueingMs: 0,
    maxQueueingMs: 0,
  };
  readonly #prng: Prng;
  #freeAt = 0;

  constructor(options: LinkOptions, prng: Prng) {
    this.options = options;
    this.#prng = prng;
  }

  /** Carries a copy of `bytes`: no arrival, one, or two. */
  carry(now: number, bytes: Uint8Array): Arrival[] {
    const { options, stats } = this;
    // Always drawn the same number of times: editing one probability leaves all other luck alone.
    const luck = this.#prng.next();
    const jitterMs = this.#prng.next() * options.jitterMs;
    const twice = this.#prng.next() < options.duplicate;
    const corruptLuck = this.#prng.next();
    const where = this.#prng.next();
    stats.sent++;
    stats.bytesSent += bytes.length;
    if (bytes.length > options.mtuBytes) {
      stats.tooLarge++;
      return [];
    }
    if (luck < options.loss || this.filter?.(bytes, now) === true) {
      stats.lost++;
      return [];
    }
    const start = Math.max(now, this.#freeAt);
    const waitMs = start - now;
    if (options.rate !== Infinity) {
      if (waitMs * options.rate + bytes.length > options.queueBytes) {
        stats.queueDrops++;
        return [];
      }
      this.#freeAt = start + bytes.length / options.rate;
      stats.queueingMs += waitMs;
      stats.maxQueueingMs = Math.max(stats.maxQueueingMs, waitMs);
    }
    stats.delivered++;
    const copy = bytes.slice();
    if (corruptLuck < options.corrupt) {
      stats.corrupted++;
      const bit = Math.floor(where * copy.length * 8);
      copy[bit >>> 3] ^= 1 << (bit & 7);
    }
    const leaves = options.rate === Infinity ? now : this.#freeAt;
    const at = leaves + options.latencyMs + jitterMs;
    return twice
      ? [{ at, bytes: copy }, { at: at + options.latencyMs / 10, bytes: copy.slice() }]
      : [{ at, bytes: copy }];
  }
}
