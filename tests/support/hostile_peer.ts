/**
 * A peer that has passed the handshake honestly and then says whatever a test wants: frames of its choice, sealed
 * with the session's genuine keys, against one real endpoint in virtual time.
 */

import { type Instant, later } from "../../src/clock.ts";
import { generateKeyPair, type KeyPair } from "../../src/crypto/key_pair.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { seededEntropy, seededPrng } from "../../src/entropy.ts";
import { type Address, makeAddress } from "../../src/net/address.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { DEFAULT_ADMISSION } from "../../src/session/admission.ts";
import type { Connection } from "../../src/session/connection.ts";
import type { ConnectionEvent } from "../../src/session/connection_events.ts";
import { Endpoint } from "../../src/session/endpoint.ts";
import { InitiatorHandshake } from "../../src/session/initiator_handshake.ts";
import { PacketKeys } from "../../src/session/packet_keys.ts";
import { DEFAULT_SESSION_SETTINGS, type SessionSettings } from "../../src/session/session_settings.ts";
import { FrameType, parseFrames } from "../../src/wire/frames.ts";
import { HEADER_LENGTH, packetNumber, PacketType, writeHeader } from "../../src/wire/packet.ts";
import { ByteReader, encodeVarint } from "../../src/wire/varint.ts";
import { makeIdentity } from "../sim/host.ts";
import { RecordingSink } from "../wire/recording_sink.ts";

const LIMITS = { maxBytes: 65_507, maxSegments: 16 };

/** What the victim sent in one packet. */
export interface Heard {
  readonly to: Address;
  readonly number: number;
  readonly length: number;
  readonly frames: unknown[][];
}

export class HostilePeer {
  readonly address: Address = makeAddress("203.0.113.66", 6_666);
  readonly endpoint: Endpoint;
  readonly victim: Connection;
  /** What the victim told the program that owns it, and the event stream. */
  readonly events: ConnectionEvent[] = [];
  readonly reports: NodeEvent[] = [];
  readonly keys: PacketKeys;
  now: Instant = 0 as Instant;
  /** The number of the next packet; tests may move it. */
  nextNumber = 0;
  /** Numbers of the packets heard from the victim. */
  readonly heardNumbers = new Set<number>();
  readonly #index = 4_242;
  readonly #peerIndex: number;
  #asked: KeyPair | null = null;
  readonly #slab = new Uint8Array(65_536);

