/**
 * The one stream of what happened. The core reports facts as these events; logs, audit, metrics, traces,
 * intrusion detection, the terminal dashboard and the status page subscribe, and none of them is called from
 * protocol code.
 *
 * Facts that happen per packet are not events: they are counters on the object they concern, read when
 * someone looks.
 *
 * Plain types only, so that any layer may import this file. Durations are milliseconds, sizes bytes;
 * addresses are `host:port` text. Values that a peer chose (names, reasons, agents) arrive as they came:
 * every view escapes and bounds them itself.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";

/** Why a handshake ended without a session: one vocabulary for events, logs, audit and metric labels. */
export type HandshakeFailureReason = typeof HANDSHAKE_FAILURE_REASONS[number];
export const HANDSHAKE_FAILURE_REASONS = [
  "timeout",
  "malformed",
  "version",
  "decrypt",
  "invalid_signature",
  "identity_mismatch",
  "not_allowed",
  "rate_limited",
] as const;

/** The classes of `wraith_errors_total{type}` and of the log field `error_type`. */
export type ErrorType = typeof ERROR_TYPES[number];
export const ERROR_TYPES = [
  "network",
  "crypto",
  "timeout",
  "protocol",
  "storage",
  "policy",
  "config",
  "internal",
] as const;

/** Who ended a session, and how. */
export type SessionEnd = typeof SESSION_ENDS[number];
export const SESSION_ENDS = ["local", "remote", "idle", "error", "shutdown"] as const;

/** Why a transfer did not complete: what the other side prints, and a metric label. */
export type TransferFailureReason = typeof TRANSFER_FAILURE_REASONS[number];
export const TRANSFER_FAILURE_REASONS = [
  "refused_policy",
  "refused_size",
  "refused_space",
  "refused_name",
  "refused_exists",
  "refused_busy",
  "source_changed",
  "source_unreadable",
  "integrity",
  "storage",
  "protocol",
  "network",
  "cancelled",
] as const;

export type Direction = "inbound" | "outbound";
export type TransferDirection = "send" | "receive";

/** A node that came to life, and with what. */
export interface NodeStarted {
  readonly type: "node.started";
  readonly peerId: PeerId;
  readonly listen: string;
  readonly version: string;
  readonly crypto: string;
  readonly sockets: string;
}

export interface NodeStopping {
  readonly type: "node.stopping";
  /** `SIGTERM`, `SIGINT`, `control`, or the error that forced it. */
  readonly cause: string;
}

export interface NodeStopped {
  readonly type: "node.stopped";
  readonly uptimeMs: number;
}

/** Something worth a line that is neither failure nor protocol: a fallback taken, a port outside loopback. */
export interface NodeNotice {
  readonly type: "node.notice";
  readonly severity: "info" | "warn";
  readonly component: string;
  readonly message: string;
}

/** A failure that disturbs service and is no more specific event. Counted in `wraith_errors_total`. */
export interface NodeError {
  readonly type: "node.error";
  readonly errorType: ErrorType;
  readonly component: string;
  /** What was attempted, on what. */
  readonly message: string;
  readonly remoteAddr?: string;
  readonly peerId?: PeerId;
}

export interface IdentityCreated {
  readonly type: "identity.created";
  readonly peerId: PeerId;
  readonly path: string;
}

export interface ConfigReloaded {
  readonly type: "config.reloaded";
  /** Dotted keys that changed and are in force. */
  readonly applied: readonly string[];
  /** Dotted keys that changed and wait for a restart. */
  readonly needRestart: readonly string[];
}

export interface ConfigReloadFailed {
  readonly type: "config.reload_failed";
  readonly message: string;
}

/** A request on the control socket that changes the node. */
export interface ControlAction {
  readonly type: "control.action";
  readonly action: string;
  readonly outcome: "success" | "failure";
  readonly detail?: string;
}

/** A connection attempt of either direction; `handshakeId` ties its later events together. */
export interface HandshakeStarted {
  readonly type: "handshake.started";
  readonly handshakeId: number;
  readonly direction: Direction;
  readonly remoteAddr: string;
}

/** The responder asked the initiator to prove its address first. */
export interface HandshakeRetried {
  readonly type: "handshake.retried";
  readonly direction: Direction;
  readonly remoteAddr: string;
}

export interface HandshakeFailed {
  readonly type: "handshake.failed";
  readonly handshakeId: number;
  readonly direction: Direction;
  readonly remoteAddr: string;
  readonly reason: HandshakeFailureReason;
  readonly durationMs: number;
  /** The identity the peer claimed or was expected to have, where there is one. */
  readonly peerId?: PeerId;
  /** Whether the remote proved that it receives at its address (only then may it be banned). */
  readonly addressValidated: boolean;
}

