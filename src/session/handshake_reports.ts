/**
 * What the event stream hears of handshakes. Packets that anyone could have sent are reported a bounded number
 * of times a second; the endpoint's counters count them all.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Direction, EmitEvent, HandshakeFailureReason } from "../observe/events.ts";
import type { InitiatorHandshake } from "./initiator_handshake.ts";
import { TokenBucket } from "./rate_limiter.ts";
import type { ResponderHandshake } from "./responder_handshake.ts";

/** Reports a second about unproven sources. */
const UNPROVEN_PER_SECOND = 200;

export class HandshakeReports {
  readonly #emit: EmitEvent;
  readonly #unproven = new TokenBucket(UNPROVEN_PER_SECOND, UNPROVEN_PER_SECOND);

  constructor(emit: EmitEvent) {
    this.#emit = emit;
  }

  started(now: Instant, handshake: InitiatorHandshake | ResponderHandshake): void {
    if (handshake.kind === "responder" && !handshake.addressValidated && !this.#unproven.take(now)) return;
    this.#emit({
      type: "handshake.started",
      handshakeId: handshake.handshakeId,
      direction: directionOf(handshake),
      remoteAddr: remoteOf(handshake),
    });
  }

  retried(now: Instant, direction: Direction, remoteAddr: string): void {
    if (direction === "inbound" && !this.#unproven.take(now)) return;
    this.#emit({ type: "handshake.retried", direction, remoteAddr });
  }

  /** @param peerId whoever the other side claimed to be, where it did. */
  failed(
    now: Instant,
    handshake: InitiatorHandshake | ResponderHandshake,
    reason: HandshakeFailureReason,
    peerId: PeerId | null,
  ): void {
    // A responder that waited in vain most often had an Init that anyone could have sent; any other outcome
    // answers a Response that only the address could read.
    const addressValidated = handshake.kind === "initiator" || handshake.addressValidated ||
      (reason !== "timeout" && reason !== "decrypt");
    if (!addressValidated && !this.#unproven.take(now)) return;
    const named = peerId ?? (handshake.kind === "initiator" ? handshake.expectedPeer : null);
    this.#emit({
      type: "handshake.failed",
      handshakeId: handshake.handshakeId,
      direction: directionOf(handshake),
      remoteAddr: remoteOf(handshake),
      reason,
      durationMs: now - handshake.startedAt,
      addressValidated,
      ...(named === null ? {} : { peerId: named }),
    });
  }

  /** An Init was turned away before it cost anything. */
  refused(now: Instant, handshakeId: number, remoteAddr: string, reason: HandshakeFailureReason): void {
    if (!this.#unproven.take(now)) return;
    this.#emit({
      type: "handshake.failed",
      handshakeId,
      direction: "inbound",
      remoteAddr,
      reason,
      durationMs: 0,
      addressValidated: false,
    });
  }
}

function directionOf(handshake: InitiatorHandshake | ResponderHandshake): Direction {
  return handshake.kind === "initiator" ? "outbound" : "inbound";
}

function remoteOf(handshake: InitiatorHandshake | ResponderHandshake): string {
  return (handshake.kind === "initiator" ? handshake.to : handshake.from).text;
}
