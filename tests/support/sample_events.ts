import type { PeerId } from "../../src/crypto/peer_id.ts";
import type { EventOf } from "../../src/observe/log/description.ts";
import type { NodeEvent } from "../../src/observe/events.ts";

export const SAMPLE_PEER: PeerId = `ed25519:${"ab".repeat(32)}`;

const REMOTE = "192.0.2.10:41641";

/** What a peer chose is `text` in every sample, so that a test can put hostile text everywhere at once. */
export function sampleEvents(text = "plain"): readonly NodeEvent[] {
  const samples: { readonly [T in NodeEvent["type"]]: EventOf<T> } = {
    "node.started": {
      type: "node.started",
      peerId: SAMPLE_PEER,
      listen: "0.0.0.0:41641",
      version: "1.0.0",
      crypto: "noble",
      sockets: "deno",
    },
    "node.stopping": { type: "node.stopping", cause: "SIGTERM" },
    "node.stopped": { type: "node.stopped", uptimeMs: 1234.5678 },
    "node.notice": { type: "node.notice", severity: "info", component: "net", message: text },
    "node.error": {
      type: "node.error",
      errorType: "network",
      component: "net",
      message: text,
      remoteAddr: REMOTE,
    },
    "identity.created": { type: "identity.created", peerId: SAMPLE_PEER, path: "/data/identity.key" },
    "config.reloaded": { type: "config.reloaded", applied: ["logging.level"], needRestart: [text] },
    "config.reload_failed": { type: "config.reload_failed", message: text },
    "control.action": {
      type: "control.action",
      action: "transfer.cancel",
      outcome: "success",
      detail: text,
    },
    "handshake.started": {
      type: "handshake.started",
      handshakeId: 3,
      direction: "inbound",
      remoteAddr: REMOTE,
    },
    "handshake.retried": { type: "handshake.retried", direction: "inbound", remoteAddr: REMOTE },
    "handshake.failed": {
      type: "handshake.failed",
      handshakeId: 3,
      direction: "inbound",
      remoteAddr: REMOTE,
      reason: "timeout",
      durationMs: 10_000,
      addressValidated: false,
    },
    "session.established": {
      type: "session.established",
      sessionId: 7,
      handshakeId: 3,
      direction: "inbound",
      peerId: SAMPLE_PEER,
      remoteAddr: REMOTE,
      handshakeDurationMs: 1.5,
      agent: text,
      path: "direct",
    },
    "session.closed": {
      type: "session.closed",
      sessionId: 7,
      peerId: SAMPLE_PEER,
      remoteAddr: REMOTE,
      end: "remote",
      code: "no_error",
      reason: text,
      durationMs: 5000,
      bytesSent: 10,
      bytesReceived: 20,
    },
    "session.rekeyed": { type: "session.rekeyed", sessionId: 7, epoch: 1 },
    "session.path_changed": {
      type: "session.path_changed",
      sessionId: 7,
      peerId: SAMPLE_PEER,
      from: REMOTE,
      to: "192.0.2.11:41641",
    },
    "session.state": { type: "session.state", sessionId: 7, what: "mtu", detail: "1452" },
    "session.replay_burst": {
      type: "session.replay_burst",
      sessionId: 7,
      peerId: SAMPLE_PEER,
      remoteAddr: REMOTE,
      packets: 500,
    },
    "transfer.offered": { type: "transfer.offered", ...transferFacts(text) },
    "transfer.started": { type: "transfer.started", ...transferFacts(text), bytesResumed: 0 },
    "transfer.paused": { type: "transfer.paused", ...transferFacts(text), bytesDone: 10 },
    "transfer.resumed": { type: "transfer.resumed", ...transferFacts(text), bytesDone: 10 },
    "transfer.verifying": { type: "transfer.verifying", ...transferFacts(text) },
    "transfer.verified": { type: "transfer.verified", ...transferFacts(text) },
    "transfer.progress": {
      type: "transfer.progress",
      ...transferFacts(text),
      bytesDone: 10,
      chunksDone: 1,
    },
    "transfer.completed": {
      type: "transfer.completed",
      ...transferFacts(text),
      durationMs: 250,
      bytesTransferred: 1000,
    },
    "transfer.failed": {
      type: "transfer.failed",
      ...transferFacts(text),
      reason: "network",
      message: text,
      durationMs: 250,
      bytesDone: 10,
    },
    "transfer.chunk_rejected": {
      type: "transfer.chunk_rejected",
      transferId: "00".repeat(16),
      peerId: SAMPLE_PEER,
      file: text,
      chunk: 4,
    },
    "dht.joined": { type: "dht.joined", peers: 20, durationMs: 300 },
    "dht.contact_added": { type: "dht.contact_added", peerId: SAMPLE_PEER, remoteAddr: REMOTE },
    "dht.contact_removed": { type: "dht.contact_removed", peerId: SAMPLE_PEER, remoteAddr: REMOTE },
    "dht.lookup.started": {
      type: "dht.lookup.started",
      lookupId: 9,
      kind: "node",
      target: "cd".repeat(32),
    },
    "dht.lookup.finished": {
      type: "dht.lookup.finished",
      lookupId: 9,
      kind: "node",
      result: "success",
      hops: 3,
      rpcs: 12,
      durationMs: 245,
    },
    "dht.rpc.finished": {
      type: "dht.rpc.finished",
      rpc: "find_node",
      peerId: SAMPLE_PEER,
      result: "success",
      durationMs: 30,
      lookupId: 9,
    },
    "dht.query.received": {
      type: "dht.query.received",
      rpc: "find_node",
      peerId: SAMPLE_PEER,
      remoteAddr: REMOTE,
    },
    "dht.refused": {
      type: "dht.refused",
      what: "query",
      reason: "rate_limited",
      peerId: SAMPLE_PEER,
      remoteAddr: REMOTE,
    },
    "security.detected": {
      type: "security.detected",
      detector: "auth_failures",
      source: "203.0.113.100",
      observed: 6,
      threshold: 5,
      detail: text,
    },
    "security.banned": {
      type: "security.banned",
      source: "203.0.113.100",
      detector: "auth_failures",
      durationMs: 600_000,
    },
    "security.unbanned": {
      type: "security.unbanned",
      source: "203.0.113.100",
      detector: "auth_failures",
      durationMs: 600_000,
    },
    "security.authentication_failed": {
      type: "security.authentication_failed",
      remoteAddr: "203.0.113.100:52341",
      reason: "invalid_signature",
      attemptCount: 5,
    },
    "log.write_failed": { type: "log.write_failed", output: "/var/log/wraith/wraith.log", message: text },
    "log.write_resumed": {
      type: "log.write_resumed",
      output: "/var/log/wraith/wraith.log",
      outageMs: 2000,
      linesDropped: 3,
    },
  };
  return Object.values(samples);
}

function transferFacts(text: string): {
  readonly transferId: string;
  readonly direction: "receive";
  readonly peerId: PeerId;
  readonly name: string;
  readonly files: number;
  readonly bytesTotal: number;
} {
  return {
    transferId: "00".repeat(16),
    direction: "receive",
    peerId: SAMPLE_PEER,
    name: text,
    files: 1,
    bytesTotal: 1000,
  };
}
