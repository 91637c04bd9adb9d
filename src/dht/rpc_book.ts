/**
 * Questions under way: numbers them, sends each a second time when the answer is slow, gives up in the end, and
 * matches answers to them.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Prng } from "../entropy.ts";
import type { Located, PeerAddress } from "./contact.ts";
import { type DhtAnswer, type DhtRequest, encodeRequest } from "./rpc.ts";

/** A datagram to send. */
export interface DhtTransmit {
  readonly to: PeerAddress;
  /** For one DATAGRAM frame; the taker's own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether a session should be established for it; otherwise it goes out only if there is one. */
  readonly mayConnect: boolean;
}

/** What a question is good for. Called at most once with an end; `onStall` at most once before that. */
export interface RpcHandler {
  /** Answers of several datagrams come in one by one; `isLast` says that nothing more is expected. */
  onAnswer(now: Instant, answer: DhtAnswer, isLast: boolean): void;
  /** The answer takes longer than it should; it may still come. */
  onStall?(now: Instant): void;
  /** No answer came in time, or the peer cannot be reached. */
  onFailure(now: Instant): void;
}

/** How a question ended, for whoever keeps the contacts and reports events. */
export interface RpcEnd {
  readonly to: Located;
  readonly kind: DhtRequest["kind"];
  readonly result: "success" | "timeout" | "refused" | "malformed";
  readonly durationMs: number;
  readonly lookupId: number | null;
}

export interface RpcTimeouts {
  /** An answer from a peer never measured is slow after this. */
  readonly slowMs: number;
  /** No answer comes after this. */
  readonly giveUpMs: number;
}

export class RpcBook {
  readonly #timeouts: RpcTimeouts;
  readonly #onEnd: (now: Instant, end: RpcEnd) => void;
  readonly #pending = new Map<number, Pending>();
  readonly #outbox: DhtTransmit[] = [];
  #nextId: number;
  /** Set by whoever knows whether others can reach us. */
  isClient = false;

  constructor(timeouts: RpcTimeouts, prng: Prng, onEnd: (now: Instant, end: RpcEnd) => void) {
    this.#timeouts = timeouts;
    this.#onEnd = onEnd;
    this.#nextId = Math.floor(prng.next() * 0x1_0000_0000);
  }

  /** Questions without an answer so far. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Sends a question. `rttMs` is what is known of the peer's round trip, or -1. */
  ask(
    now: Instant,
    to: Located,
    rttMs: number,
    request: DhtRequest,
    handler: RpcHandler,
    lookupId: number | null = null,
  ): void {
    const requestId = this.#nextId;
    this.#nextId = (this.#nextId + 1) >>> 0;
    const bytes = encodeRequest({ requestId, isClient: this.isClient }, request);
    // Three round trips: two to establish a session where there is none, and one of patience.
    const slowMs = rttMs < 0 ? this.#timeouts.slowMs : Math.min(this.#timeouts.slowMs, 3 * rttMs + 50);
    this.#pending.set(requestId, {
      to,
      kind: request.kind,
      bytes,
      handler,
      lookupId,
      sentAt: now,
      slowAt: later(now, slowMs),
      giveUpAt: later(now, this.#timeouts.giveUpMs),
      isSlow: false,
      partsSeen: 0,
    });
    this.#outbox.push({ to, bytes, mayConnect: true });
  }

  /** Sends what needs no answer, if there is a session to send it on. */
  send(to: PeerAddress, bytes: Uint8Array<ArrayBuffer>): void {
    this.#outbox.push({ to, bytes, mayConnect: false });
  }

  /** Sends a notice to a peer there may be a session with. */
  tell(to: PeerAddress, request: DhtRequest): void {
    this.send(to, encodeRequest({ requestId: 0, isClient: this.isClient }, request));
  }

  /** Whether `from` has been asked what `answer` answers. */
  awaits(from: PeerId, requestId: number, answer: DhtAnswer): boolean {
    const pending = this.#pending.get(requestId);
    // Whom we asked must answer: anybody else who guesses the number is not heard.
    return pending !== undefined && pending.to.peerId === from && pending.kind === answer.kind;
  }

  /** An answer arrived. One that nobody awaits is not heard. */
  handleAnswer(now: Instant, from: PeerId, requestId: number, answer: DhtAnswer): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined || !this.awaits(from, requestId, answer)) return;
    if (!isLastPart(pending, answer)) return pending.handler.onAnswer(now, answer, false);
    this.#pending.delete(requestId);
    this.#end(now, pending, isRefusal(answer) ? "refused" : "success");
    pending.handler.onAnswer(now, answer, true);
  }

  /** The peer's answer cannot be read: nothing good will come of the question. */
  handleMalformed(now: Instant, from: PeerId): void {
    this.#failAll(now, "malformed", (pending) => pending.to.peerId === from);
  }

  /** No session with the peer can be established. */
  handleUnreachable(now: Instant, peerId: PeerId): void {
    this.#failAll(now, "timeout", (pending) => pending.to.peerId === peerId);
  }

  handleTimeout(now: Instant): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.isSlow || pending.slowAt > now) continue;
      pending.isSlow = true;
      this.#outbox.push({ to: pending.to, bytes: pending.bytes, mayConnect: true });
      pending.handler.onStall?.(now);
    }
    this.#failAll(now, "timeout", (pending) => pending.giveUpAt <= now);
  }

  nextTimeout(): Instant | null {
    let next = Infinity;
    for (const pending of this.#pending.values()) {
      next = Math.min(next, pending.isSlow ? pending.giveUpAt : pending.slowAt);
    }
    return next === Infinity ? null : next as Instant;
  }

  pollTransmit(): DhtTransmit | null {
    return this.#outbox.shift() ?? null;
  }

  /** Drops every question; no handler is called. */
  clear(): void {
    this.#pending.clear();
  }

  #failAll(now: Instant, result: RpcEnd["result"], concerns: (pending: Pending) => boolean): void {
    for (const [requestId, pending] of [...this.#pending]) {
      // A handler may have ended others meanwhile.
      if (!concerns(pending) || !this.#pending.delete(requestId)) continue;
      // Part of an answer is an answer: the rest was lost on the way.
      const partial = pending.partsSeen > 0;
      this.#end(now, pending, partial ? "success" : result);
      if (partial) pending.handler.onAnswer(now, NOTHING_MORE, true);
      else pending.handler.onFailure(now);
    }
  }

  #end(now: Instant, { to, kind, lookupId, sentAt }: Pending, result: RpcEnd["result"]): void {
    this.#onEnd(now, { to, kind, result, durationMs: now - sentAt, lookupId });
  }
}

interface Pending {
  readonly to: Located;
  readonly kind: DhtRequest["kind"];
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly handler: RpcHandler;
  readonly lookupId: number | null;
  readonly sentAt: Instant;
  readonly slowAt: Instant;
  readonly giveUpAt: Instant;
  isSlow: boolean;
  /** One bit for each part that came. */
  partsSeen: number;
}

function isLastPart(pending: Pending, answer: DhtAnswer): boolean {
  if (answer.kind !== "find_node" && answer.kind !== "find_value") return true;
  pending.partsSeen |= 1 << answer.part;
  return pending.partsSeen === (1 << answer.parts) - 1;
}

function isRefusal(answer: DhtAnswer): boolean {
  return answer.kind === "store" && answer.status !== "stored" && answer.status !== "known";
}

const NOTHING_MORE: DhtAnswer = { kind: "find_value", part: 0, parts: 1, contacts: [], records: [] };
