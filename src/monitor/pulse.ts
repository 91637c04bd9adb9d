/**
 * The recent past of a node in a bounded space: throughput and processor second by second, latencies, security
 * events. What the dashboards show and metrics, which are for a time series database, do not hold.
 *
 * @module
 */

import process from "node:process";
import type { Clock, Instant } from "../clock.ts";
import type { EventBus, EventTime } from "../observe/event_bus.ts";
import type { NodeEvent } from "../observe/events.ts";
import type { Health } from "./health.ts";
import {
  type NodeSample,
  sampledHealth,
  type SampledLatency,
  sampledNode,
  sampledSession,
  sampledTransfer,
  type SecurityNote,
} from "./node_sample.ts";
import type { NodeView } from "./node_view.ts";
import { type ProcessFacts, systemProcessFacts } from "./process_facts.ts";

export interface PulseOptions {
  readonly view: NodeView;
  readonly health: Health;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly processFacts?: ProcessFacts;
  /** CPU time of this process so far, in milliseconds. */
  readonly cpuMs?: () => number;
}

/** Watches the node from its construction on; once started, beats every second. */
export class Pulse {
  readonly #view: NodeView;
  readonly #health: Health;
  readonly #clock: Clock;
  readonly #facts: ProcessFacts;
  readonly #cpuMs: () => number;
  readonly #unsubscribe: () => void;
  readonly #beatListeners = new Set<() => void>();
  readonly #sendBps: number[] = [];
  readonly #receiveBps: number[] = [];
  readonly #handshakes = new Latencies();
  readonly #lookups = new Latencies();
  readonly #security: SecurityNote[] = [];
  #established = 0;
  #failed = 0;
  #cpuPercent = 0;
  #memoryLimitBytes: number | null;
  #beats = 0;
  #last: Moment;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(options: PulseOptions) {
    this.#view = options.view;
    this.#health = options.health;
    this.#clock = options.clock;
    this.#facts = options.processFacts ?? systemProcessFacts;
    this.#cpuMs = options.cpuMs ?? ownCpuMs;
    this.#memoryLimitBytes = this.#facts.memoryLimitBytes();
    this.#last = this.#moment();
    this.#unsubscribe = options.bus.subscribe((event, time) => this.#note(event, time));
  }

  start(): void {
    this.#timer = setInterval(() => this.beat(), BEAT_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#unsubscribe();
  }

  /** Calls `listener` after every beat. Returns what ends that. */
  onBeat(listener: () => void): () => void {
    this.#beatListeners.add(listener);
    return () => this.#beatListeners.delete(listener);
  }

  /** Takes the second that has passed. The timer calls it; so does a test. */
  beat(): void {
    const now = this.#moment();
    const elapsedMs = now.at - this.#last.at;
    if (elapsedMs <= 0) return;
    const bps = (bytes: number) => Math.round(Math.max(0, bytes) * 8000 / elapsedMs);
    push(this.#sendBps, bps(now.bytesSent - this.#last.bytesSent), HISTORY_POINTS);
    push(this.#receiveBps, bps(now.bytesReceived - this.#last.bytesReceived), HISTORY_POINTS);
    this.#cpuPercent = Math.max(0, 100 * (now.cpuMs - this.#last.cpuMs) / elapsedMs);
    this.#last = now;
    // A control group's limit is read from several files and hardly ever changes.
    if (++this.#beats % LIMIT_BEATS === 0) this.#memoryLimitBytes = this.#facts.memoryLimitBytes();
    for (const listener of this.#beatListeners) listener();
  }

  /** The node now, with at most `limit` sessions and transfers each. */
  sample(limit: number): NodeSample {
    const view = this.#view;
    const epochMs = this.#clock.epochMs();
    const dht = view.dht();
    const { bytesSent, bytesReceived } = view.transport();
    return {
      at: new Date(epochMs).toISOString(),
      node: sampledNode(view),
      uptime_ms: Math.max(0, Math.round(epochMs - view.facts.startedAtMs)),
      live: sampledHealth(this.#health.live()),
      ready: sampledHealth(this.#health.ready()),
      sessions_active: view.sessionCount(),
      sessions_total: this.#established,
      sessions_failed: this.#failed,
      bytes_sent: bytesSent,
      bytes_received: bytesReceived,
      send_bps: this.#sendBps.at(-1) ?? 0,
      receive_bps: this.#receiveBps.at(-1) ?? 0,
      history: { send_bps: [...this.#sendBps], receive_bps: [...this.#receiveBps] },
      dht: dht && { peers: dht.peers, stored_values: dht.storedValues },
      memory_bytes: this.#facts.memory().residentBytes,
      memory_limit_bytes: this.#memoryLimitBytes,
      cpu_percent: Math.round(this.#cpuPercent * 10) / 10,
      handshake_latency: this.#handshakes.summary(),
      lookup_latency: this.#lookups.summary(),
      sessions: view.sessions(limit).map(sampledSession),
      transfers: view.transfers(limit).map((transfer) => sampledTransfer(transfer, epochMs)),
      security: [...this.#security].reverse(),
    };
  }

  #note(event: NodeEvent, { epochMs }: EventTime): void {
    switch (event.type) {
      case "session.established":
        this.#established++;
        return this.#handshakes.add(event.handshakeDurationMs);
      case "handshake.failed":
        this.#failed++;
        return;
      case "dht.lookup.finished":
        return this.#lookups.add(event.durationMs);
    }
    const note = securityNote(event);
    if (note === null) return;
    push(this.#security, { at: new Date(epochMs).toISOString(), ...note }, SECURITY_NOTES);
  }

  #moment(): Moment {
    const { bytesSent, bytesReceived } = this.#view.transport();
    return { at: this.#clock.now(), bytesSent, bytesReceived, cpuMs: this.#cpuMs() };
  }
}

/** What an event says to who watches over security; null when nothing. Text that peers chose is bounded. */
function securityNote(event: NodeEvent): Omit<SecurityNote, "at"> | null {
  switch (event.type) {
    case "security.detected":
      return { what: event.detector, source: bounded(event.source), detail: bounded(event.detail) };
    case "security.banned":
      return {
        what: "banned",
        source: bounded(event.source),
        detail: `${event.detector}, for ${Math.round(event.durationMs / 1000)} s`,
      };
    case "security.unbanned":
      return { what: "unbanned", source: bounded(event.source), detail: event.detector };
    case "security.authentication_failed": {
      const attempts = event.attemptCount === 1 ? "attempt" : "attempts";
      const detail = `${event.reason}, ${event.attemptCount} ${attempts}`;
      return { what: "authentication_failed", source: event.remoteAddr, detail };
    }
    case "session.replay_burst":
      return { what: "replay", source: event.remoteAddr, detail: `${event.packets} replayed packets` };
    case "transfer.chunk_rejected":
      return {
        what: "chunk_rejected",
        source: event.peerId,
        detail: bounded(`chunk ${event.chunk} of ${event.file}`),
      };
    default:
      return null;
  }
}

/** The last measurements of one kind. */
class Latencies {
  readonly #lastMs: number[] = [];
  #count = 0;

  add(ms: number): void {
    this.#count++;
    push(this.#lastMs, ms, LATENCIES_KEPT);
  }

  summary(): SampledLatency {
    const sorted = this.#lastMs.toSorted((a, b) => a - b);
    return { count: this.#count, p50_ms: quantile(sorted, 0.5), p99_ms: quantile(sorted, 0.99) };
  }
}

/** The nearest-rank quantile of what is sorted, to the microsecond; null of nothing. */
function quantile(sorted: readonly number[], q: number): number | null {
  if (sorted.length === 0) return null;
  return Math.round(sorted[Math.ceil(q * sorted.length) - 1] * 1000) / 1000;
}

/** Appends `item`; beyond `limit` the oldest one goes. */
function push<T>(list: T[], item: T, limit: number): void {
  list.push(item);
  if (list.length > limit) list.shift();
}

function bounded(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

interface Moment {
  readonly at: Instant;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly cpuMs: number;
}

const BEAT_MS = 1_000;
const HISTORY_POINTS = 120;
const LATENCIES_KEPT = 512;
const SECURITY_NOTES = 50;
const LIMIT_BEATS = 30;
const MAX_TEXT = 160;
