/**
 * Hole punching through an introducer: both sides are told each other's outer address and send at once, so that each
 * one's NAT has seen a packet go out before the other's comes in.
 *
 * The caller's packets are the handshake's own first message, repeated; the called side sends packets that mean nothing,
 * only to open its NAT. If no handshake has come by then, the called side dials too: behind a symmetric NAT its packets
 * leave from a port that nobody could have been told of, and only its own first message can come through.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Prng } from "../entropy.ts";
import { DecodeError } from "../wire/decode_error.ts";
import type { PeerAddress } from "./contact.ts";
import { mayMention } from "./endpoint_address.ts";
import { FloodGuard } from "./flood_guard.ts";
import { decodeRendezvous, encodeRendezvous, type RendezvousMessage } from "./rendezvous_message.ts";

export type RendezvousOutput =
  /** Send this in a DATAGRAM frame on the session with `to`, if there is one. */
  | { readonly kind: "send"; readonly to: PeerAddress; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Send one packet that opens our NAT towards `peer`: any packet does. */
  | { readonly kind: "punch"; readonly peer: PeerAddress }
  /**
   * Start a handshake with `peer` there, and repeat its first message quickly. `attempt`: the call it answers, or null
   * when we were called; nothing is to be done then if the peer has got through meanwhile.
   */
  | { readonly kind: "dial"; readonly attempt: number | null; readonly peer: PeerAddress }
  /** The introducer will not, or cannot, or did not answer. */
  | {
    readonly kind: "failed";
    readonly attempt: number;
    readonly reason: "unknown_peer" | "rate_limited" | "timeout";
  }
  /** A question was turned away here: for `dht.refused`. */
  | {
    readonly kind: "refused";
    readonly from: PeerAddress;
    readonly reason: "rate_limited" | "malformed";
    readonly count: number;
  };

export interface RendezvousOptions {
  readonly self: PeerId;
  readonly prng: Prng;
  /** Where the peer is that we hold a session with, or null. */
  readonly addressOf: (peerId: PeerId) => string | null;
}

export class Rendezvous {
  readonly #options: RendezvousOptions;
  readonly #attempts = new Map<number, Attempt>();
  readonly #punches: Punch[] = [];
  readonly #outputs: RendezvousOutput[] = [];
  /** Introductions asked of us, and calls that introducers bring us. */
  readonly #asked = new FloodGuard(INTRODUCTION_LIMITS);
  readonly #called = new FloodGuard(CALL_LIMITS);
  readonly #introducers = new Set<PeerId>();
  #nextAttempt = 1;

  constructor(options: RendezvousOptions) {
    this.#options = options;
  }

  /** Sets whom we have asked to introduce others to us: nobody else can make us send anywhere. */
  acceptCallsFrom(introducers: Iterable<PeerId>): void {
    this.#introducers.clear();
    for (const peerId of introducers) this.#introducers.add(peerId);
  }

  /** Asks `introducer` to bring us together with `target`. Returns the attempt's number. */
  call(now: Instant, introducer: PeerAddress, target: PeerId): number {
    const attempt = this.#nextAttempt++;
    const nonce = Math.floor(this.#options.prng.next() * 0x1_0000_0000);
    this.#attempts.set(nonce, {
      attempt,
      introducer: introducer.peerId,
      target,
      giveUpAt: later(now, ANSWER_WITHIN_MS),
    });
    this.#send(introducer, { kind: "introduce", nonce, target });
    return attempt;
  }

  /** A DATAGRAM frame of type 2 arrived on a session with `from`. */
  handleDatagram(now: Instant, from: PeerAddress, bytes: Uint8Array): void {
    let message: RendezvousMessage;
    try {
      message = decodeRendezvous(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#outputs.push({ kind: "refused", from, reason: "malformed", count: 1 });
      return;
    }
    if (message.kind === "introduce") this.#introduce(now, from, message);
    else if (message.kind === "refused") this.#onRefused(from, message);
    else if (message.isCaller) this.#onAnswered(from, message);
    else this.#onCalled(now, from, message);
  }

  handleTimeout(now: Instant): void {
    for (const [nonce, { attempt, giveUpAt }] of this.#attempts) {
      if (giveUpAt > now) continue;
      this.#attempts.delete(nonce);
      this.#outputs.push({ kind: "failed", attempt, reason: "timeout" });
    }
    for (const punch of [...this.#punches]) {
      if (punch.at > now) continue;
      const delayMs = PUNCH_DELAYS_MS[punch.sent++];
      if (delayMs === undefined) {
        this.#punches.splice(this.#punches.indexOf(punch), 1);
        this.#outputs.push({ kind: "dial", attempt: null, peer: punch.peer });
      } else {
        this.#outputs.push({ kind: "punch", peer: punch.peer });
        punch.at = later(now, delayMs);
      }
    }
    for (const { count, ...from } of [...this.#asked.takeOverdue(now), ...this.#called.takeOverdue(now)]) {
      this.#outputs.push({ kind: "refused", from, reason: "rate_limited", count });
    }
  }

  nextTimeout(): Instant | null {
    let next = Infinity;
    for (const { giveUpAt } of this.#attempts.values()) next = Math.min(next, giveUpAt);
    for (const { at } of this.#punches) next = Math.min(next, at);
    for (const guard of [this.#asked, this.#called]) next = Math.min(next, guard.nextTimeout() ?? Infinity);
    return next === Infinity ? null : next as Instant;
  }

  pollOutput(): RendezvousOutput | null {
    return this.#outputs.shift() ?? null;
  }

  /** As introducer: tell both, the called side first since it has the longer way to go. */
  #introduce(
    now: Instant,
    from: PeerAddress,
    { nonce, target }: Extract<RendezvousMessage, { kind: "introduce" }>,
  ): void {
    const verdict = this.#asked.admit(now, from.peerId, from.address);
    if (!verdict.admitted) {
      if (verdict.report > 0) {
        this.#outputs.push({ kind: "refused", from, reason: "rate_limited", count: verdict.report });
      }
      return this.#send(from, { kind: "refused", nonce, reason: "rate_limited" });
    }
    const address = this.#options.addressOf(target);
    const canTell = address !== null && mayMention(from.address, address) &&
      mayMention(address, from.address);
    if (!canTell || target === from.peerId) {
      return this.#send(from, { kind: "refused", nonce, reason: "unknown_peer" });
    }
    const to = { peerId: target, address };
    this.#send(to, { kind: "meet", nonce, isCaller: false, peer: from.peerId, address: from.address });
    this.#send(from, { kind: "meet", nonce, isCaller: true, peer: target, address });
  }

  #onAnswered(
    from: PeerAddress,
    { nonce, peer, address }: Extract<RendezvousMessage, { kind: "meet" }>,
  ): void {
    const attempt = this.#take(nonce, from);
    if (attempt === null) return;
    if (attempt.target !== peer) {
      this.#outputs.push({ kind: "failed", attempt: attempt.attempt, reason: "unknown_peer" });
      return;
    }
    this.#outputs.push({ kind: "dial", attempt: attempt.attempt, peer: { peerId: peer, address } });
  }

  #onRefused(from: PeerAddress, { nonce, reason }: Extract<RendezvousMessage, { kind: "refused" }>): void {
    const attempt = this.#take(nonce, from);
    if (attempt !== null) this.#outputs.push({ kind: "failed", attempt: attempt.attempt, reason });
  }

  /** A few packets to an address of an introducer's choosing: no more than that, and from no stranger. */
  #onCalled(
    now: Instant,
    from: PeerAddress,
    { peer, address }: Extract<RendezvousMessage, { kind: "meet" }>,
  ): void {
    if (!this.#introducers.has(from.peerId) || !mayMention(from.address, address)) {
      this.#outputs.push({ kind: "refused", from, reason: "malformed", count: 1 });
      return;
    }
    const verdict = this.#called.admit(now, from.peerId, from.address);
    if (!verdict.admitted) {
      if (verdict.report > 0) {
        this.#outputs.push({ kind: "refused", from, reason: "rate_limited", count: verdict.report });
      }
      return;
    }
    this.#punches.push({ peer: { peerId: peer, address }, at: now, sent: 0 });
    this.handleTimeout(now);
  }

  #take(nonce: number, from: PeerAddress): Attempt | null {
    const attempt = this.#attempts.get(nonce);
    if (attempt === undefined || attempt.introducer !== from.peerId) return null;
    this.#attempts.delete(nonce);
    return attempt;
  }

  #send(to: PeerAddress, message: RendezvousMessage): void {
    this.#outputs.push({ kind: "send", to, bytes: encodeRendezvous(message) });
  }
}

interface Attempt {
  readonly attempt: number;
  readonly introducer: PeerId;
  readonly target: PeerId;
  readonly giveUpAt: Instant;
}

interface Punch {
  readonly peer: PeerAddress;
  at: Instant;
  sent: number;
}

const ANSWER_WITHIN_MS = 3000;
/** Gaps after each punch: dense while both are at it; the last is the patience before dialling back. */
const PUNCH_DELAYS_MS: readonly number[] = [50, 100, 200, 400, 800];
const INTRODUCTION_LIMITS = { perPeerRate: 2, perSourceRate: 10, burstSeconds: 5, remembered: 4096 };
const CALL_LIMITS = { perPeerRate: 2, perSourceRate: 10, burstSeconds: 5, remembered: 256 };
