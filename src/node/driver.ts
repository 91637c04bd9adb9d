/**
 * The loop that moves bytes and deadlines between a socket and the sans-IO endpoint. It decides nothing.
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Address } from "../net/address.ts";
import type { DatagramSocket, ReceiveBatch } from "../net/datagram_socket.ts";
import type { Turn } from "../net/turn.ts";
import type { HandshakeFailureReason } from "../observe/events.ts";
import type { Connection } from "../session/connection.ts";
import type { Endpoint, EndpointEvent } from "../session/endpoint.ts";
import { Session, type SessionListener } from "./session.ts";

/** Runs of packets per turn before other work gets its chance: about 2 ms of sealing. */
const RUNS_PER_TURN = 16;
/** The longest sleep a timer can take (2^31 - 1 ms); deadlines beyond it are looked at again. */
const MAX_TIMER_MS = 2_147_483_647;
const SLAB_BYTES = 65_536;
const STOPPING = "Cannot connect: the node is stopping";

/** Sees each datagram as it crosses the socket: capture, packet dumps. Borrowed until the call returns. */
export type DatagramTap = (
  direction: "in" | "out",
  remote: Address,
  slab: Uint8Array,
  offset: number,
  length: number,
) => void;

/** Why {@link Driver.connect} gave no session. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";

  /** @param peerId who answered instead, where someone else did. */
  constructor(
    readonly reason: HandshakeFailureReason | "closed",
    readonly peerId: PeerId | null,
    message: string,
  ) {
    super(message);
  }
}

interface Waiting {
  readonly resolve: (session: Session) => void;
  readonly reject: (error: ConnectError) => void;
  readonly to: Address;
  readonly expectedPeer: PeerId | null;
}

