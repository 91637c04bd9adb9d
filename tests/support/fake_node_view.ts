/**
 * A node that monitoring can look at, whose every number a test sets.
 *
 * @module
 */

import { DROP_REASONS, type DropReason } from "../../src/session/endpoint_stats.ts";
import type { MonitoringConfig } from "../../src/config/config.ts";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import {
  type DhtView,
  type NodeFacts,
  type NodeView,
  type ObserverCounters,
  type SessionView,
  type TransferView,
  type TransportCounters,
} from "../../src/monitor/node_view.ts";

export const PEER_A: PeerId = `ed25519:${"a1".repeat(32)}`;
export const PEER_B: PeerId = `ed25519:${"b2".repeat(32)}`;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Plain mutable state behind the read-only view. */
export class FakeNodeView implements NodeView {
  facts: NodeFacts;
  phase: NodeView["phase"] = "running";
  counters: Mutable<TransportCounters> = {
    bytesSent: 0,
    bytesReceived: 0,
    packetsSent: 0,
    packetsReceived: 0,
    packetsLost: 0,
    packetsRefused: 0,
    packetsDropped: Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<
      DropReason,
      number
    >,
    halfOpen: 0,
  };
  establishedSessions: SessionView[] = [];
  transferList: TransferView[] = [];
  dhtState: Mutable<Omit<DhtView, "contacts">> | null = {
    peers: 5,
    storedValues: 0,
    storedBytes: 0,
    isBootstrapOfNobody: false,
  };
  dhtContacts: ReturnType<DhtView["contacts"]> = [];
  observerCounters: Mutable<ObserverCounters> = {
    logLines: { error: 0, warn: 0, info: 0, debug: 0, trace: 0 },
    logLinesDropped: 0,
    logLinesHeldBack: 0,
    logWriteFailures: 0,
    auditRecords: 0,
    auditRecordsLost: 0,
    auditRecordsHeldBack: 0,
    auditWriteFailures: 0,
    sourcesEvicted: 0,
    bansSpared: 0,
    spansExported: 0,
    spansDropped: 0,
    spansFailed: 0,
  };

  /** `listen` is the address that the node claims: nothing is bound. */
  constructor(listen = "127.0.0.1:41641") {
    this.facts = {
      peerId: PEER_A,
      nickname: "fake",
      listen,
      version: "1.2.3",
      revision: "abcdef0",
      runtime: "deno 2.9.6",
      crypto: "portable",
      sockets: "portable",
      startedAtMs: 1_764_324_930_000,
    };
  }

  transport(): TransportCounters {
    return this.counters;
  }

  sessionCount(): number {
    return this.establishedSessions.length;
  }

  sessions(limit: number): readonly SessionView[] {
    return this.establishedSessions.slice(0, limit);
  }

  transfers(limit: number): readonly TransferView[] {
    return this.transferList.slice(0, limit);
  }

  dht(): DhtView | null {
    return this.dhtState && { ...this.dhtState, contacts: () => this.dhtContacts };
  }

  observers(): ObserverCounters {
    return this.observerCounters;
  }
}

/** A session as the view shows it, with the given differences. */
export function fakeSession(sessionId: number, differences: Partial<SessionView> = {}): SessionView {
  return {
    sessionId,
    peerId: PEER_B,
    remoteAddr: "192.0.2.10:41641",
    direction: "outbound",
    path: "direct",
    agent: "wraith/1.2.3",
    establishedAtMs: 1_764_324_930_000,
    smoothedRttMs: 20,
    congestionWindowBytes: 12_000,
    bytesInFlight: 0,
    datagramBytes: 1200,
    bytesSent: 0,
    bytesReceived: 0,
    packetsLost: 0,
    openStreams: 0,
    keyEpoch: 0,
    ...differences,
  };
}

/** The `[monitoring]` section as it is by default, but on a port that the system chooses. */
export function monitoringConfig(differences: Partial<MonitoringConfig> = {}): MonitoringConfig {
  return {
    enabled: true,
    bind: "127.0.0.1",
    prometheusPort: 0,
    metricsPath: "/metrics",
    updateIntervalMs: 15_000,
    readyMinDhtPeers: 3,
    required: true,
    sdPeers: "known",
    sdPort: 0,
    tokenFile: "",
    tlsCert: "",
    tlsKey: "",
    ...differences,
  };
}
