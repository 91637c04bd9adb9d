/**
 * Attacks and a normal day, in virtual time. The tests assert on them, `scripts/detection_table.ts` prints
 * them into docs/security_monitoring.md.
 *
 * @module
 */

import type { Instant } from "../../../src/clock.ts";
import type { SecurityConfig } from "../../../src/config/config.ts";
import { DetectorCore } from "../../../src/observe/detect/detector_core.ts";
import type { HandshakeFailureReason, NodeEvent } from "../../../src/observe/events.ts";
import { type Prng, seededPrng } from "../../../src/entropy.ts";

export const SECURITY: SecurityConfig = {
  handshakeFailureRate: 50,
  authFailureLimit: 5,
  banTimeMs: 600_000,
  dhtQueryRate: 50,
  trafficSpikeFactor: 10,
};

/** What came of a scenario. Times are milliseconds from the attack's first packet; null: never. */
export interface Outcome {
  readonly detectedAfterMs: number | null;
  readonly bannedAfterMs: number | null;
  readonly detections: number;
  readonly bans: number;
  readonly events: readonly NodeEvent[];
  readonly core: DetectorCore;
}

export interface Attack {
  readonly name: string;
  /** The detector that should find it, or null for one that stays below every threshold. */
  readonly detector: string | null;
  readonly bans: boolean;
  run(): Outcome;
}

/** Virtual time around a core: facts go in, what came out is kept with its time. */
export class DetectorWorld {
  readonly core: DetectorCore;
  readonly events: NodeEvent[] = [];
  #nowMs = 1_000_000;
  readonly #startMs = this.#nowMs;
  #sampledMs = this.#nowMs;
  #dropped = 0;
  #detectedAfterMs: number | null = null;
  #bannedAfterMs: number | null = null;

