/**
 * One established session as a state machine: packets and the time go in, packets and events come out.
 *
 * @module
 */

import { wipe } from "../bytes.ts";
import { type Instant, later } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Address } from "../net/address.ts";
import type { EmitEvent, SessionEnd } from "../observe/events.ts";
import { CLOSE_CODES, type CloseCode, closeCodeName } from "../wire/codes.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { parseFrames } from "../wire/frames.ts";
import { HEADER_LENGTH } from "../wire/packet.ts";
import type { TransportParameters } from "../wire/transport_parameters.ts";
import { ByteReader } from "../wire/varint.ts";
import { armDeadlines } from "./connection_deadlines.ts";
import type { EventSink } from "./connection_events.ts";
import {
  type ConnectionOptions,
  type ConnectionParts,
  makeParts,
  type RunLimits,
  type Transmit,
} from "./connection_parts.ts";
import type { ConnectionStats } from "./connection_stats.ts";
import { FrameHandler } from "./frame_handler.ts";
import { PacketBuilder } from "./packet_builder.ts";
import { type DataDropReason, PacketOpener } from "./packet_opener.ts";
import { ProtocolError } from "./protocol_error.ts";
import type { SessionSettings } from "./session_settings.ts";
import type { Stream, StreamPriority } from "./stream.ts";
import { Timer, Timers } from "./timers.ts";

/** Probe timeouts that a closing or draining session is remembered for (RFC 9000 §10.2). */
const CLOSE_PROBE_TIMEOUTS = 3;
/** Probe timeouts after which the previous epoch's key is destroyed. */
const KEY_DISCARD_PROBE_TIMEOUTS = 3;
/** A stream may hold this many bytes for sending however small the congestion window is. */
const MIN_SEND_BUFFER = 512 * 1024;
/** ... and at most this many beyond what may be in flight. */
const MAX_SEND_AHEAD = 1024 * 1024;

export class Connection {
  readonly sessionId: number;
  readonly isInitiator: boolean;
  readonly peerId: PeerId;
  readonly establishedAt: Instant;
  readonly local: TransportParameters;
  readonly peer: TransportParameters;
  readonly #settings: SessionSettings;
  readonly #events: EventSink;
  readonly #emit: EmitEvent;
  readonly #parts: ConnectionParts;
  readonly #builder: PacketBuilder;
  readonly #handler: FrameHandler;
  readonly #opener: PacketOpener;
  readonly #timers = new Timers();
  readonly #idleTimeoutMs: number;
  #state: "open" | "closing" | "draining" | "closed" = "open";
  #close: { readonly code: number; readonly reason: Uint8Array; due: boolean; received: number } | null =
    null;
  #lastReceivedAt: Instant;
  #lastActivityAt: Instant;
  #bytesReceived = 0;
  #packetsReceived = 0;
  #keepaliveWanted = false;