export class Driver {
  /** What reads whole streams asks this before it goes on. */
  readonly turn: Turn;
  /** For capture; null costs nothing. */
  tap: DatagramTap | null = null;
  readonly #endpoint: Endpoint;
  readonly #socket: DatagramSocket;
  readonly #clock: Clock;
  readonly #listener: SessionListener;
  readonly #slab = new Uint8Array(SLAB_BYTES);
  readonly #sessions = new Map<number, Session>();
  /** The same sessions by peer, oldest first: the DHT asks for every message. */
  readonly #byPeer = new Map<PeerId, readonly Session[]>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #limits: { readonly maxBytes: number; readonly maxSegments: number };
  #sending: Promise<void> | null = null;
  #turnScheduled = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #timerAt = Infinity;
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(
    options: { endpoint: Endpoint; socket: DatagramSocket; clock: Clock; listener: SessionListener },
  ) {
    this.#endpoint = options.endpoint;
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.turn = options.socket.turn;
    this.#listener = options.listener;
    this.#limits = {
      maxBytes: Math.min(SLAB_BYTES, options.socket.maxRunBytes),
      maxSegments: options.socket.maxRunSegments,
    };
  }

  /** The instant to hand to the core. */
  get now(): Instant {
    return this.#clock.now();
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Established sessions, oldest first. */
  sessions(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  session(id: number): Session | undefined {
    return this.#sessions.get(id);
  }

  /** The newest open session with `peerId`, or null. */
  sessionWith(peerId: PeerId): Session | null {
    return this.#byPeer.get(peerId)?.at(-1) ?? null;
  }

  /** Starts receiving. Call once. */
  start(): void {
    this.#running = this.#receive();
  }

  /**
   * Establishes a session.
   *
   * @param expectedPeer whom to accept there; null accepts anyone.
   * @param signal gives the attempt up; the promise then rejects with its reason.
   * @throws {ConnectError} when there is none within the handshake timeout, or the answer is not acceptable.
   */
  connect(to: Address, expectedPeer: PeerId | null, signal?: AbortSignal): Promise<Session> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closed) return Promise.reject(new ConnectError("closed", null, STOPPING));
    const handshakeId = this.#endpoint.connect(this.now, to, expectedPeer);
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    const abandon = () => {
      this.#waiting.delete(handshakeId);
      this.#endpoint.abandon(handshakeId);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", abandon, { once: true });
    this.#waiting.set(handshakeId, { resolve, reject, to, expectedPeer });
    this.#scheduleTurn();
    return promise.finally(() => signal?.removeEventListener("abort", abandon));
  }

  /** Something on `connection` may be ready to send: a turn follows soon. */
  wake(connection: Connection): void {
    this.#endpoint.wake(connection);
    this.#scheduleTurn();
  }

  /** Closes every session, lets the CLOSE packets out, then closes the socket. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return this.#running ?? undefined;
    this.#closed = true;
    for (const session of [...this.#sessions.values()]) {
      session.close("shutting_down", "the node is stopping");
    }
    for (const waiting of this.#waiting.values()) {
      waiting.reject(new ConnectError("closed", null, STOPPING));
    }
    this.#waiting.clear();
    this.#turn();
    // A turn sends a bounded number of runs: go on until nothing is left.
    while (this.#sending !== null) await this.#sending;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket.close();
    await this.#running;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #receive(): Promise<void> {
    for (;;) {
      const batch = await this.#socket.receive();
      if (batch === null) return;
      this.#handleBatch(batch);
      this.#turn();
    }
  }

  #handleBatch(batch: ReceiveBatch): void {
    const now = this.now;
    const { slab, offsets, lengths, sources } = batch;
    for (let i = 0; i < batch.count; i++) {
      if (this.tap !== null) this.tap("in", sources[i], slab, offsets[i], lengths[i]);
      this.#endpoint.handleDatagram(now, sources[i], slab, offsets[i], lengths[i]);
    }
  }

  /** Coalesces the wake-ups of one burst of application work into one turn. */
  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    queueMicrotask(() => {
      if (this.#turnScheduled) this.#turn();
    });
  }

  /** One turn: what is due, what happened, what is to be sent, when to come back. */
  #turn(): void {
    this.#turnScheduled = false;
    const now = this.now;
    const due = this.#endpoint.nextTimeout();
    if (due !== null && due <= now) this.#endpoint.handleTimeout(now);
    this.#drainEvents();
    this.#transmit(now);
    this.#drainEvents();
    this.#armTimer();
  }

  #drainEvents(): void {
    for (let event = this.#endpoint.pollEvent(); event !== null; event = this.#endpoint.pollEvent()) {
      this.#onEvent(event);
    }
  }

  #onEvent(event: EndpointEvent): void {
    if (event.kind === "connection") {
      const session = this.#sessions.get(event.connection.sessionId);
      if (session === undefined) return;
      if (event.event.kind === "closed") this.#forget(session);
      return session.onEvent(event.event);
    }
    const waiting = this.#waiting.get(event.handshakeId);
    this.#waiting.delete(event.handshakeId);
    if (event.kind === "connect_failed") return waiting?.reject(connectError(event, waiting));
    const { connection, direction } = event;
    const session = new Session(this, connection, direction, this.#clock.epochMs(), this.#listener);
    this.#sessions.set(session.id, session);
    this.#byPeer.set(session.peerId, [...this.#byPeer.get(session.peerId) ?? [], session]);
    this.#listener.onSession(session);
    waiting?.resolve(session);
  }

  #forget(session: Session): void {
    this.#sessions.delete(session.id);
    const others = this.#byPeer.get(session.peerId)!.filter((other) => other !== session);
    if (others.length === 0) this.#byPeer.delete(session.peerId);
    else this.#byPeer.set(session.peerId, others);
  }

  #transmit(now: Instant): void {
    if (this.#sending !== null) return;
    for (let runs = 0; runs < RUNS_PER_TURN; runs++) {
      const run = this.#endpoint.pollTransmit(now, this.#slab, this.#limits);
      if (run === null) return;
      if (this.tap !== null) this.#tapRun(run.to, run.bytes, run.segmentBytes);
      const pending = this.#socket.send(run.to, this.#slab, 0, run.bytes, run.segmentBytes);
      if (pending !== null) return this.#resumeAfter(pending);
    }
    this.#resumeAfter(this.turn.end());
  }

  /** The slab is lent out, or others' turn has come: go on afterwards. */
  #resumeAfter(pending: Promise<void>): void {
    this.#sending = pending.then(() => {
      this.#sending = null;
      this.#turn();
    });
  }

  #tapRun(to: Address, bytes: number, segmentBytes: number): void {
    for (let at = 0; at < bytes; at += segmentBytes) {
      this.tap!("out", to, this.#slab, at, Math.min(segmentBytes, bytes - at));
    }
  }

  #armTimer(): void {
    const next = this.#endpoint.nextTimeout();
    const at = next ?? Infinity;
    // Deadlines mostly move later (every packet moves the probe timer): an early wake-up is cheaper than
    // a new timer per turn.
    if (this.#timer !== null && this.#timerAt <= at) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = at;
    if (at === Infinity || (this.#closed && this.#endpoint.sessionCount === 0)) return;
    const delayMs = Math.min(MAX_TIMER_MS, Math.max(0, at - this.now));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#timerAt = Infinity;
      this.#turn();
    }, delayMs);
  }
}

function connectError(event: EndpointEvent & { kind: "connect_failed" }, waiting: Waiting): ConnectError {
  const { reason, peerId } = event;
  const where = waiting.to.text;
  switch (reason) {
    case "timeout":
      return new ConnectError(
        reason,
        peerId,
        `Cannot connect to ${where}: no answer; is the node running there and UDP let through?`,
      );
    case "identity_mismatch":
      return new ConnectError(
        reason,
        peerId,
        `Cannot connect to ${where}: ${peerId} answers there, not ${waiting.expectedPeer}`,
      );
    default:
      return new ConnectError(reason, peerId, `Cannot connect to ${where}: the handshake failed (${reason})`);
  }
}
