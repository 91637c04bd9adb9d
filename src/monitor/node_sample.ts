/**
 * The node at one moment, as JSON: what `GET /v1/sample` answers, `wraith mon --json` prints and the status page
 * shows. Field names are stable.
 *
 * @module
 */

import type { DetectorName } from "../observe/events.ts";
import type { HealthReport } from "./health.ts";
import type { NodeView, SessionView, TransferView } from "./node_view.ts";

/** One moment. Rates are bits per second, measured over the last full second. */
export interface NodeSample {
  readonly at: string;
  readonly node: SampledNode;
  readonly uptime_ms: number;
  readonly live: SampledHealth;
  readonly ready: SampledHealth;
  readonly sessions_active: number;
  /** Established since the node started. */
  readonly sessions_total: number;
  readonly sessions_failed: number;
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly send_bps: number;
  readonly receive_bps: number;
  readonly history: SampledHistory;
  readonly dht: { readonly peers: number; readonly stored_values: number } | null;
  readonly memory_bytes: number;
  /** The least of machine and control group; null where the system does not tell. */
  readonly memory_limit_bytes: number | null;
  /** One core is 100. */
  readonly cpu_percent: number;
  readonly handshake_latency: SampledLatency;
  readonly lookup_latency: SampledLatency;
  readonly sessions: readonly SampledSession[];
  /** Running ones first, then the most recent ended ones. */
  readonly transfers: readonly SampledTransfer[];
  /** The most recent first. */
  readonly security: readonly SecurityNote[];
}

export interface SampledNode {
  readonly peer_id: string;
  readonly nickname: string;
  readonly listen: string;
  readonly version: string;
  readonly revision: string;
  readonly runtime: string;
  readonly crypto: string;
  readonly sockets: string;
  readonly phase: NodeView["phase"];
  readonly started_at: string;
}

export interface SampledHealth {
  readonly ok: boolean;
  readonly reason: string;
}

/** Throughput, a point a second, the oldest first. */
export interface SampledHistory {
  readonly send_bps: readonly number[];
  readonly receive_bps: readonly number[];
}

/** Of the last few hundred measurements, in milliseconds; null while there is none. */
export interface SampledLatency {
  readonly count: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
}

export interface SampledSession {
  readonly session_id: number;
  readonly peer_id: string;
  readonly remote_addr: string;
  readonly direction: SessionView["direction"];
  readonly path: SessionView["path"];
  readonly established_at: string;
  readonly rtt_ms: number;
  readonly bytes_sent: number;
  readonly bytes_received: number;
  readonly packets_lost: number;
}

export interface SampledTransfer {
  readonly transfer_id: string;
  readonly direction: TransferView["direction"];
  readonly state: TransferView["state"];
  readonly peer_id: string;
  readonly name: string;
  readonly bytes_total: number;
  readonly bytes_done: number;
  /** Of the last few seconds; the mean once it has ended. */
  readonly bps: number;
  readonly duration_ms: number;
  readonly message: string | null;
}

/** Something that an operator may want to look into. */
export interface SecurityNote {
  readonly at: string;
  readonly what: DetectorName | "authentication_failed" | "banned" | "unbanned" | "replay" | "chunk_rejected";
  readonly source: string;
  readonly detail: string;
}

export function sampledNode({ facts, phase }: NodeView): SampledNode {
  return {
    peer_id: facts.peerId,
    nickname: facts.nickname,
    listen: facts.listen,
    version: facts.version,
    revision: facts.revision,
    runtime: facts.runtime,
    crypto: facts.crypto,
    sockets: facts.sockets,
    phase,
    started_at: new Date(facts.startedAtMs).toISOString(),
  };
}

export function sampledHealth({ ok, reason }: HealthReport): SampledHealth {
  return { ok, reason };
}

export function sampledSession(session: SessionView): SampledSession {
  return {
    session_id: session.sessionId,
    peer_id: session.peerId,
    remote_addr: session.remoteAddr,
    direction: session.direction,
    path: session.path,
    established_at: new Date(session.establishedAtMs).toISOString(),
    rtt_ms: Math.round(session.smoothedRttMs * 1000) / 1000,
    bytes_sent: session.bytesSent,
    bytes_received: session.bytesReceived,
    packets_lost: session.packetsLost,
  };
}

export function sampledTransfer(transfer: TransferView, epochMs: number): SampledTransfer {
  return {
    transfer_id: transfer.transferId,
    direction: transfer.direction,
    state: transfer.state,
    peer_id: transfer.peerId,
    name: transfer.name,
    bytes_total: transfer.bytesTotal,
    bytes_done: transfer.bytesDone,
    bps: Math.round(transfer.bytesPerSecond * 8),
    duration_ms: Math.max(0, Math.round((transfer.endedAtMs ?? epochMs) - transfer.startedAtMs)),
    message: transfer.message,
  };
}
