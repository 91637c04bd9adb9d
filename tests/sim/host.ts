/**
 * A node of the virtual network: a real endpoint, and a small application that sends and receives streams.
 */

import type { Instant } from "../../src/clock.ts";
import type { CipherSuite } from "../../src/crypto/cipher_suite.ts";
import { signStaticKey } from "../../src/crypto/identity_binding.ts";
import { generateKeyPair } from "../../src/crypto/key_pair.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { type PeerId, peerIdOf } from "../../src/crypto/peer_id.ts";
import { randomBytes, seededEntropy, seededPrng } from "../../src/entropy.ts";
import type { Address } from "../../src/net/address.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { type AdmissionSettings, DEFAULT_ADMISSION } from "../../src/session/admission.ts";
import type { Connection } from "../../src/session/connection.ts";
import { Endpoint, type EndpointEvent } from "../../src/session/endpoint.ts";
import type { SessionIdentity } from "../../src/session/session_identity.ts";
import { DEFAULT_SESSION_SETTINGS, type SessionSettings } from "../../src/session/session_settings.ts";
import type { Stream } from "../../src/session/stream.ts";
import type { World } from "./world.ts";

export interface HostOptions {
  readonly settings: Partial<SessionSettings>;
  readonly admission: Partial<AdmissionSettings>;
  readonly suite: CipherSuite;
  readonly isAllowed: (peerId: PeerId, address: Address) => boolean;
}

/** Socket limits that make runs short enough to keep virtual bursts realistic. */
const LIMITS = { maxBytes: 65_507, maxSegments: 16 };

export class Host {
  readonly world: World;
  address: Address;
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  /** Everything the endpoint reported, oldest first. */
  readonly events: NodeEvent[] = [];
  readonly connections: Connection[] = [];
  readonly failures: EndpointEvent[] = [];
  /** What arrived on each stream, by connection and stream id. */
  readonly inbox = new Map<string, Inbound>();
  readonly datagrams: Uint8Array[] = [];
  /** Streams that the application leaves unread for now: see {@link readSome}. */
  readonly unread = new Set<number>();
  readonly #outbox = new Map<string, Outbound>();
  /** What {@link sendMany} has no stream for yet. */
  readonly #backlog: { readonly connection: Connection; readonly bytes: Uint8Array }[] = [];
  readonly #slab = new Uint8Array(65_536);
  readonly #readBuffer = new Uint8Array(64 * 1024);
  #nextTimeout: Instant | null = null;

  constructor(world: World, address: Address, options: Partial<HostOptions>) {
    this.world = world;
    this.address = address;
    const suite = options.suite ?? nobleSuite;
    const entropy = seededEntropy(world.nextSeed());
    const identity = makeIdentity(suite, world.nextSeed());
    this.peerId = peerIdOf(identity.identityKey);
    this.endpoint = new Endpoint({
      suite,
      entropy,
      prng: seededPrng(world.nextSeed()),
      identity,
      settings: { ...DEFAULT_SESSION_SETTINGS, ...options.settings },
      admission: { ...DEFAULT_ADMISSION, ...options.admission },
      maxSessions: 20_000,
      emit: (event) => this.events.push(event),
      ...(options.isAllowed === undefined ? {} : { isAllowed: options.isAllowed }),
    });
  }

  get nextTimeout(): Instant | null {
    return this.#nextTimeout;
  }

  connect(to: Host, expectedPeer: PeerId | null = to.peerId): number {
    const id = this.endpoint.connect(this.world.now, to.address, expectedPeer);
    this.turn();
    return id;
  }

  /** Connects and runs the world until the session is up at both ends. */
  established(to: Host, limitMs = 15_000): Connection {
    const before = this.connections.length;
    const peerBefore = to.connections.length;
    this.connect(to);
    this.world.runUntil(() => this.connections.length > before && to.connections.length > peerBefore, {
      limitMs,
    });
    return this.connections[before];
  }

