/**
 * Fills packets: which frames go in, in which order, under which limits; then seals them in place.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import { AEAD_TAG_LENGTH } from "../crypto/cipher_suite.ts";
import {
  encodeAck,
  encodeClose,
  encodeIntegers,
  encodePathFrame,
  PATH_FRAME_LENGTH,
} from "../wire/frame_encoding.ts";
import { FrameType } from "../wire/frames.ts";
import { DATA_OVERHEAD, HEADER_LENGTH, MIN_INIT_LENGTH, PacketType, writeHeader } from "../wire/packet.ts";
import type { ConnectionParts, RunLimits } from "./connection_parts.ts";
import type { PathReply } from "./path.ts";
import { SentFrame } from "./sent_packets.ts";

/** Bytes of a CLOSE frame without a reason, its code below 64. */
const MIN_CLOSE_LENGTH = 3;
/** Acknowledgements sent alone before one carries a PING, so that old ranges can be forgotten. */
const LONE_ACKS = 16;
/** Fewer ranges than this are cheap enough to repeat. */
const MANY_RANGES = 4;

/** What kept the last run from going on. */
export type Limitation = "none" | "window" | "pacing" | "path" | "run";

export class PacketBuilder {
  readonly #parts: ConnectionParts;
  /** Set by the owner when a packet must go out whatever there is to say: keepalive, confirmation. */
  pingDue = false;
  /** Why the last {@link buildRun} stopped. */
  limitation: Limitation = "none";
  /** Datagram bytes sent, and how many datagrams. */
  bytesSent = 0;
  packetsSent = 0;
  #loneAcks = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /**
   * Builds a run of packets to the active path at the front of `out`.
   *
   * @returns the run's bytes, 0 when there is nothing to send (or nothing that may be sent) now.
   */
  buildRun(now: Instant, out: Uint8Array, limits: RunLimits): number {
    const { mtu, path } = this.#parts;
    const segment = mtu.datagramBytes;
    const end = Math.min(limits.maxBytes, limits.maxSegments * segment, out.length);
    let at = 0;
    this.limitation = "none";
    for (;;) {
      if (end - at < segment) {
        this.limitation = "run";
        break;
      }
      const allowance = path.sendAllowance;
      if (allowance < DATA_OVERHEAD + PATH_FRAME_LENGTH) {
        this.limitation = "path";
        break;
      }
      const length = this.#buildPacket(now, out, at, Math.min(segment, allowance), at === 0);
      at += length;
      // Only the last packet of a run may be shorter.
      if (length < segment) break;
    }
    this.#noteLimitation();
    return at;
  }

  /** Builds one packet of exactly `bytes`, a path MTU probe. */
  buildProbe(now: Instant, out: Uint8Array, bytes: number): number {
    const { recovery } = this.#parts;
    const start = this.#begin(out, 0);
    const at = encodeIntegers(out, start, FrameType.Ping);
    recovery.sent.addFrame(SentFrame.MtuProbe, bytes, 0, 0);
    out.fill(FrameType.Padding, at, bytes - AEAD_TAG_LENGTH);
    // A lost probe says nothing about congestion (RFC 8899 §3), so it is not in flight.
    return this.#seal(now, out, 0, bytes - AEAD_TAG_LENGTH, true, false);
  }

  /** Builds the answer to a path challenge, for an address that need not be the active one. */
  buildPathReply(now: Instant, out: Uint8Array, { data, padToBytes }: PathReply): number {
    const start = this.#begin(out, 0);
    let at = encodePathFrame(out, start, FrameType.PathResponse, data);
    at = this.#padTo(out, at, padToBytes - AEAD_TAG_LENGTH);
    // The peer acknowledges it, and nothing follows from that: no record is kept, or a peer that only ever asks and
    // never acknowledges would make the records grow without end.
    return this.#seal(now, out, 0, at, false, false);
  }

