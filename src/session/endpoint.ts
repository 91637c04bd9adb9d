/**
 * Every session of a node behind one socket, as a state machine: datagrams and the time go in, datagrams and
 * events come out. Finds the session of a packet by its receiver index, and decides who may start a new one.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Entropy, Prng } from "../entropy.ts";
import type { Address } from "../net/address.ts";
import type { Direction, EmitEvent, HandshakeFailureReason } from "../observe/events.ts";
import {
  checkHeader,
  HEADER_LENGTH,
  MIN_INIT_LENGTH,
  PacketType,
  PROTOCOL_VERSION,
  receiverIndex,
  writeHeader,
} from "../wire/packet.ts";
import type { TransportParameters } from "../wire/transport_parameters.ts";
import { Admission, type AdmissionSettings } from "./admission.ts";
import { Connection } from "./connection.ts";
import type { ConnectionEvent } from "./connection_events.ts";
import type { RunLimits, Transmit } from "./connection_parts.ts";
import { Slot } from "./endpoint_slot.ts";
import { type DropReason, EndpointStats } from "./endpoint_stats.ts";
import { HandshakeReports } from "./handshake_reports.ts";
import type { HandshakeResult } from "./handshake_result.ts";
import { InitiatorHandshake } from "./initiator_handshake.ts";
import { KeyLog } from "./key_log.ts";
import { ResponderHandshake } from "./responder_handshake.ts";
import type { SessionIdentity } from "./session_identity.ts";
import type { SessionSettings } from "./session_settings.ts";
import { SlotTable } from "./slot_table.ts";

/** What the endpoint tells the program that owns it. */
export type EndpointEvent =
  /** A session is up; its events follow as `connection`. */
  | {
    readonly kind: "connected";
    readonly handshakeId: number;
    readonly direction: Direction;
    readonly connection: Connection;
  }
  | {
    readonly kind: "connect_failed";
    readonly handshakeId: number;
    readonly reason: HandshakeFailureReason;
    readonly peerId: PeerId | null;
  }
  | { readonly kind: "connection"; readonly connection: Connection; readonly event: ConnectionEvent };

export interface EndpointOptions {
  readonly suite: CipherSuite;
  /** Keys, indexes, tokens. */
  readonly entropy: Entropy;
  /** Jitter. */
  readonly prng: Prng;
  readonly identity: SessionIdentity;
  readonly settings: SessionSettings;
  readonly admission: AdmissionSettings;
  readonly maxSessions: number;
  readonly emit: EmitEvent;
  /** Whether datagrams from there are ignored. Asked for each Init, before any work. */
  readonly isBanned?: (address: Address) => boolean;
  /** Whether this peer may have a session. Asked once it has proven who it is. */
  readonly isAllowed?: (peerId: PeerId, address: Address) => boolean;
}

/** Retries waiting to be sent; beyond it they are dropped, the initiator asks again. */
const MAX_WAITING_RETRIES = 256;