  constructor(seed: number, settings: Partial<SessionSettings> = {}) {
    const all = { ...DEFAULT_SESSION_SETTINGS, ...settings };
    this.endpoint = new Endpoint({
      suite: nobleSuite,
      entropy: seededEntropy(seed),
      prng: seededPrng(seed),
      identity: makeIdentity(nobleSuite, seed + 1),
      settings: all,
      admission: DEFAULT_ADMISSION,
      maxSessions: 100,
      emit: (event) => this.reports.push(event),
    });
    const handshake = new InitiatorHandshake({
      now: this.now,
      handshakeId: 1,
      index: this.#index,
      to: makeAddress("203.0.113.1", 1),
      expectedPeer: null,
      suite: nobleSuite,
      entropy: seededEntropy(seed + 2),
      prng: seededPrng(seed + 2),
      identity: makeIdentity(nobleSuite, seed + 3),
      parameters: { ...all, index: this.#index },
      timeoutMs: 10_000,
    });
    this.#deliver(handshake.pollMessage(this.now)!);
    const run = this.endpoint.pollTransmit(this.now, this.#slab, LIMITS)!;
    const response = this.#slab.slice(0, run.bytes);
    const result = handshake.handleResponse(this.now, response.subarray(HEADER_LENGTH));
    if (result.kind !== "established") throw new Error(`Handshake: ${result.kind}`);
    this.keys = new PacketKeys(nobleSuite, true, result.keys, this.now);
    this.#peerIndex = result.peer.parameters.index;
    this.#deliver(handshake.pollMessage(this.now)!);
    const event = this.endpoint.pollEvent();
    if (event?.kind !== "connected") throw new Error("The victim has no session");
    this.victim = event.connection;
    this.listen();
  }

  /** Sends one packet with these frames, whole arrays each. */
  send(...frames: readonly Uint8Array[]): void {
    this.#deliver(this.seal(...frames));
  }

  /** A sealed packet, not sent: to be delayed, repeated or altered. */
  seal(...frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const length = frames.reduce((sum, frame) => sum + frame.length, 0);
    const packet = new Uint8Array(HEADER_LENGTH + length + 16);
    const number = this.nextNumber++;
    let at = writeHeader(packet, 0, PacketType.Data, this.keys.sendEpoch & 3, this.#peerIndex, number);
    for (const frame of frames) {
      packet.set(frame, at);
      at += frame.length;
    }
    this.keys.sealing().seal(number, packet, 0, HEADER_LENGTH, length);
    return packet;
  }

  deliver(packet: Uint8Array, from: Address = this.address): void {
    this.#deliver(packet.slice(), from);
  }

  /** Everything the victim has to say now, opened where the keys allow. Also drains its events. */
  listen(): Heard[] {
    const heard: Heard[] = [];
    for (;;) {
      const run = this.endpoint.pollTransmit(this.now, this.#slab, LIMITS);
      if (run === null) break;
      for (let at = 0; at < run.bytes; at += run.segmentBytes) {
        const packet = this.#slab.slice(at, Math.min(run.bytes, at + run.segmentBytes));
        if (packet[0] === PacketType.Data) heard.push(this.#open(packet, run.to));
      }
    }
    this.drainEvents();
    return heard;
  }

  drainEvents(): void {
    for (let event = this.endpoint.pollEvent(); event !== null; event = this.endpoint.pollEvent()) {
      if (event.kind === "connection") this.events.push(event.event);
    }
  }

  /** Lets time pass, timer by timer. Returns what the victim sent meanwhile. */
  wait(durationMs: number): Heard[] {
    const end = later(this.now, durationMs);
    const heard = this.listen();
    for (;;) {
      const next = this.endpoint.nextTimeout();
      if (next === null || next > end) break;
      this.now = next > this.now ? next : this.now;
      this.endpoint.handleTimeout(this.now);
      heard.push(...this.listen());
    }
    this.now = end;
    return heard;
  }

  /** The code with which the victim ended the session, or null while it is up. */
  get closedWith(): string | null {
    this.drainEvents();
    for (const event of this.events) if (event.kind === "closed") return event.code;
    return null;
  }

  /** Asks for the next key epoch; both sides are in it once the victim's answer has been heard. */
  rekey(): void {
    if (this.#asked !== null) return;
    this.#asked = generateKeyPair(nobleSuite, seededEntropy(this.nextNumber));
    const request = new Uint8Array(33);
    request.set(this.#asked.publicKey, 1);
    this.send(frame(FrameType.Rekey, [this.keys.sendEpoch + 1], request));
  }

  #onRekeyAnswer(epoch: unknown, publicKey: unknown): void {
    if (this.#asked === null || epoch !== this.keys.sendEpoch + 1) return;
    const shared = nobleSuite.x25519(this.#asked.secretKey, Uint8Array.from(publicKey as number[]));
    this.keys.prepareNext(shared!);
    this.keys.promote(this.now);
    this.#asked = null;
    this.send(frame(FrameType.Ping));
  }

  #open(packet: Uint8Array, to: Address): Heard {
    const number = packetNumber(packet, 0);
    const key = this.keys.opening(this.now, packet[1] & 3);
    const length = key === null
      ? -1
      : key.open(number, packet, 0, HEADER_LENGTH, packet.length - HEADER_LENGTH);
    this.heardNumbers.add(number);
    const sink = new RecordingSink();
    if (length > 0) parseFrames(new ByteReader().reset(packet, HEADER_LENGTH, HEADER_LENGTH + length), sink);
    for (const [kind, epoch, publicKey, isResponse] of sink.frames) {
      if (kind === "rekey" && isResponse === true) this.#onRekeyAnswer(epoch, publicKey);
    }
    return { to, number, length: packet.length, frames: sink.frames };
  }

  #deliver(packet: Uint8Array, from: Address = this.address): void {
    this.endpoint.handleDatagram(this.now, from, packet, 0, packet.length);
  }
}

/** A frame of a type byte and varints, then raw bytes. */
export function frame(
  type: number,
  integers: readonly number[] = [],
  bytes?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(1 + 8 * integers.length + (bytes?.length ?? 0));
  out[0] = type;
  let at = 1;
  for (const value of integers) at = encodeVarint(value, out, at);
  if (bytes !== undefined) out.set(bytes, at);
  return out.slice(0, at + (bytes?.length ?? 0));
}

/** A STREAM frame. */
export function streamFrame(
  id: number,
  offset: number,
  bytes: Uint8Array,
  fin = false,
): Uint8Array<ArrayBuffer> {
  return frame(fin ? 0x09 : 0x08, [id, offset, bytes.length], bytes);
}
