/**
 * A virtual internet on which the real DHT code runs: sessions, latency, loss, partitions and hostile nodes, in
 * virtual time, the same for the same seed.
 *
 * @module
 */

import process from "node:process";
import { type Instant, later } from "../../src/clock.ts";
import { type PeerId, peerIdOf } from "../../src/crypto/peer_id.ts";
import type { DhtOutput } from "../../src/dht/dht_context.ts";
import { DhtCore } from "../../src/dht/dht_core.ts";
import type { DhtSettings } from "../../src/dht/dht_settings.ts";
import { type NodeId, nodeIdOf } from "../../src/dht/node_id.ts";
import type { PeerAddress } from "../../src/dht/contact.ts";
import { type Prng, seededPrng } from "../../src/entropy.ts";
import { EventQueue } from "./event_queue.ts";
import { seedOf, type SimulationSuite, simulationSuite } from "./fast_suite.ts";
import { hash, roundTripMs } from "./internet.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly medianRttMs?: number;
  /** Share of datagrams lost, each way. */
  readonly loss?: number;
  readonly settings?: Partial<DhtSettings>;
  /** Whether all nodes share a memory of each other's points: saves hashing, and must be off to measure CPU. */
  readonly remembersPoints?: boolean;
}

/** How a hostile node treats a message before its own DHT code sees it; true: that was all. */
export type Misbehave = (world: World, node: SimNode, from: SimNode, bytes: Uint8Array) => boolean;

export class SimNode implements PeerAddress {
  isAlive = true;
  misbehave: Misbehave | null = null;
  /** Milliseconds of CPU that this node's code took, while metered. */
  cpuMs = 0;
  isMetered = false;
  /** Sessions by the peer's index. */
  readonly sessions = new Map<number, SimSession>();
  timerAt = Infinity;

  constructor(
    readonly index: number,
    readonly peerId: PeerId,
    readonly address: string,
    readonly core: DhtCore,
  ) {}
}

interface SimSession {
  readyAt: Instant;
  usedAt: Instant;
}

export class World {
  readonly seed: number;
  readonly suite: SimulationSuite = simulationSuite();
  readonly prng: Prng;
  /** Those that have not been killed, in the order of their numbers. */
  readonly nodes: SimNode[] = [];
  /** Which side of a partition a node is on; null: there is none. */
  partition: ((node: SimNode) => number) | null = null;
  datagrams = 0;
  datagramBytes = 0;
  handshakes = 0;
  now = 0 as Instant;
  readonly #options: Required<WorldOptions>;
  readonly #queue = new EventQueue();
  #added = 0;
  readonly #byAddress = new Map<string, SimNode>();
  readonly #points = new Map<PeerId, NodeId>();
  readonly #listeners = new Set<(node: SimNode, output: DhtOutput) => void>();

  constructor(options: WorldOptions) {
    this.#options = { medianRttMs: 40, loss: 0.005, settings: {}, remembersPoints: true, ...options };
    this.seed = options.seed;
    this.prng = seededPrng(options.seed);
  }

