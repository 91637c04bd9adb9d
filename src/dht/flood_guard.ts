/**
 * How much one peer, and one source network, may ask. Bounded in memory whoever asks: the peer or source unheard
 * for longest is forgotten first, and being forgotten gains it one burst.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
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

/** `admitted`, or how many refusals of this peer to report now: 0 when they were reported a moment ago. */
export type FloodVerdict = { readonly admitted: true } | {
  readonly admitted: false;
  readonly report: number;
};

export class FloodGuard {
  readonly #limits: FloodLimits;
  readonly #peers = new Map<string, Allowance>();
  readonly #sources = new Map<string, Allowance>();

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
    return { admitted: false, report: countRefusal(peer, now) };
  }

  #allowance(map: Map<string, Allowance>, key: string, now: Instant, rate: number): Allowance {
    const known = map.get(key);
    // A map iterates in order of insertion: taking out and putting back keeps the unheard ones in front.
    if (known !== undefined) map.delete(key);
    else if (map.size >= this.#limits.remembered) map.delete(map.keys().next().value!);
    const allowance = known ??
      { tokens: rate * this.#limits.burstSeconds, at: now, unreported: 0, reportedAt: null };
    map.set(key, allowance);
    return allowance;
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
  unreported: number;
  reportedAt: Instant | null;
}

/** A flood must not become a flood of reports: the first refusal is one, then at most one a second. */
function countRefusal(peer: Allowance, now: Instant): number {
  peer.unreported++;
  if (peer.reportedAt !== null && now - peer.reportedAt < REPORT_INTERVAL_MS) return 0;
  const report = peer.unreported;
  peer.unreported = 0;
  peer.reportedAt = now;
  return report;
}

const REPORT_INTERVAL_MS = 1000;
