/**
 * A sample of a node as the specification's dashboard shows it.
 *
 * @module
 */

import type { NodeSample, SampledSession, SampledTransfer } from "../../src/monitor/node_sample.ts";
import { PEER_A, PEER_B } from "./fake_node_view.ts";

/** The node of the specification's sample output, with the given differences. */
export function fakeSample(differences: Partial<NodeSample> = {}): NodeSample {
  return {
    at: "2025-11-28T10:15:30.000Z",
    node: {
      peer_id: PEER_A,
      nickname: "fake",
      listen: "127.0.0.1:41641",
      version: "1.2.3",
      revision: "abcdef0",
      runtime: "deno 2.9.6",
      crypto: "portable",
      sockets: "portable",
      phase: "running",
      started_at: "2025-11-22T21:41:30.000Z",
    },
    uptime_ms: ((5 * 24 + 12) * 60 + 34) * 60_000,
    live: { ok: true, reason: "event loop turns" },
    ready: { ok: true, reason: "all checks pass" },
    sessions_active: 42,
    sessions_total: 1523,
    sessions_failed: 8,
    bytes_sent: 15_680_000_000,
    bytes_received: 8_430_000_000,
    send_bps: 850e6,
    receive_bps: 420e6,
    history: { send_bps: [0, 1e6, 425e6, 850e6], receive_bps: [0, 0, 210e6, 420e6] },
    dht: { peers: 156, stored_values: 12 },
    memory_bytes: 125e6,
    memory_limit_bytes: 2e9,
    cpu_percent: 32.5,
    handshake_latency: { count: 1523, p50_ms: 1.5, p99_ms: 4.2 },
    lookup_latency: { count: 0, p50_ms: null, p99_ms: null },
    sessions: [sampledSessionOf({}), sampledSessionOf({ session_id: 2, rtt_ms: 180, packets_lost: 7 })],
    transfers: [
      sampledTransferOf("abc123", { name: "file1.bin", bytes_total: 1.2e9, duration_ms: 15_000 }),
      sampledTransferOf("def456", { name: "file2.bin", bytes_total: 500e6, duration_ms: 6_000 }),
      sampledTransferOf("789aaa", {
        name: "file3.bin",
        state: "running",
        bytes_total: 2.1e9,
        bytes_done: 0.45 * 2.1e9,
      }),
    ],
    security: [],
    ...differences,
  };
}

/** A completed transfer with the peer whose id begins with `peer`. */
export function sampledTransferOf(peer: string, differences: Partial<SampledTransfer>): SampledTransfer {
  return {
    transfer_id: "00".repeat(16),
    direction: "send",
    state: "completed",
    peer_id: `ed25519:${peer.padEnd(64, "0")}`,
    name: "file.bin",
    bytes_total: 1_000_000,
    bytes_done: differences.bytes_total ?? 1_000_000,
    bps: 640e6,
    duration_ms: 1_000,
    message: null,
    ...differences,
  };
}

export function sampledSessionOf(differences: Partial<SampledSession>): SampledSession {
  return {
    session_id: 1,
    peer_id: PEER_B,
    remote_addr: "192.0.2.10:41641",
    direction: "outbound",
    path: "direct",
    established_at: "2025-11-28T10:10:30.000Z",
    rtt_ms: 20,
    bytes_sent: 5_000_000,
    bytes_received: 1_000,
    packets_lost: 0,
    ...differences,
  };
}