  /** Hands every result of every node to `listener`, until the returned function is called. */
  listen(listener: (node: SimNode, output: DhtOutput) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Adds a node that has not joined. `address`: default is a random public one. `seed`: default its number's. */
  add(address?: string, seed?: Uint8Array): SimNode {
    const index = this.#added++;
    const secret = seed ?? seedOf(this.seed, index);
    const peerId = peerIdOf(this.suite.ed25519PublicKey(secret));
    const core = new DhtCore(this.now, {
      identity: { peerId, seed: secret },
      suite: this.suite,
      prng: seededPrng(hash(this.seed, index, 1)),
      settings: this.#options.settings,
      epochMs: (now) => EPOCH_MS + now,
      ...(this.#options.remembersPoints ? { idOf: (peerId) => this.#pointOf(peerId) } : {}),
    });
    const node = new SimNode(index, peerId, address ?? this.#freeAddress(index), core);
    this.nodes.push(node);
    this.#byAddress.set(node.address, node);
    return node;
  }

  /** Runs `action` on a node's code at this moment and carries out what comes of it. */
  act<T>(node: SimNode, action: (core: DhtCore, now: Instant) => T): T {
    const cpuBefore = node.isMetered ? cpuMs() : 0;
    const result = action(node.core, this.now);
    this.#drain(node);
    if (node.isMetered) node.cpuMs += cpuMs() - cpuBefore;
    return result;
  }

  /** Takes a node off the network without a word. */
  kill(node: SimNode): void {
    node.isAlive = false;
    this.nodes.splice(this.nodes.indexOf(node), 1);
    this.#byAddress.delete(node.address);
    node.sessions.clear();
  }

  /** Runs `action` `delayMs` from now. */
  after(delayMs: number, action: () => void): void {
    this.#queue.push(later(this.now, delayMs), action);
  }

  /** Lets `durationMs` pass. */
  run(durationMs: number): void {
    const until = later(this.now, durationMs);
    while (this.#queue.nextAt !== null && this.#queue.nextAt <= until) this.#step();
    this.now = until;
  }

  /** Lets time pass until `isTrue`, at most `limitMs`. Returns whether it came true. */
  runUntil(isTrue: () => boolean, limitMs: number): boolean {
    const until = later(this.now, limitMs);
    while (!isTrue()) {
      if (this.#queue.nextAt === null || this.#queue.nextAt > until) return false;
      this.#step();
    }
    return true;
  }

  /** Sends a datagram as `from`, over a session if there is one or may be one. Hostile nodes use it directly. */
  send(from: SimNode, to: PeerAddress, bytes: Uint8Array, mayConnect: boolean): void {
    const peer = this.#byAddress.get(to.address);
    // A host that is not there, or is somebody else: the handshake fails, and the question runs into its timeout.
    if (peer === undefined || peer.peerId !== to.peerId || this.#isCut(from, peer)) return;
    const rttMs = this.rttMs(from, peer);
    let session = from.sessions.get(peer.index);
    if (session === undefined || this.now - session.usedAt > SESSION_IDLE_MS) {
      if (!mayConnect) return;
      session = this.#connect(from, peer, rttMs);
    }
    session.usedAt = this.now;
    this.datagrams++;
    this.datagramBytes += bytes.length + PACKET_OVERHEAD_BYTES;
    if (this.prng.next() < this.#options.loss) return;
    const delayMs = Math.max(0, session.readyAt - this.now) + rttMs / 2 * (1 + 0.1 * this.prng.next()) +
      TURN_MS;
    this.after(delayMs, () => this.#deliver(from, peer, bytes));
  }

  /** The round trip between two nodes. */
  rttMs(a: SimNode, b: SimNode): number {
    return roundTripMs(this.seed, this.#options.medianRttMs, a.index, b.index);
  }

  #connect(from: SimNode, to: SimNode, rttMs: number): SimSession {
    this.handshakes++;
    // Either of two messages may be lost and is sent again after 250 ms.
    const isLost = this.prng.next() < 2 * this.#options.loss;
    const readyAt = later(this.now, rttMs + HANDSHAKE_CPU_MS + (isLost ? 250 : 0));
    const session = { readyAt, usedAt: this.now };
    this.#remember(from, to.index, session);
    this.#remember(to, from.index, { readyAt: this.now, usedAt: readyAt });
    return session;
  }

  #remember(node: SimNode, peer: number, session: SimSession): void {
    if (node.sessions.size > 256) {
      for (const [index, { usedAt }] of node.sessions) {
        if (this.now - usedAt > SESSION_IDLE_MS) node.sessions.delete(index);
      }
    }
    node.sessions.set(peer, session);
  }

  #deliver(from: SimNode, to: SimNode, bytes: Uint8Array): void {
    if (!to.isAlive || this.#isCut(from, to)) return;
    const session = to.sessions.get(from.index);
    if (session !== undefined) session.usedAt = this.now;
    if (to.misbehave?.(this, to, from, bytes) === true) return;
    this.act(to, (core, now) => core.handleDatagram(now, from, bytes));
  }

  #drain(node: SimNode): void {
    for (let out = node.core.pollTransmit(); out !== null; out = node.core.pollTransmit()) {
      this.send(node, out.to, out.bytes, out.mayConnect);
    }
    for (let output = node.core.pollOutput(); output !== null; output = node.core.pollOutput()) {
      for (const listener of this.#listeners) listener(node, output);
    }
    const next = node.core.nextTimeout();
    if (next >= node.timerAt) return;
    node.timerAt = next;
    this.#queue.push(next, () => this.#onTimer(node, next));
  }

  #onTimer(node: SimNode, at: Instant): void {
    // An earlier deadline has replaced this one.
    if (node.timerAt !== at) return;
    node.timerAt = Infinity;
    if (node.isAlive) this.act(node, (core, now) => core.handleTimeout(now));
  }

  #step(): void {
    this.now = this.#queue.nextAt!;
    this.#queue.pop()();
  }

  #isCut(a: SimNode, b: SimNode): boolean {
    return this.partition !== null && this.partition(a) !== this.partition(b);
  }

  #pointOf(peerId: PeerId): NodeId {
    let point = this.#points.get(peerId);
    if (point === undefined) this.#points.set(peerId, point = nodeIdOf(this.suite, peerId));
    return point;
  }

  #freeAddress(index: number): string {
    for (let attempt = 0;; attempt++) {
      const bits = hash(this.seed, index, 100 + attempt);
      // First octets that are neither private, shared, loopback nor multicast.
      const address = `${20 + (bits >>> 24) % 60}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${
        1 + (bits & 255) % 250
      }:41641`;
      if (!this.#byAddress.has(address)) return address;
    }
  }
}

/** The process's CPU time: unlike a clock, it does not count what other processes of the machine do. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The simulated calendar begins at 2027-01-15T08:00:00Z. */
export const EPOCH_MS = 1_800_000_000_000;
const SESSION_IDLE_MS = 60_000;
/** Three curve operations, a signature and its check on each side (protocol.md). */
const HANDSHAKE_CPU_MS = 1.5;
/** From a datagram's arrival to the answer's departure. */
const TURN_MS = 0.3;
/** IPv4, UDP, our header, tag and frame header. */
const PACKET_OVERHEAD_BYTES = 20 + 8 + 16 + 16 + 3;
