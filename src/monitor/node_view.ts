/**
 * What the monitoring side may read of a node: cumulative numbers and short lists, all from memory. The node
 * implements it; nothing here changes anything.
 *
 * @module
 */

import type { LogLevel } from "../config/config.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { DropReason } from "../session/endpoint_stats.ts";
import type { Direction, TransferDirection } from "../observe/events.ts";

/** Who this node is and what it was built with. */
export interface NodeFacts {
  readonly peerId: PeerId;
  readonly nickname: string;
  /** `host:port` of the UDP socket. */
  readonly listen: string;
  readonly version: string;
  readonly revision: string;
  /** `deno 2.9.6`. */
  readonly runtime: string;
  readonly crypto: string;
  readonly sockets: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
}

/** Cumulative since the node started. Bytes are UDP payload bytes, counted once per datagram. */
export interface TransportCounters {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** Of the datagrams sent, those that the system refused. */
  readonly packetsRefused: number;
  readonly packetsDropped: Readonly<Record<DropReason, number>>;
  /** Handshakes under way now, as responder. */
  readonly halfOpen: number;
}

export interface SessionView {
  readonly sessionId: number;
  readonly peerId: PeerId;
  readonly remoteAddr: string;
  readonly direction: Direction;
  readonly path: "direct" | "relayed";
  readonly agent: string;
  readonly establishedAtMs: number;
  readonly smoothedRttMs: number;
  readonly congestionWindowBytes: number;
  readonly bytesInFlight: number;
  readonly datagramBytes: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsLost: number;
  readonly openStreams: number;
  readonly keyEpoch: number;
}

export type TransferState =
  | "offered"
  | "queued"
  | "running"
  | "paused"
  | "verifying"
  | "completed"
  | "failed"
  | "cancelled";

export interface TransferView {
  readonly transferId: string;
  readonly direction: TransferDirection;
  readonly state: TransferState;
  readonly peerId: PeerId;
  readonly name: string;
  readonly files: number;
  readonly bytesTotal: number;
  /** Of `bytesTotal`, how many are safe at the receiver (verified and written, or acknowledged so). */
  readonly bytesDone: number;
  /** Over the last few seconds, in bytes per second; the mean once it has ended. */
  readonly bytesPerSecond: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Why it failed, for people. */
  readonly message: string | null;
}

export interface DhtView {
  readonly peers: number;
  readonly storedValues: number;
  readonly storedBytes: number;
  readonly isBootstrapOfNobody: boolean;
  /** Fleet members known by address, for service discovery. */
  contacts(): readonly {
    readonly peerId: PeerId;
    readonly remoteAddr: string;
    readonly lastSeenMs: number;
  }[];
}

/** What the views of the event stream did with it. Cumulative since the node started. */
export interface ObserverCounters {
  readonly logLines: Readonly<Record<LogLevel, number>>;
  /** Lines that found no room while the output refused or was slow. */
  readonly logLinesDropped: number;
  /** Lines that a peer caused beyond its budget. */
  readonly logLinesHeldBack: number;
  /** Each refused write, also each further try of one outage. */
  readonly logWriteFailures: number;
  readonly auditRecords: number;
  readonly auditRecordsLost: number;
  readonly auditRecordsHeldBack: number;
  readonly auditWriteFailures: number;
  /** Sources that the detectors forgot for want of room. */
  readonly sourcesEvicted: number;
  /** Bans that an allow-listed peer at that address prevented. */
  readonly bansSpared: number;
  readonly spansExported: number;
  /** Spans that found no room in the queue. */
  readonly spansDropped: number;
  /** Spans that the collector refused or never received. */
  readonly spansFailed: number;
}

/** The node, as monitoring sees it. Each method is cheap enough for every scrape. */
export interface NodeView {
  readonly facts: NodeFacts;
  transport(): TransportCounters;
  /** Established sessions. Aggregates must come from counters, never from walking 10,000 of these. */
  sessionCount(): number;
  sessions(limit: number): readonly SessionView[];
  /** Running ones first, then the most recent ended ones. */
  transfers(limit: number): readonly TransferView[];
  /** Null when the DHT is off. */
  dht(): DhtView | null;
  /** Left out by a node that logs, audits and traces nothing. */
  observers?(): ObserverCounters;
  /** The node has bound its sockets, joined what it was told to join, and is not stopping. */
  readonly phase: "starting" | "running" | "stopping";
}