  /** Builds the packet that ends the session, 0 bytes when the path may not take even one without a reason. */
  buildClose(now: Instant, out: Uint8Array, code: number, reason: Uint8Array): number {
    const limit = Math.min(MIN_INIT_LENGTH, this.#parts.path.sendAllowance) - AEAD_TAG_LENGTH;
    if (limit < HEADER_LENGTH + MIN_CLOSE_LENGTH) return 0;
    const start = this.#begin(out, 0);
    return this.#seal(now, out, 0, encodeClose(out, start, limit, code, reason), false, false);
  }

  /** Builds one packet into `out[start, start + size)`. Returns its length, 0 when it would be empty. */
  #buildPacket(now: Instant, out: Uint8Array, start: number, size: number, isFirst: boolean): number {
    const { received, recovery, path, streams, datagrams, rekey } = this.#parts;
    const { sent } = recovery;
    const limit = start + size - AEAD_TAG_LENGTH;
    const body = this.#begin(out, start);
    const mayCarryData = this.#mayCarryData(now, size);
    let at = body;
    if (received.isDue(now) || (isFirst && mayCarryData && received.hasNews && this.#hasEliciting)) {
      at = this.#writeAck(now, out, at, limit);
    }
    const afterAck = at;
    const challenge = path.dueChallenge;
    if (challenge !== null && at + PATH_FRAME_LENGTH <= limit) {
      at = encodePathFrame(out, at, FrameType.PathChallenge, challenge);
      path.onChallengeSent();
    }
    if (mayCarryData) {
      if (rekey.hasFrames) at = rekey.writeFrames(out, at, limit, sent);
      if (streams.hasControlFrames) at = streams.writeControlFrames(out, at, limit, sent);
      if (!datagrams.isEmpty) at = datagrams.writeFrames(out, at, limit, at === body);
      at = streams.writeStreamFrames(out, at, limit, sent);
    }
    if (at === afterAck && this.#needsPing(at > body)) {
      at = encodeIntegers(out, at, FrameType.Ping);
      sent.addFrame(SentFrame.Ping, 0, 0, 0);
    }
    if (at === body) return 0;
    this.pingDue = false;
    if (challenge !== null) {
      at = this.#padTo(out, at, Math.min(limit, start + MIN_INIT_LENGTH - AEAD_TAG_LENGTH));
    }
    const eliciting = at > afterAck;
    this.#loneAcks = eliciting ? 0 : this.#loneAcks + 1;
    return this.#seal(now, out, start, at, eliciting, eliciting);
  }

  #writeAck(now: Instant, out: Uint8Array, at: number, limit: number): number {
    const { received, recovery } = this.#parts;
    const next = encodeAck(out, at, limit, received, received.delayUs(now));
    if (next === at) return at;
    recovery.sent.addFrame(SentFrame.Ack, received.highAt(0), 0, 0);
    received.onAckSent();
    return next;
  }

  /** Window and pacing let a packet of `size` bytes go, or a probe is owed (RFC 9002 §7.5). */
  #mayCarryData(now: Instant, size: number): boolean {
    const { recovery, pacer, mtu } = this.#parts;
    if (recovery.probesOwed > 0) return true;
    if (recovery.availableBytes < size) {
      this.limitation = "window";
      return false;
    }
    if (pacer.allowance(now, recovery.controller.pacingRate, mtu.datagramBytes) <= 0) {
      this.limitation = "pacing";
      return false;
    }
    return true;
  }

  #needsPing(hasAck: boolean): boolean {
    if (this.pingDue || this.#parts.recovery.probesOwed > 0) return true;
    return hasAck && this.#loneAcks >= LONE_ACKS && this.#parts.received.count >= MANY_RANGES;
  }

  get #hasEliciting(): boolean {
    const { streams, datagrams, rekey } = this.#parts;
    return streams.hasFrames || !datagrams.isEmpty || rekey.hasFrames;
  }

  /** Tells recovery whether the application or the network was the limit. */
  #noteLimitation(): void {
    if (this.limitation === "run") return;
    const waiting = this.#hasEliciting;
    if (!waiting) this.limitation = "none";
    this.#parts.recovery.setWindowLimited(waiting && this.limitation !== "none");
  }

  #begin(out: Uint8Array, start: number): number {
    const { keys, peer, recovery, skipped } = this.#parts;
    if (skipped.isDue(recovery.sent.next)) recovery.sent.skip();
    return writeHeader(out, start, PacketType.Data, keys.sendEpoch & 3, peer.index, recovery.sent.next);
  }

  #seal(
    now: Instant,
    out: Uint8Array,
    start: number,
    end: number,
    eliciting: boolean,
    inFlight: boolean,
  ): number {
    const { keys, recovery, pacer, path } = this.#parts;
    const body = start + DATA_OVERHEAD - AEAD_TAG_LENGTH;
    const length = keys.sealing().seal(recovery.sent.next, out, start, body - start, end - body) - start;
    recovery.onSent(now, length, eliciting, inFlight);
    if (inFlight) pacer.spend(length);
    path.onSent(length);
    this.bytesSent += length;
    this.packetsSent++;
    return length;
  }

  #padTo(out: Uint8Array, at: number, end: number): number {
    if (at >= end) return at;
    out.fill(FrameType.Padding, at, end);
    return end;
  }
}