  constructor(options: ConnectionOptions) {
    this.sessionId = options.sessionId;
    this.isInitiator = options.isInitiator;
    this.peerId = options.peerId;
    this.establishedAt = this.#lastReceivedAt = this.#lastActivityAt = options.now;
    this.local = options.local;
    this.peer = options.peer;
    this.#settings = options.settings;
    // A packet may hold more frames behind its CLOSE: nobody hears of them.
    this.#events = (event) => {
      if (this.#state === "open") options.events(event);
    };
    this.#emit = options.emit;
    this.#idleTimeoutMs = Math.min(options.local.idleTimeoutMs, options.peer.idleTimeoutMs);
    this.#handler = new FrameHandler(() => this.#parts, this.#events, {
      onPeerClose: (code, reason) => this.#onPeerClose(code, reason),
      onRekeyed: () => this.#onRekeyed(this.#handler.now),
      onPathValidated: () => this.#noteState("path_challenge", `validated ${this.remoteAddr}`),
      onDatagramSize: () => this.#onDatagramSize("mtu"),
      onBlackHole: () => this.#onDatagramSize("black_hole"),
    });
    this.#parts = makeParts({ ...options, events: this.#events }, this.#handler);
    this.#builder = new PacketBuilder(this.#parts);
    this.#opener = new PacketOpener(this.#parts.keys, (packets) => this.#onReplayBurst(packets));
  }

  // What others may read.

  get state(): "open" | "closing" | "draining" | "closed" {
    return this.#state;
  }

  /** `host:port` in use now. */
  get remoteAddr(): string {
    return this.#parts.path.active.text;
  }

  get address(): Address {
    return this.#parts.path.active;
  }

  get openStreams(): number {
    return this.#parts.streams.openCount;
  }

  /** Cumulative and current numbers. Built anew at each read: for looking, not for the hot path. */
  get stats(): ConnectionStats {
    const { recovery, mtu, keys, datagrams } = this.#parts;
    return {
      bytesSent: this.#builder.bytesSent,
      bytesReceived: this.#bytesReceived,
      packetsSent: this.#builder.packetsSent,
      packetsReceived: this.#packetsReceived,
      packetsLost: recovery.stats.packetsLost,
      probesSent: recovery.stats.probesSent,
      persistentCongestions: recovery.stats.persistentCongestions,
      datagramsDropped: datagrams.dropped,
      smoothedRttMs: recovery.rtt.hasSample ? recovery.rtt.smoothedMs : 0,
      minRttMs: recovery.rtt.minMs,
      windowBytes: recovery.controller.windowBytes,
      inFlightBytes: recovery.inFlightBytes,
      pacingRate: recovery.controller.pacingRate,
      congestionState: recovery.controller.state,
      datagramBytes: mtu.datagramBytes,
      epoch: keys.epoch,
    };
  }

  /** When {@link handleTimeout} wants to be called next, or null. */
  get nextTimeout(): Instant | null {
    this.#armTimers();
    return this.#timers.next;
  }

  // Commands.

  /** Opens a stream, or null while the peer's limit is reached (`streams_available` follows). */
  openStream(priority: StreamPriority): Stream | null {
    return this.#state === "open" ? this.#parts.streams.open(priority) : null;
  }

  stream(id: number): Stream | undefined {
    return this.#parts.streams.get(id);
  }

  /** Queues the front of `bytes`; returns how many were taken. Fewer: `stream_writable` follows. */
  write(stream: Stream, bytes: Uint8Array): number {
    if (this.#state !== "open") return 0;
    // What may be in flight, by the path and by the peer, and as much again to go on with. Never so little that
    // the application is woken per packet, nor more ahead than a turn of the event loop sends.
    const credit = stream.sendLimit - stream.sending.base;
    const inFlight = Math.min(this.#parts.recovery.controller.windowBytes, credit);
    const limit = Math.max(MIN_SEND_BUFFER, Math.floor(inFlight + Math.min(inFlight, MAX_SEND_AHEAD)));
    return this.#parts.streams.write(stream, bytes, limit);
  }

  finish(stream: Stream): void {
    this.#parts.streams.finish(stream);
  }

  /** Bytes read into `into`, 0 when none are there now, -1 at the end of the stream. */
  read(now: Instant, stream: Stream, into: Uint8Array): number {
    const { recovery, streams } = this.#parts;
    return streams.read(now, stream, into, recovery.rtt.unqueuedMs);
  }

  resetStream(now: Instant, stream: Stream, code: number): void {
    this.#parts.streams.reset(now, stream, code);
  }

  /** Queues an unreliable message of at most {@link maxDatagramPayload} bytes. Returns whether it was taken. */
  sendDatagram(payload: Uint8Array): boolean {
    if (this.#state !== "open" || payload.length > MAX_DATAGRAM_PAYLOAD) return false;
    this.#parts.datagrams.push(payload);
    return true;
  }

  /** Keeps the session alive without open streams, or no longer. */
  keepAlive(wanted: boolean): void {
    this.#keepaliveWanted = wanted;
  }

  /** Sends a PING with the next turn: the responder confirms the handshake this way. */
  ping(): void {
    this.#builder.pingDue = true;
  }

  /** Starts a key update now rather than when it is due. */
  rekey(): void {
    if (this.#state === "open") this.#parts.rekey.start();
  }

  /** Ends the session: one CLOSE leaves with the next turn. Idempotent. */
  close(now: Instant, code: CloseCode, reason: string, end: SessionEnd = "local"): void {
    if (this.#state !== "open") return;
    this.#close = {
      code: CLOSE_CODES[code],
      reason: new TextEncoder().encode(reason),
      due: true,
      received: 0,
    };
    this.#announceEnd(now, end, code, reason);
    this.#end(now, "closing");
  }

  /** As {@link close}, for a session that nobody was told of. */
  closeUnannounced(now: Instant, code: CloseCode, reason: string): void {
    this.#close = {
      code: CLOSE_CODES[code],
      reason: new TextEncoder().encode(reason),
      due: true,
      received: 0,
    };
    this.#end(now, "closing");
  }

  // Input.

  /**
   * Takes in one Data packet for this session, opened in place.
   *
   * @returns null when it was authentic, else why it was dropped.
   */
  handlePacket(
    now: Instant,
    from: Address,
    slab: Uint8Array,
    start: number,
    length: number,
  ): DataDropReason | null {
    if (this.#state === "draining" || this.#state === "closed") return null;
    const dropped = this.#opener.open(now, slab, start, length);
    if (dropped !== null) {
      if (this.#parts.keys.integrityLimitReached) {
        this.close(now, "aead_limit", "too many forged packets", "error");
      }
      return dropped;
    }
    this.#onAuthentic(now, length);
    if (this.#state === "closing") this.#remindPeer();
    else this.#handleFrames(now, from, slab, start, length);
    return null;
  }

  /** Runs what is due. */
  handleTimeout(now: Instant): void {
    const timers = this.#timers;
    this.#handler.now = now;
    this.#armTimers();
    if (timers.isDue(Timer.Closed, now)) return this.#finish();
    if (this.#state !== "open") return;
    if (timers.isDue(Timer.KeyExpiry, now)) {
      // No CLOSE: nothing is sealed under a key this old, and the peer's clock says the same.
      this.#announceEnd(now, "error", "key_expired", "no fresh keys within 180 s");
      this.#end(now, "draining");
    } else if (timers.isDue(Timer.Idle, now)) {
      this.#announceEnd(now, "idle", "no_error", "no packet within the idle timeout");
      this.#end(now, "draining");
    }
    if (this.#state !== "open") return;
    try {
      this.#runTimers(now);
    } catch (error) {
      this.#failInternally(now, error);
    }
  }

  // Output.

  /** Whether {@link pollTransmit} may have something. */
  get wantsTransmit(): boolean {
    return this.#state === "open" || (this.#state === "closing" && this.#close !== null && this.#close.due);
  }

  /**
   * Writes the next run of packets to the front of `out`.
   *
   * @returns null when there is nothing to send now. The object is reused by the next call.
   */
  pollTransmit(now: Instant, out: Uint8Array, limits: RunLimits): Transmit | null {
    if (this.#parts.keys.isExpired(now)) return null;
    const bytes = this.#build(now, out, limits);
    if (bytes === 0) return null;
    this.#lastActivityAt = now;
    return transmit;
  }

  #build(now: Instant, out: Uint8Array, limits: RunLimits): number {
    if (this.#state !== "open") return this.#buildClosing(now, out);
    try {
      return this.#buildOpen(now, out, limits);
    } catch (error) {
      this.#failInternally(now, error);
      return this.#buildClosing(now, out);
    }
  }

  #buildOpen(now: Instant, out: Uint8Array, limits: RunLimits): number {
    const { path, mtu, recovery, streams } = this.#parts;
    const reply = path.nextReply;
    if (reply !== null) {
      path.onReplySent();
      return setTransmit(reply.to, this.#builder.buildPathReply(now, out, reply));
    }
    const run = this.#builder.buildRun(now, out, limits);
    if (run > 0) return setTransmit(path.active, run, mtu.datagramBytes);
    this.#armPacing(now);
    const probe = mtu.probeBytes;
    const searching = probe > 0 && streams.openCount > 0 && path.isValidated && probe <= limits.maxBytes;
    if (!searching || recovery.probeCount > 0 || !recovery.rtt.hasSample) return 0;
    mtu.onProbeSent();
    return setTransmit(path.active, this.#builder.buildProbe(now, out, probe));
  }

  #buildClosing(now: Instant, out: Uint8Array): number {
    const close = this.#close;
    if (close === null || !close.due || this.#state !== "closing") return 0;
    close.due = false;
    return setTransmit(this.#parts.path.active, this.#builder.buildClose(now, out, close.code, close.reason));
  }

  #handleFrames(now: Instant, from: Address, slab: Uint8Array, start: number, length: number): void {
    const { received, path, recovery } = this.#parts;
    this.#handler.begin(now, from, length);
    const body = start + HEADER_LENGTH;
    try {
      const eliciting = parseFrames(reader.reset(slab, body, body + this.#opener.bodyLength), this.#handler);
      received.record(now, this.#opener.number, eliciting, this.local.maxAckDelayMs);
    } catch (error) {
      if (error instanceof ProtocolError) return this.close(now, error.code, error.message, "error");
      if (error instanceof DecodeError) return this.close(now, "frame_encoding", error.message, "error");
      return this.#failInternally(now, error);
    }
    if (from === path.active || from.text === path.active.text) path.onReceived(length);
    else if (this.#opener.isNewest) {
      const previous = path.active.text;
      if (path.moveTo(now, from, length, Math.max(recovery.probeTimeoutMs, 100))) this.#onNewHost();
      this.#emit({
        type: "session.path_changed",
        sessionId: this.sessionId,
        peerId: this.peerId,
        from: previous,
        to: from.text,
      });
    }
  }

  /** A fault of ours costs this session, not the node. */
  #failInternally(now: Instant, error: unknown): void {
    const { peerId, remoteAddr } = this;
    const message = `Session failed: ${error instanceof Error ? error.message : String(error)}`;
    this.#emit({
      type: "node.error",
      errorType: "internal",
      component: "session",
      message,
      peerId,
      remoteAddr,
    });
    this.close(now, "internal_error", "internal error", "error");
  }

  #onAuthentic(now: Instant, length: number): void {
    const { keys, rekey } = this.#parts;
    this.#lastReceivedAt = this.#lastActivityAt = now;
    this.#bytesReceived += length;
    this.#packetsReceived++;
    if (keys.hasNext && this.#opener.epochBits === ((keys.epoch + 1) & 3)) {
      keys.promote(now);
      rekey.onPromoted();
      this.#onRekeyed(now);
    }
  }

  #onReplayBurst(packets: number): void {
    const { sessionId, peerId, remoteAddr } = this;
    this.#emit({ type: "session.replay_burst", sessionId, peerId, remoteAddr, packets });
  }

  /** The peer still sends: our CLOSE got lost. Answer ever more rarely (RFC 9000 §10.2.1). */
  #remindPeer(): void {
    const close = this.#close!;
    close.received++;
    if ((close.received & (close.received - 1)) === 0) close.due = true;
  }

  #onPeerClose(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#announceEnd(this.#handler.now, "remote", closeCodeName(code), reason);
    this.#end(this.#handler.now, "draining");
  }

  #onRekeyed(now: Instant): void {
    const { keys, recovery } = this.#parts;
    this.#timers.set(Timer.KeyDiscard, later(now, KEY_DISCARD_PROBE_TIMEOUTS * recovery.probeTimeoutMs));
    this.#emit({ type: "session.rekeyed", sessionId: this.sessionId, epoch: keys.epoch });
  }

  #onDatagramSize(what: "mtu" | "black_hole"): void {
    const { mtu, recovery } = this.#parts;
    recovery.controller.onDatagramSize(mtu.datagramBytes);
    this.#noteState(what, `datagrams of ${mtu.datagramBytes} bytes`);
  }

  #onNewHost(): void {
    const { recovery, mtu, pacer } = this.#parts;
    recovery.onNewPath();
    pacer.reset();
    mtu.restart();
    this.#onDatagramSize("mtu");
  }

  #noteState(what: "mtu" | "black_hole" | "path_challenge", detail: string): void {
    this.#emit({ type: "session.state", sessionId: this.sessionId, what, detail });
  }

  #runTimers(now: Instant): void {
    const { recovery, keys, rekey, path, mtu } = this.#parts;
    const timers = this.#timers;
    if (timers.isDue(Timer.KeyDiscard, now)) {
      keys.discardPrevious();
      timers.set(Timer.KeyDiscard, null);
    }
    if (timers.isDue(Timer.Recovery, now)) recovery.onTimeout(now);
    if (
      timers.isDue(Timer.PathValidation, now) && path.onTimeout(now, recovery.probeTimeoutMs) === "reverted"
    ) {
      this.#noteState("path_challenge", `unanswered, back to ${this.remoteAddr}`);
    }
    if (timers.isDue(Timer.Keepalive, now)) {
      this.#builder.pingDue = true;
      this.#parts.streams.trim();
      recovery.sent.trim();
    }
    if (timers.isDue(Timer.Rekey, now)) rekey.start();
    if (timers.isDue(Timer.MtuSearch, now)) mtu.onTimeout();
    if (timers.isDue(Timer.Pacing, now)) timers.set(Timer.Pacing, null);
  }

  #armTimers(): void {
    if (this.#state !== "open") return;
    armDeadlines(this.#timers, this.#parts, {
      isInitiator: this.isInitiator,
      idleTimeoutMs: this.#idleTimeoutMs,
      keepaliveIntervalMs: this.#settings.keepaliveIntervalMs,
      keepaliveWanted: this.#keepaliveWanted,
      pingDue: this.#builder.pingDue,
      lastReceivedAt: this.#lastReceivedAt,
      lastActivityAt: this.#lastActivityAt,
    });
  }

  #armPacing(now: Instant): void {
    const { pacer, recovery, mtu } = this.#parts;
    if (this.#builder.limitation !== "pacing") return;
    this.#timers.set(
      Timer.Pacing,
      pacer.nextRelease(now, recovery.controller.pacingRate, mtu.datagramBytes),
    );
  }

  #end(now: Instant, state: "closing" | "draining"): void {
    const { recovery } = this.#parts;
    this.#state = state;
    this.#timers.clearAll();
    this.#timers.set(
      Timer.Closed,
      later(now, CLOSE_PROBE_TIMEOUTS * Math.min(recovery.probeTimeoutMs, 1_000)),
    );
    // Who drains neither seals nor opens anything any more.
    if (state === "draining") this.#wipe();
  }

  #announceEnd(now: Instant, end: SessionEnd, code: string, reason: string): void {
    this.#emit({
      type: "session.closed",
      sessionId: this.sessionId,
      peerId: this.peerId,
      remoteAddr: this.remoteAddr,
      end,
      code,
      reason,
      durationMs: now - this.establishedAt,
      bytesSent: this.#builder.bytesSent,
      bytesReceived: this.#bytesReceived,
    });
    this.#events({ kind: "closed", end, code, reason });
  }

  #wipe(): void {
    this.#parts.keys.wipe();
    this.#parts.rekey.wipe();
  }

  #finish(): void {
    this.#state = "closed";
    this.#timers.clearAll();
    this.#wipe();
    if (this.#close !== null) wipe(this.#close.reason);
  }
}

/** The longest unreliable message: fits the smallest datagram beside an acknowledgement. */
export const MAX_DATAGRAM_PAYLOAD = 1_120;

// One of each serves every connection: a call fills it and its caller is done with it before the next.
const reader = new ByteReader();
const transmit: { to: Address; bytes: number; segmentBytes: number } = {
  to: { family: 4, hostname: "0.0.0.0", port: 0, text: "0.0.0.0:0" },
  bytes: 0,
  segmentBytes: 0,
};

function setTransmit(to: Address, bytes: number, segmentBytes = bytes): number {
  transmit.to = to;
  transmit.bytes = bytes;
  transmit.segmentBytes = Math.min(segmentBytes, bytes);
  return bytes;
}