export interface SessionEstablished {
  readonly type: "session.established";
  /** Unique in this process, never reused. */
  readonly sessionId: number;
  readonly handshakeId: number;
  readonly direction: Direction;
  readonly peerId: PeerId;
  readonly remoteAddr: string;
  readonly handshakeDurationMs: number;
  /** The agent string the peer reports. */
  readonly agent: string;
  readonly path: "direct" | "relayed";
}

export interface SessionClosed {
  readonly type: "session.closed";
  readonly sessionId: number;
  readonly peerId: PeerId;
  readonly remoteAddr: string;
  readonly end: SessionEnd;
  /** The close code's name: `no_error`, `frame_encoding`, ... */
  readonly code: string;
  /** Free text from whoever closed. */
  readonly reason: string;
  readonly durationMs: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface SessionRekeyed {
  readonly type: "session.rekeyed";
  readonly sessionId: number;
  readonly epoch: number;
}

/** The peer moved and proved its new address. */
export interface SessionPathChanged {
  readonly type: "session.path_changed";
  readonly sessionId: number;
  readonly peerId: PeerId;
  readonly from: string;
  readonly to: string;
}

/** A state transition inside a session worth a debug line: MTU found, black hole, persistent congestion. */
export interface SessionState {
  readonly type: "session.state";
  readonly sessionId: number;
  readonly what: "mtu" | "black_hole" | "persistent_congestion" | "congestion_state" | "path_challenge";
  readonly detail: string;
}

/** Many replayed packets on one session in a short time. */
export interface ReplayBurst {
  readonly type: "session.replay_burst";
  readonly sessionId: number;
  readonly peerId: PeerId;
  readonly remoteAddr: string;
  readonly packets: number;
}

interface TransferFacts {
  /** Unique across restarts: 32 hex digits chosen by the sender. */
  readonly transferId: string;
  readonly direction: TransferDirection;
  readonly peerId: PeerId;
  /** What people call it: the file's name, or the first one's and how many more. */
  readonly name: string;
  readonly files: number;
  readonly bytesTotal: number;
}

/** An offer left (send) or arrived (receive). */
export interface TransferOffered extends TransferFacts {
  readonly type: "transfer.offered";
  /** W3C trace context the peer sent along, where it did. */
  readonly traceparent?: string;
}

/** The offer was accepted and bytes may flow. */
export interface TransferStarted extends TransferFacts {
  readonly type: "transfer.started";
  /** Bytes that an earlier attempt left and that are not sent again. */
  readonly bytesResumed: number;
}

/** State changes that someone asked for. */
export interface TransferStateChanged extends TransferFacts {
  readonly type: "transfer.paused" | "transfer.resumed";
  readonly bytesDone: number;
}

/** All bytes are there; roots are compared, files put in place. */
export interface TransferVerifying extends TransferFacts {
  readonly type: "transfer.verifying";
}

/** The roots match; what is left is to put files in place (receive) or to await that (send). */
export interface TransferVerified extends TransferFacts {
  readonly type: "transfer.verified";
}

/**
 * How far a running transfer has come: at most one a second for each transfer, so that views that cannot
 * poll (a trace) still see its course.
 */
export interface TransferProgress extends TransferFacts {
  readonly type: "transfer.progress";
  readonly bytesDone: number;
  readonly chunksDone: number;
}

/** Delivered: verified, durable, under its final name, and (send) confirmed by the receiver. */
export interface TransferCompleted extends TransferFacts {
  readonly type: "transfer.completed";
  readonly durationMs: number;
  /** Bytes that crossed the network in this attempt. */
  readonly bytesTransferred: number;
}

export interface TransferFailed extends TransferFacts {
  readonly type: "transfer.failed";
  readonly reason: TransferFailureReason;
  /** One clear line: what, on what, what to do. */
  readonly message: string;
  readonly durationMs: number;
  readonly bytesDone: number;
}

/** One chunk's hash did not match what was promised. */
export interface TransferChunkRejected {
  readonly type: "transfer.chunk_rejected";
  readonly transferId: string;
  readonly peerId: PeerId;
  readonly file: string;
  readonly chunk: number;
}

export interface DhtJoined {
  readonly type: "dht.joined";
  readonly peers: number;
  readonly durationMs: number;
}

export interface DhtContactChanged {
  readonly type: "dht.contact_added" | "dht.contact_removed";
  readonly peerId: PeerId;
  readonly remoteAddr: string;
}

export interface DhtLookupStarted {
  readonly type: "dht.lookup.started";
  readonly lookupId: number;
  readonly kind: "node" | "peer" | "providers";
  /** Hex of the 256-bit target. */
  readonly target: string;
}

export interface DhtLookupFinished {
  readonly type: "dht.lookup.finished";
  readonly lookupId: number;
  readonly kind: "node" | "peer" | "providers";
  readonly result: "success" | "failure";
  readonly hops: number;
  readonly rpcs: number;
  readonly durationMs: number;
}

/** One question to one peer, and how it ended. */
export interface DhtRpcFinished {
  readonly type: "dht.rpc.finished";
  readonly rpc: "ping" | "find_node" | "find_value" | "store" | "rendezvous";
  readonly peerId: PeerId;
  readonly result: "success" | "timeout" | "refused" | "malformed";
  readonly durationMs: number;
  /** The lookup it belongs to, where it does. */
  readonly lookupId?: number;
}

/** A message that we did not ask for, answered or not. One for each: what flooding is measured by. */
export interface DhtQueryReceived {
  readonly type: "dht.query.received";
  /** `answer`: to no question of ours. `unknown`: it could not be read. */
  readonly rpc:
    | "ping"
    | "find_node"
    | "find_value"
    | "store"
    | "leave"
    | "rendezvous"
    | "relay"
    | "answer"
    | "unknown";
  readonly peerId: PeerId;
  readonly remoteAddr: string;
}

/** A record or query was turned away. */
export interface DhtRefused {
  readonly type: "dht.refused";
  readonly what: "query" | "record";
  readonly reason:
    | "rate_limited"
    | "full"
    | "too_large"
    | "bad_signature"
    | "stale"
    | "expired"
    | "malformed";
  readonly peerId: PeerId;
  readonly remoteAddr: string;
  /** How many refusals this report stands for, where a flood was summed up; 1 when absent. */
  readonly count?: number;
}

/** An intrusion detector fired. */
export interface SecurityDetected {
  readonly type: "security.detected";
  readonly detector: DetectorName;
  /** Whom it concerns: an address, a prefix, a peer id, or `all`. */
  readonly source: string;
  readonly observed: number;
  readonly threshold: number;
  readonly detail: string;
}

export type DetectorName = typeof DETECTORS[number];
export const DETECTORS = ["handshake_failure_rate", "auth_failures", "traffic_spike", "dht_flood"] as const;

export interface SecurityBan {
  readonly type: "security.banned" | "security.unbanned";
  readonly source: string;
  readonly detector: DetectorName | "operator";
  readonly durationMs: number;
}

/** Authentication of a remote failed; the audit line of the specification. */
export interface AuthenticationFailed {
  readonly type: "security.authentication_failed";
  readonly remoteAddr: string;
  readonly reason: HandshakeFailureReason;
  /** How many times from this source in the detector's window. */
  readonly attemptCount: number;
}

export interface LogWriteFailed {
  readonly type: "log.write_failed";
  readonly output: string;
  readonly message: string;
}

/** An output that had failed takes lines again. */
export interface LogWriteResumed {
  readonly type: "log.write_resumed";
  readonly output: string;
  readonly outageMs: number;
  /** Lines that found no room in the queue meanwhile and are gone. */
  readonly linesDropped: number;
}

/** Everything that can happen. */
export type NodeEvent =
  | NodeStarted
  | NodeStopping
  | NodeStopped
  | NodeNotice
  | NodeError
  | IdentityCreated
  | ConfigReloaded
  | ConfigReloadFailed
  | ControlAction
  | HandshakeStarted
  | HandshakeRetried
  | HandshakeFailed
  | SessionEstablished
  | SessionClosed
  | SessionRekeyed
  | SessionPathChanged
  | SessionState
  | ReplayBurst
  | TransferOffered
  | TransferStarted
  | TransferStateChanged
  | TransferVerifying
  | TransferVerified
  | TransferProgress
  | TransferCompleted
  | TransferFailed
  | TransferChunkRejected
  | DhtJoined
  | DhtContactChanged
  | DhtLookupStarted
  | DhtLookupFinished
  | DhtRpcFinished
  | DhtQueryReceived
  | DhtRefused
  | SecurityDetected
  | SecurityBan
  | AuthenticationFailed
  | LogWriteFailed
  | LogWriteResumed;

/** Where a layer reports what happened. Synchronous; never throws back at the reporter. */
export type EmitEvent = (event: NodeEvent) => void;