  /** Sends `bytes` and the end of the stream. */
  send(connection: Connection, bytes: Uint8Array, priority: "control" | "bulk" = "bulk"): Stream {
    const stream = connection.openStream(priority);
    if (stream === null) throw new Error("No stream available");
    this.#outbox.set(keyOf(connection, stream.id), {
      connection,
      stream,
      bytes,
      offset: 0,
      delivered: false,
    });
    this.#pump(connection, stream.id);
    this.endpoint.wake(connection);
    this.turn();
    return stream;
  }

  /** Sends each of `messages` on a stream of its own, as soon as the peer's stream limit allows. */
  sendMany(connection: Connection, messages: readonly Uint8Array[]): void {
    for (const bytes of messages) this.#backlog.push({ connection, bytes });
    this.#openFromBacklog();
    this.turn();
  }

  /** Whether every stream of {@link sendMany} and {@link send} has arrived as a whole. */
  get isEverythingDelivered(): boolean {
    if (this.#backlog.length > 0) return false;
    for (const { delivered } of this.#outbox.values()) if (!delivered) return false;
    return true;
  }

  /** Reads up to `bytes` of a stream in {@link unread}. */
  readSome(connection: Connection, streamId: number, bytes: number): void {
    const stream = connection.stream(streamId);
    if (stream === undefined) return;
    const length = connection.read(this.world.now, stream, this.#readBuffer.subarray(0, bytes));
    if (length > 0) this.received(connection, streamId).append(this.#readBuffer.subarray(0, length));
    this.endpoint.wake(connection);
    this.turn();
  }

  isDelivered(connection: Connection, stream: Stream): boolean {
    return this.#outbox.get(keyOf(connection, stream.id))?.delivered ?? false;
  }

  /** A datagram arrives: the bytes are handled in place, as a socket's slab would be. */
  receive(from: Address, bytes: Uint8Array): void {
    this.endpoint.handleDatagram(this.world.now, from, bytes, 0, bytes.length);
  }

  /** One turn of the edge: timeouts, events, transmits, next deadline. */
  turn(): void {
    const { now } = this.world;
    this.endpoint.handleTimeout(now);
    this.#drainEvents();
    for (;;) {
      const run = this.endpoint.pollTransmit(now, this.#slab, LIMITS);
      if (run === null) break;
      for (let at = 0; at < run.bytes; at += run.segmentBytes) {
        this.world.send(
          this.address,
          run.to,
          this.#slab.subarray(at, Math.min(run.bytes, at + run.segmentBytes)),
        );
      }
    }
    this.#drainEvents();
    this.#nextTimeout = this.endpoint.nextTimeout();
  }

  received(connection: Connection, streamId: number): Inbound {
    const key = keyOf(connection, streamId);
    let inbound = this.inbox.get(key);
    if (inbound === undefined) this.inbox.set(key, inbound = new Inbound());
    return inbound;
  }

  #drainEvents(): void {
    for (let event = this.endpoint.pollEvent(); event !== null; event = this.endpoint.pollEvent()) {
      if (event.kind === "connected") this.connections.push(event.connection);
      else if (event.kind === "connect_failed") this.failures.push(event);
      else this.#onEvent(event.connection, event.event);
    }
  }

  #onEvent(connection: Connection, event: (EndpointEvent & { kind: "connection" })["event"]): void {
    switch (event.kind) {
      case "stream_readable":
        return this.#readAll(connection, event.streamId);
      case "stream_writable":
        return this.#pump(connection, event.streamId);
      case "stream_delivered": {
        const outbound = this.#outbox.get(keyOf(connection, event.streamId));
        if (outbound !== undefined) outbound.delivered = true;
        return;
      }
      case "streams_available":
        return this.#openFromBacklog();
      case "stream_reset":
        this.received(connection, event.streamId).resetCode = event.code;
        return;
      case "datagram":
        this.datagrams.push(event.payload);
        return;
    }
  }

  #readAll(connection: Connection, streamId: number): void {
    const stream = connection.stream(streamId);
    if (stream === undefined || this.unread.has(streamId)) return;
    const inbound = this.received(connection, streamId);
    for (;;) {
      const length = connection.read(this.world.now, stream, this.#readBuffer);
      if (length === 0) break;
      if (length < 0) {
        inbound.ended = true;
        connection.finish(stream);
        break;
      }
      inbound.append(this.#readBuffer.subarray(0, length));
    }
    this.endpoint.wake(connection);
  }

  #openFromBacklog(): void {
    while (this.#backlog.length > 0) {
      const { connection, bytes } = this.#backlog[0];
      const stream = connection.openStream("bulk");
      if (stream === null) return;
      this.#backlog.shift();
      const key = keyOf(connection, stream.id);
      this.#outbox.set(key, { connection, stream, bytes, offset: 0, delivered: false });
      this.#pump(connection, stream.id);
    }
  }

  #pump(connection: Connection, streamId: number): void {
    const outbound = this.#outbox.get(keyOf(connection, streamId));
    if (outbound === undefined || outbound.offset > outbound.bytes.length) return;
    outbound.offset += connection.write(outbound.stream, outbound.bytes.subarray(outbound.offset));
    if (outbound.offset === outbound.bytes.length) {
      outbound.offset++;
      connection.finish(outbound.stream);
    }
    this.endpoint.wake(connection);
  }
}

interface Outbound {
  readonly connection: Connection;
  readonly stream: Stream;
  readonly bytes: Uint8Array;
  offset: number;
  delivered: boolean;
}

/** What arrived on one stream. */
export class Inbound {
  readonly #parts: Uint8Array[] = [];
  length = 0;
  ended = false;
  resetCode: number | null = null;

  append(bytes: Uint8Array): void {
    this.#parts.push(bytes.slice());
    this.length += bytes.length;
  }

  get bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let offset = 0;
    for (const part of this.#parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }
}

export function makeIdentity(suite: CipherSuite, seed: number): SessionIdentity {
  const entropy = seededEntropy(seed);
  const identitySeed = randomBytes(entropy, 32);
  const staticKeys = generateKeyPair(suite, entropy);
  return {
    identityKey: suite.ed25519PublicKey(identitySeed),
    staticKeys,
    staticKeySignature: signStaticKey(suite, identitySeed, staticKeys.publicKey),
  };
}

function keyOf(connection: Connection, streamId: number): string {
  return `${connection.sessionId}:${streamId}`;
}