export class Endpoint {
  readonly stats = new EndpointStats();
  readonly keyLog = new KeyLog();
  readonly #options: EndpointOptions;
  readonly #admission: Admission;
  readonly #slots: SlotTable;
  readonly #reports: HandshakeReports;
  readonly #retries: { readonly to: Address; readonly bytes: Uint8Array }[] = [];
  readonly #events: EndpointEvent[] = [];
  #nextHandshakeId = 1;
  #nextSessionId = 1;
  #connected = 0;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#slots = new SlotTable(options.entropy);
    this.#reports = new HandshakeReports(options.emit);
    this.#admission = new Admission(options.admission, options.suite, options.entropy);
  }

  /** Established sessions. */
  get sessionCount(): number {
    return this.#connected;
  }

  /** Handshakes under way as responder. */
  get halfOpenCount(): number {
    return this.#slots.halfOpenCount;
  }

  /** Session indexes in use: established, closing and half-open. */
  get slotCount(): number {
    return this.#slots.size;
  }

  /** Established sessions, in order of their creation. */
  *connections(): IterableIterator<Connection> {
    for (const { state } of this.#slots.values()) {
      if (state.kind === "connected" && state.connection.state === "open") yield state.connection;
    }
  }

  /** When {@link handleTimeout} wants to be called, or null. Read it after the transmits are drained. */
  nextTimeout(): Instant | null {
    return this.#slots.nextDeadline;
  }

  // Commands.

  /**
   * Starts a handshake.
   *
   * @param expectedPeer whom to accept there; null accepts anyone.
   * @returns the id under which `connected` or `connect_failed` will name it.
   */
  connect(now: Instant, to: Address, expectedPeer: PeerId | null): number {
    const { suite, entropy, prng, identity, settings } = this.#options;
    const handshakeId = this.#nextHandshakeId++;
    const index = this.#slots.freshIndex();
    const handshake = new InitiatorHandshake({
      now,
      handshakeId,
      index,
      to,
      expectedPeer,
      suite,
      entropy,
      prng,
      identity,
      parameters: this.#parameters(index),
      timeoutMs: settings.handshakeTimeoutMs,
    });
    this.#reports.started(now, handshake);
    this.#slots.add(new Slot(index, { kind: "initiating", handshake }));
    return handshakeId;
  }

  /** Gives up a handshake that {@link connect} started and that has not succeeded. */
  abandon(handshakeId: number): void {
    for (const slot of this.#slots.values()) {
      if (slot.state.kind === "initiating" && slot.state.handshake.handshakeId === handshakeId) {
        return this.#slots.remove(slot);
      }
    }
  }

  /** Marks a connection as having something to send, after a command on it. */
  wake(connection: Connection): void {
    const slot = this.#slots.get(connection.local.index);
    if (slot !== undefined) this.#slots.queue(slot);
  }

  // Input.

  /** Takes in `slab[start, start + length)`, changing the bytes in place. Never throws over what it says. */
  handleDatagram(now: Instant, from: Address, slab: Uint8Array, start: number, length: number): void {
    this.stats.packetsReceived++;
    this.stats.bytesReceived += length;
    const type = checkHeader(slab, start, length);
    if (type === PacketType.Data) this.#onData(now, from, slab, start, length);
    else if (type === PacketType.Init) this.#onInit(now, from, slab, start, length);
    else if (type === PacketType.Response) this.#onResponse(now, slab, start, length);
    else if (type === PacketType.Final) this.#onFinal(now, from, slab, start, length);
    else if (type === PacketType.Retry) this.#onRetry(now, slab, start, length);
    else if (type === 0) this.#drop("malformed");
    else this.#refuse(now, from, "version");
  }

  /** Runs what is due. Drain the transmits and events afterwards. */
  handleTimeout(now: Instant): void {
    for (let slot = this.#slots.takeDue(now); slot !== null; slot = this.#slots.takeDue(now)) {
      this.#runSlot(now, slot);
    }
  }

  // Output.

  /** The next event, or null. */
  pollEvent(): EndpointEvent | null {
    return this.#events.shift() ?? null;
  }

  /**
   * Writes the next run of packets to the front of `out` (at least 1200 bytes).
   *
   * @returns null when there is nothing to send now. The object is reused by the next call.
   */
  pollTransmit(now: Instant, out: Uint8Array, limits: RunLimits): Transmit | null {
    const retry = this.#retries.shift();
    if (retry !== undefined) return this.#sendMessage(retry.to, retry.bytes, out);
    for (let slot = this.#slots.sender; slot !== null; slot = this.#slots.sender) {
      const run = this.#pollSlot(now, slot, out, limits);
      if (run !== null) {
        this.#slots.rotate();
        this.#count(run);
        return run;
      }
      this.#slots.settle(now);
    }
    return null;
  }

  // Packets.

  #onData(now: Instant, from: Address, slab: Uint8Array, start: number, length: number): void {
    const slot = this.#slots.get(receiverIndex(slab, start));
    if (slot === undefined) return this.#drop("unknown_session");
    const { state } = slot;
    if (state.kind === "responding") {
      if (!state.handshake.keepEarly(from, slab, start, length)) this.#drop("buffer_full");
    } else if (state.kind === "connected") {
      const dropped = state.connection.handlePacket(now, from, slab, start, length);
      if (dropped !== null) return this.#drop(dropped);
      if (state.final !== null) slot.state = { ...state, final: null };
      this.#slots.queue(slot);
    } else this.#drop("unknown_session");
  }

  #onInit(now: Instant, from: Address, slab: Uint8Array, start: number, length: number): void {
    const tokenAt = start + HEADER_LENGTH + 33;
    const tokenLength = slab[tokenAt - 1];
    const sender = receiverIndex(slab, start);
    if (length < MIN_INIT_LENGTH || sender === 0 || tokenAt + tokenLength > start + length) {
      return this.#refuse(now, from, "malformed");
    }
    if (this.#options.isBanned?.(from)) return this.#drop("banned");
    const e = slab.subarray(start + HEADER_LENGTH, start + HEADER_LENGTH + 32);
    const ephemeral = String.fromCharCode(...e);
    const known = this.#slots.halfOpenWith(ephemeral);
    if (known !== undefined && known.state.kind === "responding") {
      known.state.handshake.onRepeatedInit(from, sender, length);
      return this.#slots.queue(known);
    }
    const token = slab.subarray(tokenAt, tokenAt + tokenLength);
    const verdict = this.#admission.judge(now, from, e, token, this.#slots.halfOpenCount);
    if (verdict.kind === "refuse") return this.#refuse(now, from, verdict.reason);
    if (verdict.kind === "retry") {
      if (tokenLength > 0) this.#drop("bad_token");
      return this.#sendRetry(now, from, sender, verdict.token);
    }
    if (this.#slots.size - this.#slots.halfOpenCount >= this.#options.maxSessions) {
      return this.#drop("session_limit");
    }
    this.#respond(now, from, sender, e, ephemeral, length, verdict.addressValidated);
  }

  #respond(
    now: Instant,
    from: Address,
    sender: number,
    e: Uint8Array,
    ephemeral: string,
    length: number,
    addressValidated: boolean,
  ): void {
    const { suite, entropy, prng, identity, settings, admission } = this.#options;
    const index = this.#slots.freshIndex();
    const handshake = new ResponderHandshake({
      now,
      handshakeId: this.#nextHandshakeId,
      index,
      from,
      addressValidated,
      suite,
      entropy,
      prng,
      identity,
      parameters: this.#parameters(index),
      timeoutMs: settings.handshakeTimeoutMs,
    });
    if (!handshake.start(e, sender, length)) return this.#refuse(now, from, "malformed");
    this.#nextHandshakeId++;
    if (this.#slots.halfOpenCount >= admission.maxHalfOpen) this.#dropOldestHalfOpen();
    this.#reports.started(now, handshake);
    this.#slots.add(new Slot(index, { kind: "responding", handshake, ephemeral }));
  }

  #onResponse(now: Instant, slab: Uint8Array, start: number, length: number): void {
    const slot = this.#slots.get(receiverIndex(slab, start));
    if (slot === undefined) return this.#drop("unknown_session");
    // A repeated Response finds the handshake done: the Final's own timer answers it.
    if (slot.state.kind !== "initiating") return this.#drop("handshake");
    const { handshake } = slot.state;
    const body = slab.subarray(start + HEADER_LENGTH, start + length);
    const roundTripMs = handshake.roundTripMs(now);
    const result = handshake.handleResponse(now, body);
    if (result.kind === "dropped") return this.#drop("handshake");
    if (result.kind === "failed") return this.#fail(now, slot, result.reason, result.peerId);
    const connection = this.#connect(now, slot, handshake, handshake.to, result, roundTripMs);
    slot.state = { kind: "connected", connection, final: handshake };
    this.#announce(now, slot, connection, handshake, "outbound");
  }

  #onFinal(now: Instant, from: Address, slab: Uint8Array, start: number, length: number): void {
    const slot = this.#slots.get(receiverIndex(slab, start));
    if (slot === undefined) return this.#drop("unknown_session");
    // A repeated Final: our own probes repeat the confirmation it asks for.
    if (slot.state.kind !== "responding") return this.#drop("handshake");
    const { handshake, ephemeral } = slot.state;
    const roundTripMs = handshake.roundTripMs(now);
    const result = handshake.handleFinal(slab.subarray(start + HEADER_LENGTH, start + length));
    if (result.kind === "dropped") return this.#drop("handshake");
    if (result.kind === "failed") return this.#fail(now, slot, result.reason, result.peerId);
    this.#slots.settleHandshake(ephemeral);
    const connection = this.#connect(now, slot, handshake, from, result, roundTripMs);
    slot.state = { kind: "connected", connection, final: null };
    if (this.#options.isAllowed?.(result.peer.peerId, from) === false) {
      return this.#turnAway(now, slot, connection, handshake);
    }
    connection.ping();
    this.#announce(now, slot, connection, handshake, "inbound");
    for (const packet of handshake.early) {
      const dropped = connection.handlePacket(now, packet.from, packet.bytes, 0, packet.bytes.length);
      if (dropped !== null) this.#drop(dropped);
    }
  }

  #onRetry(now: Instant, slab: Uint8Array, start: number, length: number): void {
    const slot = this.#slots.get(receiverIndex(slab, start));
    if (slot?.state.kind !== "initiating") return this.#drop("unknown_session");
    const { handshake } = slot.state;
    if (!handshake.handleRetry(slab.subarray(start + HEADER_LENGTH, start + length))) {
      return this.#drop("handshake");
    }
    this.#reports.retried(now, "outbound", handshake.to.text);
    this.#slots.queue(slot);
  }

  #sendRetry(now: Instant, to: Address, receiver: number, token: Uint8Array): void {
    if (this.#retries.length >= MAX_WAITING_RETRIES) return this.#drop("rate_limited");
    const bytes = new Uint8Array(HEADER_LENGTH + token.length);
    bytes.set(token, writeHeader(bytes, 0, PacketType.Retry, PROTOCOL_VERSION, receiver, 0));
    this.#retries.push({ to, bytes });
    this.#reports.retried(now, "inbound", to.text);
  }

  // Slots.

  #pollSlot(now: Instant, slot: Slot, out: Uint8Array, limits: RunLimits): Transmit | null {
    const { state } = slot;
    if (state.kind === "over") return null;
    if (state.kind !== "connected") {
      const message = state.handshake.pollMessage(now);
      if (message === null) return null;
      return fillMessage(
        state.kind === "initiating" ? state.handshake.to : state.handshake.from,
        message,
        out,
      );
    }
    const final = state.final?.pollMessage(now) ?? null;
    if (final !== null) return fillMessage(state.connection.address, final, out);
    return state.connection.pollTransmit(now, out, limits);
  }

  #runSlot(now: Instant, slot: Slot): void {
    const { state } = slot;
    if (state.kind === "over") return;
    if (state.kind === "connected") {
      state.final?.onTimeout(now);
      if (state.final !== null && now >= state.final.deadline) slot.state = { ...state, final: null };
      const { nextTimeout } = state.connection;
      if (nextTimeout !== null && nextTimeout <= now) state.connection.handleTimeout(now);
      return;
    }
    if (now >= state.handshake.deadline) {
      this.#fail(now, slot, state.handshake.sawForgery ? "decrypt" : "timeout", null);
    } else state.handshake.onTimeout(now);
  }

  #dropOldestHalfOpen(): void {
    const oldest = this.#slots.oldestHalfOpen;
    if (oldest === null) return;
    this.#drop("half_open_limit");
    this.#slots.remove(oldest);
  }

  // Sessions.

  #connect(
    now: Instant,
    slot: Slot,
    handshake: InitiatorHandshake | ResponderHandshake,
    address: Address,
    result: HandshakeResult & { kind: "established" },
    roundTripMs: number | null,
  ): Connection {
    const { suite, entropy, settings, emit } = this.#options;
    const connection: Connection = new Connection({
      now,
      sessionId: this.#nextSessionId++,
      isInitiator: handshake.kind === "initiator",
      peerId: result.peer.peerId,
      address,
      suite,
      entropy,
      settings,
      keys: result.keys,
      keyLog: this.keyLog,
      local: handshake.parameters,
      peer: result.peer.parameters,
      roundTripMs,
      totals: this.stats,
      events: (event) => this.#onConnectionEvent(slot, connection, event),
      emit,
    });
    return connection;
  }

  #announce(
    now: Instant,
    slot: Slot,
    connection: Connection,
    handshake: InitiatorHandshake | ResponderHandshake,
    direction: Direction,
  ): void {
    this.#connected++;
    this.#options.emit({
      type: "session.established",
      sessionId: connection.sessionId,
      handshakeId: handshake.handshakeId,
      direction,
      peerId: connection.peerId,
      remoteAddr: connection.remoteAddr,
      handshakeDurationMs: now - handshake.startedAt,
      agent: connection.peer.agent,
      path: "direct",
    });
    this.#events.push({ kind: "connected", handshakeId: handshake.handshakeId, direction, connection });
    this.#slots.queue(slot);
  }

  /** The peer is who it says, and not wanted: tell it so inside the session, which nobody else hears of. */
  #turnAway(now: Instant, slot: Slot, connection: Connection, handshake: ResponderHandshake): void {
    this.#reports.failed(now, handshake, "not_allowed", connection.peerId);
    connection.closeUnannounced(now, "not_allowed", "this node does not accept sessions from you");
    this.#slots.queue(slot);
  }

  #onConnectionEvent(slot: Slot, connection: Connection, event: ConnectionEvent): void {
    if (event.kind === "closed") this.#connected--;
    this.#events.push({ kind: "connection", connection, event });
    this.#slots.queue(slot);
  }

  #fail(now: Instant, slot: Slot, reason: HandshakeFailureReason, peerId: PeerId | null): void {
    const { state } = slot;
    if (state.kind !== "initiating" && state.kind !== "responding") return;
    const { handshake } = state;
    this.#reports.failed(now, handshake, reason, peerId);
    if (handshake.kind === "initiator") {
      this.#events.push({ kind: "connect_failed", handshakeId: handshake.handshakeId, reason, peerId });
    }
    this.#slots.remove(slot);
  }

  /** Turns away a would-be handshake that costs us nothing, and says so as often as is useful. */
  #refuse(now: Instant, from: Address, reason: "malformed" | "version" | "rate_limited"): void {
    this.#drop(reason);
    this.#reports.refused(now, this.#nextHandshakeId++, from.text, reason);
  }

  #parameters(index: number): TransportParameters {
    const { settings } = this.#options;
    return {
      index,
      maxDatagramBytes: settings.maxDatagramBytes,
      initialMaxData: settings.initialMaxData,
      initialMaxStreamData: settings.initialMaxStreamData,
      initialMaxStreams: settings.initialMaxStreams,
      idleTimeoutMs: settings.idleTimeoutMs,
      maxAckDelayMs: settings.maxAckDelayMs,
      agent: settings.agent,
    };
  }

  #sendMessage(to: Address, message: Uint8Array, out: Uint8Array): Transmit {
    const run = fillMessage(to, message, out);
    this.#count(run);
    return run;
  }

  #count(run: Transmit): void {
    this.stats.bytesSent += run.bytes;
    this.stats.packetsSent += Math.ceil(run.bytes / run.segmentBytes);
  }

  #drop(reason: DropReason): void {
    this.stats.dropped[reason]++;
  }
}

const messageTransmit: { to: Address; bytes: number; segmentBytes: number } = {
  to: { family: 4, hostname: "0.0.0.0", port: 0, text: "0.0.0.0:0" },
  bytes: 0,
  segmentBytes: 0,
};

function fillMessage(to: Address, message: Uint8Array, out: Uint8Array): Transmit {
  out.set(message, 0);
  messageTransmit.to = to;
  messageTransmit.bytes = messageTransmit.segmentBytes = message.length;
  return messageTransmit;
}
