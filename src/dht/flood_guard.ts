/**
 * How much one peer, and one source network, may ask. Bounded in memory whoever asks: those whose allowance is full
 * again are forgotten, which changes nothing; beyond that the peer or source unheard for longest goes first, and
 * being forgotten gains it one burst.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { sourceOf } from "./endpoint_address.ts";

export interface FloodLimits {
  /** Questions a second that one peer may go on asking. */
  readonly perPeerRate: number;
  /** Questions a second of all peers of one /24, /48 or private host together. */
  readonly perSourceRate: number;
  /** A burst may be this many seconds' worth. */
  readonly burstSeconds: number;
  /** Peers, and sources, that are remembered. */
  readonly remembered: number;
}

/**
 * `admitted`, or how many refusals of this peer to report now: 0 when some were reported a moment ago, and
 * {@link FloodGuard.takeOverdue} will have this one.
 */
export type FloodVerdict = { readonly admitted: true } | {
  readonly admitted: false;
  readonly report: number;
};

/** Refusals of one peer that have not been reported. */
export interface RefusalReport {
  readonly peerId: PeerId;
  /** Where the last refused message came from. */
  readonly address: string;
  readonly count: number;
}

export class FloodGuard {
  readonly #limits: FloodLimits;
  readonly #peers = new Map<string, Allowance>();
  readonly #sources = new Map<string, Allowance>();
  /** Peers with a refusal reported within the last second, and what has come since: the longest ago first. */
  readonly #reported = new Map<PeerId, Reported>();

  constructor(limits: FloodLimits) {
    this.#limits = limits;
  }

  /** Peers remembered now. */
  get size(): number {
    return this.#peers.size;
  }

  /** Charges one question to its asker. */
  admit(now: Instant, peerId: PeerId, address: string): FloodVerdict {
    const { perPeerRate, perSourceRate } = this.#limits;
    const peer = this.#allowance(this.#peers, peerId, now, perPeerRate);
    const source = this.#allowance(this.#sources, sourceOf(address), now, perSourceRate);
    this.#refill(peer, now, perPeerRate);
    this.#refill(source, now, perSourceRate);
    if (peer.tokens >= 1 && source.tokens >= 1) {
      peer.tokens--;
      source.tokens--;
      return { admitted: true };
    }
    return { admitted: false, report: this.#countRefusal(now, peerId, address) };
  }

  /** Refusals whose second is over while nothing more came of the peer, so that none goes unreported. */
  takeOverdue(now: Instant): RefusalReport[] {
    const overdue: RefusalReport[] = [];
    for (const [peerId, { address, count, dueAt }] of this.#reported) {
      if (dueAt > now) break;
      this.#reported.delete(peerId);
      if (count > 0) overdue.push({ peerId, address, count });
    }
    return overdue;
  }

  /** When to call {@link takeOverdue} next, or null. */
  nextTimeout(): Instant | null {
    for (const { dueAt } of this.#reported.values()) return dueAt;
    return null;
  }

  /** A flood must not become a flood of reports: the first refusal is one, then at most one a second. */
  #countRefusal(now: Instant, peerId: PeerId, address: string): number {
    const reported = this.#reported.get(peerId);
    if (reported !== undefined && now < reported.dueAt) {
      reported.count++;
      reported.address = address;
      return 0;
    }
    this.#reported.delete(peerId);
    if (this.#reported.size < this.#limits.remembered) {
      this.#reported.set(peerId, { address, count: 0, dueAt: later(now, REPORT_INTERVAL_MS) });
    }
    return 1 + (reported?.count ?? 0);
  }

  #allowance(map: Map<string, Allowance>, key: string, now: Instant, rate: number): Allowance {
    const known = map.get(key);
    // A map iterates in order of insertion: taking out and putting back keeps the unheard ones in front.
    if (known !== undefined) map.delete(key);
    else this.#makeRoom(map, now);
    const allowance = known ?? { tokens: rate * this.#limits.burstSeconds, at: now };
    map.set(key, allowance);
    return allowance;
  }

  #makeRoom(map: Map<string, Allowance>, now: Instant): void {
    const { remembered, burstSeconds } = this.#limits;
    for (const [key, { at }] of map) {
      const isFullAgain = now - at >= burstSeconds * 1000;
      if (!isFullAgain && map.size < remembered) return;
      map.delete(key);
    }
  }

  #refill(allowance: Allowance, now: Instant, rate: number): void {
    const earned = (now - allowance.at) / 1000 * rate;
    allowance.tokens = Math.min(rate * this.#limits.burstSeconds, allowance.tokens + earned);
    allowance.at = now;
  }
}

interface Allowance {
  tokens: number;
  at: Instant;
}

interface Reported {
  address: string;
  /** Refusals since the report. */
  count: number;
  readonly dueAt: Instant;
}

const REPORT_INTERVAL_MS = 1000;