  constructor(config: SecurityConfig = SECURITY, allowedPeers: readonly `ed25519:${string}`[] = []) {
    this.core = new DetectorCore({ config, allowedPeers, seed: 1 });
    this.core.handleSample(this.#nowMs as Instant, 0);
  }

  get elapsedMs(): number {
    return this.#nowMs - this.#startMs;
  }

  drop(datagrams: number): void {
    this.#dropped += datagrams;
  }

  emit(event: NodeEvent): void {
    this.core.handleEvent(this.#nowMs as Instant, event);
    this.#drain();
  }

  /** Lets time pass, with the edge's one-second timer in it. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    while (this.#sampledMs + 1000 <= end) {
      this.#sampledMs += 1000;
      this.#nowMs = this.#sampledMs;
      this.core.handleTimeout(this.#nowMs as Instant);
      this.core.handleSample(this.#nowMs as Instant, this.#dropped);
      this.#drain();
    }
    this.#nowMs = end;
  }

  outcome(): Outcome {
    return {
      detectedAfterMs: this.#detectedAfterMs,
      bannedAfterMs: this.#bannedAfterMs,
      detections: this.events.filter((event) => event.type === "security.detected").length,
      bans: this.events.filter((event) => event.type === "security.banned").length,
      events: this.events,
      core: this.core,
    };
  }

  #drain(): void {
    for (let event = this.core.pollEvent(); event !== null; event = this.core.pollEvent()) {
      this.events.push(event);
      if (event.type === "security.detected") this.#detectedAfterMs ??= this.elapsedMs;
      if (event.type === "security.banned") this.#bannedAfterMs ??= this.elapsedMs;
    }
  }
}

/** Every attack of the table. */
export const ATTACKS: readonly Attack[] = [
  ...[100, 1000].map((rate): Attack => ({
    name: `${rate} failing handshakes/s, forged senders`,
    detector: "handshake_failure_rate",
    bans: false,
    run: () => handshakes(rate, 30_000, "malformed", (i) => forged(i), false),
  })),
  {
    name: "60 failing handshakes/s, one real address",
    detector: "handshake_failure_rate",
    bans: true,
    run: () => handshakes(60, 30_000, "malformed", () => "203.0.113.9:4000", true),
  },
  {
    name: "40 failing handshakes/s, forged senders (below 50/s)",
    detector: null,
    bans: false,
    run: () => handshakes(40, 120_000, "malformed", (i) => forged(i), false),
  },
  ...[["1 a second", 1], ["1 every 30 s", 1 / 30]].map(([words, rate]): Attack => ({
    name: `wrong signatures, one real address, ${words}`,
    detector: "auth_failures",
    bans: true,
    run: () => handshakes(rate as number, 300_000, "invalid_signature", () => "203.0.113.9:4000", true),
  })),
  {
    name: "wrong signatures, one real address, changing its port each time, 1 a second",
    detector: "auth_failures",
    bans: true,
    run: () => handshakes(1, 60_000, "invalid_signature", (i) => `203.0.113.9:${4000 + i}`, true),
  },
  {
    name: "wrong signatures, one IPv6 /64, a new address each time, 1 a second",
    detector: "auth_failures",
    bans: true,
    run: () =>
      handshakes(1, 60_000, "invalid_signature", (i) => `[2001:db8:7:7::${(i + 1).toString(16)}]:4000`, true),
  },
  {
    name: "wrong signatures, one forged sender, 1 a second",
    detector: "auth_failures",
    bans: false,
    run: () => handshakes(1, 60_000, "decrypt", () => "198.51.100.1:4000", false),
  },
  {
    name: "wrong signatures, one real address, 1 every 90 s (below 5 in 5 min)",
    detector: null,
    bans: false,
    run: () => handshakes(1 / 90, 3_600_000, "invalid_signature", () => "203.0.113.9:4000", true),
  },
  ...[60, 200, 2000].map((rate): Attack => ({
    name: `${rate} DHT queries/s, one peer`,
    detector: "dht_flood",
    bans: true,
    run: () => dhtQueries(rate, 30_000),
  })),
  {
    name: "45 DHT queries/s, one peer (below 50/s)",
    detector: null,
    bans: false,
    run: () => dhtQueries(45, 60_000),
  },
  ...[1000, 10_000, 100_000].map((rate): Attack => ({
    name: `${rate} junk datagrams/s, forged senders`,
    detector: "traffic_spike",
    bans: false,
    run: () => junk(rate, 30_000),
  })),
];

/** An address that an attacker only writes into his packets. */
export function forged(i: number): string {
  return `10.${i >> 16 & 255}.${i >> 8 & 255}.${i & 255}:${1024 + i % 60_000}`;
}

export function failedHandshake(
  remoteAddr: string,
  reason: HandshakeFailureReason,
  addressValidated: boolean,
): NodeEvent {
  return {
    type: "handshake.failed",
    handshakeId: 1,
    direction: "inbound",
    remoteAddr,
    reason,
    durationMs: 1,
    addressValidated,
  };
}

function handshakes(
  ratePerSecond: number,
  durationMs: number,
  reason: HandshakeFailureReason,
  sourceOf: (i: number) => string,
  validated: boolean,
): Outcome {
  const world = new DetectorWorld();
  for (let i = 0; i * 1000 / ratePerSecond < durationMs; i++) {
    world.emit(failedHandshake(sourceOf(i), reason, validated));
    world.advance(1000 / ratePerSecond);
  }
  return world.outcome();
}

function dhtQueries(ratePerSecond: number, durationMs: number): Outcome {
  const world = new DetectorWorld();
  for (let i = 0; i * 1000 / ratePerSecond < durationMs; i++) {
    world.emit(query(1, "203.0.113.9:41641"));
    world.advance(1000 / ratePerSecond);
  }
  return world.outcome();
}

function junk(ratePerSecond: number, durationMs: number): Outcome {
  const world = new DetectorWorld();
  for (let ms = 0; ms < durationMs; ms += 100) {
    world.drop(ratePerSecond / 10);
    world.advance(100);
  }
  return world.outcome();
}

function query(peer: number, remoteAddr: string): NodeEvent {
  return { type: "dht.query.received", rpc: "find_node", peerId: peerId(peer), remoteAddr };
}

function peerId(peer: number): `ed25519:${string}` {
  return `ed25519:${peer.toString(16).padStart(64, "0")}`;
}

/**
 * Twenty-four hours of a busy node with nobody attacking it, though much goes wrong: 300 peers come and go,
 * 50 of them behind one address; every 25th handshake times out, scanners knock, people mistype keys, one
 * peer that is not allowed in tries every 90 s; lookups ask in bursts; new nodes fill their tables; each
 * hour a peer loses its session and sends into the void; once all peers reconnect within ten seconds.
 */
export function normalDay(seed: number, config: SecurityConfig = SECURITY): Outcome {
  const world = new DetectorWorld(config);
  const prng = seededPrng(seed);
  for (let second = 0; second < 86_400; second++) {
    normalSecond(world, prng, second);
    world.advance(1000);
  }
  return world.outcome();
}

function normalSecond(world: DetectorWorld, prng: Prng, second: number): void {
  const arrivals = second % 43_200 >= 43_190 ? 30 : poisson(prng, 0.3);
  for (let i = 0; i < arrivals; i++) arrive(world, prng);
  if (prng.next() < 0.2) {
    world.emit(failedHandshake(forged(Math.floor(prng.next() * 1e6)), "malformed", false));
  }
  if (second % 90 === 0) world.emit(failedHandshake("192.0.2.77:5000", "not_allowed", true));
  if (prng.next() < 1 / 600) world.emit(failedHandshake(SHARED_ADDRESS, "identity_mismatch", true));
  if (second % 3600 === 1800) world.drop(2000);
  world.drop(poisson(prng, 5));
  for (let i = poisson(prng, 0.2); i > 0; i--) lookup(world, prng, 20 + Math.floor(prng.next() * 40));
  if (second % 600 < 10) lookup(world, prng, 30, 999);
}

function arrive(world: DetectorWorld, prng: Prng): void {
  const peer = Math.floor(prng.next() * 300);
  const remoteAddr = addressOf(peer, prng);
  world.emit({ type: "handshake.started", handshakeId: 1, direction: "inbound", remoteAddr });
  const luck = prng.next();
  if (luck < 0.04) world.emit(failedHandshake(remoteAddr, "timeout", true));
  else if (luck < 0.043) world.emit(failedHandshake(remoteAddr, "version", false));
}

function lookup(
  world: DetectorWorld,
  prng: Prng,
  queries: number,
  peer = Math.floor(prng.next() * 300),
): void {
  const remoteAddr = addressOf(peer, prng);
  for (let i = 0; i < queries; i++) world.emit(query(peer, remoteAddr));
}

function addressOf(peer: number, prng: Prng): string {
  if (peer < 50) return `192.0.2.50:${20_000 + Math.floor(prng.next() * 20_000)}`;
  return `192.0.3.${peer % 250}:41641`;
}

function poisson(prng: Prng, mean: number): number {
  let count = 0;
  for (let product = prng.next(); product > Math.exp(-mean); product *= prng.next()) count++;
  return count;
}

const SHARED_ADDRESS = "192.0.2.50:23456";
