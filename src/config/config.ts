/**
 * A complete, validated configuration: what the rest of the node receives, once, frozen. Durations are
 * milliseconds and sizes bytes here; the TOML spelling (`"15s"`, `"100MB"`) ends at the schema.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";

export interface Config {
  readonly node: NodeConfig;
  readonly network: NetworkConfig;
  readonly crypto: CryptoConfig;
  readonly transfer: TransferConfig;
  readonly dht: DhtConfig;
  readonly monitoring: MonitoringConfig;
  readonly logging: LoggingConfig;
  readonly audit: AuditConfig;
  readonly tracing: TracingConfig;
  readonly security: SecurityConfig;
}

/** Which implementation to take where there are two: the fast one if it works, or one of them for sure. */
export type Backend = "auto" | "portable" | "native";

export interface NodeConfig {
  readonly dataDir: string;
  readonly identityFile: string;
  readonly nickname: string;
}

export interface NetworkConfig {
  /** `host:port` to bind; port 0 lets the system choose. */
  readonly listen: string;
  /** `host:port` forms under which others reach this node. */
  readonly advertise: readonly string[];
  readonly backend: Backend;
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  readonly maxSessions: number;
  /** Whether an initiator must prove its address first: always, never, or under load. */
  readonly retry: "auto" | "always" | "never";
  readonly congestion: "cubic" | "bbr";
  /** Largest datagram to send or take, UDP payload alone. */
  readonly maxDatagramBytes: number;
}

export interface CryptoConfig {
  readonly backend: Backend;
}

export interface TransferConfig {
  readonly outputDir: string;
  readonly accept: "known" | "all" | "none";
  readonly knownPeers: readonly PeerId[];
  /** 0: unlimited. */
  readonly maxFileSizeBytes: number;
  readonly maxParallel: number;
  /** Bytes per second over all transfers; 0: unlimited. */
  readonly rateLimitBytesPerSecond: number;
  readonly overwrite: "rename" | "never" | "replace";
  /** How long partial data of an interrupted transfer is kept. */
  readonly partialTtlMs: number;
}

export interface BootstrapPeer {
  readonly peerId: PeerId;
  /** `host:port`. */
  readonly address: string;
}

export interface DhtConfig {
  readonly enabled: boolean;
  readonly bootstrap: readonly BootstrapPeer[];
  /** k. */
  readonly replication: number;
  /** alpha. */
  readonly concurrency: number;
  /** Whether this node relays for peers that cannot reach each other. */
  readonly relay: boolean;
  readonly maxStoredValues: number;
  readonly maxStoredBytes: number;
}

export interface MonitoringConfig {
  readonly enabled: boolean;
  readonly bind: string;
  readonly prometheusPort: number;
  readonly metricsPath: string;
  /** How often sampled gauges (CPU, memory, throughput) are taken; counters are read at the scrape. */
  readonly updateIntervalMs: number;
  readonly readyMinDhtPeers: number;
  /** Whether a port that cannot be bound stops the node; otherwise binding is retried. */
  readonly required: boolean;
  /** Whom `/sd` names: `known` peers (`transfer.known_peers`, `dht.bootstrap`), or `all` DHT contacts. */
  readonly sdPeers: "known" | "all";
  /** The monitoring port of the other nodes that `/sd` names; 0: the same as ours. */
  readonly sdPort: number;
  /** Empty: no token. Otherwise the path of a file holding the bearer token of `metrics_path`. */
  readonly tokenFile: string;
  /** Both or neither: PEM files. */
  readonly tlsCert: string;
  readonly tlsKey: string;
}

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

export interface LoggingConfig {
  readonly level: LogLevel;
  readonly format: "json" | "text" | "ecs";
  /** `stdout`, `stderr` or a path. */
  readonly output: string;
  /** 0: never rotate (something else does). */
  readonly maxSizeBytes: number;
  readonly maxBackups: number;
  readonly compress: boolean;
}

export interface AuditConfig {
  readonly enabled: boolean;
  /** A path. */
  readonly output: string;
  readonly maxSizeBytes: number;
  readonly maxBackups: number;
}

export interface TracingConfig {
  readonly enabled: boolean;
  readonly endpoint: string;
  readonly serviceName: string;
  /** 0 to 1. */
  readonly sampleRatio: number;
}

export interface SecurityConfig {
  /** Failed handshakes per second, over all sources, that count as an attack. */
  readonly handshakeFailureRate: number;
  /** Authentication failures of one source in the window before it counts as an attack. */
  readonly authFailureLimit: number;
  /** 0: detect and report only. */
  readonly banTimeMs: number;
  /** DHT queries per second that one peer may ask. */
  readonly dhtQueryRate: number;
  /** Traffic above this many times its own recent mean is a spike. */
  readonly trafficSpikeFactor: number;
}
