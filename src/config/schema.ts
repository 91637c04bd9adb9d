/**
 * Every key of the configuration. What the loader accepts, what `wraith init` writes, and what a reload may
 * change all follow from this table.
 *
 * @module
 */

import type { Config } from "./config.ts";
import {
  bindAddress,
  boolean,
  bootstrapPeers,
  choice,
  duration,
  hostPort,
  hostPorts,
  integer,
  number,
  path,
  peerIds,
  type Setting,
  size,
  text,
  url,
  urlPath,
} from "./setting.ts";

/** A setting for each field of {@link Config}: the compiler refuses a missing or a surplus one. */
export type Schema = {
  readonly [S in keyof Config]: { readonly [F in keyof Config[S]]-?: Setting<Config[S][F]> };
};

const BACKENDS = ["auto", "portable", "native"] as const;

export const SCHEMA: Schema = {
  node: {
    dataDir: path({
      key: "data_dir",
      about: "Where the node keeps its state: identity, transfer journals, control socket",
      fallback: (dataDir) => dataDir,
    }),
    identityFile: path({
      key: "identity_file",
      about: "The node's secret keys; must be readable by its owner only",
      fallback: (dataDir) => inside(dataDir, "identity.key"),
    }),
    nickname: text({
      key: "nickname",
      about: "A name for people, shown beside the peer id",
      maxLength: 64,
      fallback: "",
    }),
  },
  network: {
    listen: hostPort({
      key: "listen",
      about: "UDP address for everything peer-to-peer; port 0 lets the system choose",
      fallback: "0.0.0.0:41641",
    }),
    advertise: hostPorts({
      key: "advertise",
      about: "Addresses under which others reach this node, when it cannot see them itself",
      fallback: [],
    }),
    backend: choice({
      key: "backend",
      about: "UDP sockets: portable ones, or Linux's segmentation offload; auto takes what works",
      options: BACKENDS,
      fallback: "auto",
    }),
    handshakeTimeoutMs: duration({
      key: "handshake_timeout",
      about: "How long a handshake may take before it has failed",
      min: "1s",
      max: "5m",
      fallback: "10s",
    }),
    idleTimeoutMs: duration({
      key: "idle_timeout",
      about: "Silence after which a session ends",
      min: "5s",
      max: "1h",
      fallback: "60s",
    }),
    keepaliveIntervalMs: duration({
      key: "keepalive_interval",
      about: "How often a session with something open says so; below idle_timeout",
      min: "1s",
      max: "30m",
      fallback: "15s",
    }),
    maxSessions: integer({
      key: "max_sessions",
      about: "Sessions at one time; further handshakes are refused",
      min: 1,
      max: 1_000_000,
      fallback: 10_000,
    }),
    retry: choice({
      key: "retry",
      about: "Whether an initiator must prove its address first: under load, always, never",
      options: ["auto", "always", "never"],
      fallback: "auto",
    }),
    congestion: choice({
      key: "congestion",
      about: "Congestion control: cubic, or bbr for long paths that lose packets",
      options: ["cubic", "bbr"],
      fallback: "cubic",
    }),
    maxDatagramBytes: size({
      key: "max_datagram",
      about: "Largest datagram to send or take; auto searches each path for the largest it carries",
      min: "1200",
      max: "65507",
      auto: "65507",
      fallback: "auto",
    }),
  },
  crypto: {
    backend: choice({
      key: "backend",
      about: "Cipher suite: portable, or native after a self-test; auto takes what works",
      options: BACKENDS,
      fallback: "auto",
    }),
  },
  transfer: {
    outputDir: path({
      key: "output_dir",
      about: "Where received files go",
      fallback: (dataDir) => inside(dataDir, "received"),
    }),
    accept: choice({
      key: "accept",
      about: "Whose files to take: the known peers', everybody's, nobody's",
      options: ["known", "all", "none"],
      fallback: "known",
      live: true,
    }),
    knownPeers: peerIds({
      key: "known_peers",
      about: 'Peer ids whose files are taken when accept is "known"',
      fallback: [],
      live: true,
    }),
    maxFileSizeBytes: size({
      key: "max_file_size",
      about: "Largest file to take",
      min: "1B",
      max: "8000TB",
      zero: "no limit",
      fallback: "0",
      live: true,
    }),
    maxParallel: integer({
      key: "max_parallel",
      about: "Transfers at one time; further ones wait",
      min: 1,
      max: 1_000,
      fallback: 16,
      live: true,
    }),
    rateLimitBytesPerSecond: size({
      key: "rate_limit",
      about: "Bytes per second over all transfers",
      min: "1kB",
      max: "1TB",
      zero: "no limit",
      fallback: "0",
      live: true,
    }),
    overwrite: choice({
      key: "overwrite",
      about: "When a file of that name is there: take another name, refuse, or replace it",
      options: ["rename", "never", "replace"],
      fallback: "rename",
      live: true,
    }),
    partialTtlMs: duration({
      key: "partial_ttl",
      about: "How long the partial data of an interrupted transfer is kept",
      min: "1m",
      max: "365d",
      fallback: "7d",
    }),
  },
  dht: {
    enabled: boolean({
      key: "enabled",
      about: "Take part in the distributed hash table",
      fallback: true,
    }),
    bootstrap: bootstrapPeers({
      key: "bootstrap",
      about: "Peers to join through",
      fallback: [],
    }),
    replication: integer({
      key: "replication",
      about: "k: how many nodes keep a record, and how many a bucket holds",
      min: 2,
      max: 64,
      fallback: 20,
    }),
    concurrency: integer({
      key: "concurrency",
      about: "alpha: questions a lookup asks at one time",
      min: 1,
      max: 16,
      fallback: 3,
    }),
    relay: boolean({
      key: "relay",
      about: "Relay for peers that cannot reach each other",
      fallback: true,
    }),
    maxStoredValues: integer({
      key: "max_stored_values",
      about: "Records kept for others",
      min: 0,
      max: 10_000_000,
      fallback: 65_536,
    }),
    maxStoredBytes: size({
      key: "max_stored_bytes",
      about: "Bytes of records kept for others",
      min: "1kB",
      max: "16GiB",
      fallback: "64MiB",
    }),
  },
  monitoring: {
    enabled: boolean({
      key: "enabled",
      about: "Serve metrics, health and the status page over HTTP",
      fallback: true,
    }),
    bind: bindAddress({
      key: "bind",
      about: "Address of the HTTP server",
      fallback: "127.0.0.1",
    }),
    prometheusPort: integer({
      key: "prometheus_port",
      about: "TCP port of the HTTP server; 0 lets the system choose",
      min: 0,
      max: 65_535,
      fallback: 9090,
    }),
    metricsPath: urlPath({
      key: "metrics_path",
      about: "URL path of the metrics",
      fallback: "/metrics",
    }),
    updateIntervalMs: duration({
      key: "update_interval",
      about: "How often CPU, memory and throughput are sampled; counters are read at the scrape",
      min: "1s",
      max: "10m",
      fallback: "15s",
    }),
    readyMinDhtPeers: integer({
      key: "ready_min_dht_peers",
      about: "DHT peers below which the node does not call itself ready",
      min: 0,
      max: 10_000,
      fallback: 3,
      live: true,
    }),
    required: boolean({
      key: "required",
      about: "Whether a port that cannot be bound stops the node; otherwise binding is retried",
      fallback: true,
    }),
    sdPeers: choice({
      key: "sd_peers",
      about: "Whom /sd lets Prometheus scrape: known_peers and bootstrap peers, or every DHT contact",
      options: ["known", "all"],
      fallback: "known",
    }),
    sdPort: integer({
      key: "sd_port",
      about: "Monitoring port of the other nodes in /sd; 0 for the same as this node's",
      min: 0,
      max: 65_535,
      fallback: 0,
    }),
    tokenFile: path({
      key: "token_file",
      about: "File that holds the bearer token of metrics_path; empty for none",
      optional: true,
      fallback: "",
    }),
    tlsCert: path({
      key: "tls_cert",
      about: "PEM certificate chain; with tls_key it turns HTTP into HTTPS",
      optional: true,
      fallback: "",
    }),
    tlsKey: path({
      key: "tls_key",
      about: "PEM private key of tls_cert",
      optional: true,
      fallback: "",
    }),
  },
  logging: {
    level: choice({
      key: "level",
      about: "Least severe level that is written",
      options: ["error", "warn", "info", "debug", "trace"],
      fallback: "info",
      live: true,
    }),
    format: choice({
      key: "format",
      about: "One JSON object a line, text for people, or Elastic Common Schema",
      options: ["json", "text", "ecs"],
      fallback: "json",
    }),
    output: path({
      key: "output",
      about: "Where log lines go",
      besides: ["stdout", "stderr"],
      fallback: "stdout",
    }),
    maxSizeBytes: size({
      key: "max_size",
      about: "Size at which a log file is rotated",
      min: "1kB",
      max: "1TB",
      zero: "no rotation (something else does it)",
      fallback: "100MB",
    }),
    maxBackups: integer({
      key: "max_backups",
      about: "Rotated files that are kept",
      min: 0,
      max: 10_000,
      fallback: 10,
    }),
    compress: boolean({
      key: "compress",
      about: "Compress rotated files",
      fallback: true,
    }),
  },
  audit: {
    enabled: boolean({
      key: "enabled",
      about: "Keep a tamper-evident record of security events",
      fallback: true,
    }),
    output: path({
      key: "output",
      about: "The audit file",
      fallback: (dataDir) => inside(dataDir, "audit.log"),
    }),
    maxSizeBytes: size({
      key: "max_size",
      about: "Size at which the audit file is rotated",
      min: "1kB",
      max: "1TB",
      zero: "no rotation",
      fallback: "100MB",
    }),
    maxBackups: integer({
      key: "max_backups",
      about: "Rotated audit files that are kept",
      min: 0,
      max: 10_000,
      fallback: 10,
    }),
  },
  tracing: {
    enabled: boolean({
      key: "enabled",
      about: "Export traces over OTLP/HTTP",
      fallback: false,
    }),
    endpoint: url({
      key: "endpoint",
      about: "Base URL of the collector; /v1/traces is appended",
      fallback: "http://localhost:4318",
    }),
    serviceName: text({
      key: "service_name",
      about: "service.name of the exported resource",
      maxLength: 255,
      fallback: "wraith-protocol",
    }),
    sampleRatio: number({
      key: "sample_ratio",
      about: "Share of traces that start here and are exported",
      min: 0,
      max: 1,
      fallback: 1,
    }),
  },
  security: {
    handshakeFailureRate: number({
      key: "handshake_failure_rate",
      about: "Failed handshakes per second, over all sources, that count as an attack",
      min: 0.01,
      max: 1_000_000,
      fallback: 50,
      live: true,
    }),
    authFailureLimit: integer({
      key: "auth_failure_limit",
      about: "Authentication failures of one source that count as an attack",
      min: 1,
      max: 1_000_000,
      fallback: 5,
      live: true,
    }),
    banTimeMs: duration({
      key: "ban_time",
      about: "How long an attacking source is shut out",
      min: "1s",
      max: "30d",
      zero: "detect and report only",
      fallback: "0",
      live: true,
    }),
    dhtQueryRate: number({
      key: "dht_query_rate",
      about: "DHT queries per second that one peer may ask",
      min: 0.1,
      max: 1_000_000,
      fallback: 50,
      live: true,
    }),
    trafficSpikeFactor: number({
      key: "traffic_spike_factor",
      about: "Traffic above this many times its own recent mean is a spike",
      min: 1.1,
      max: 100_000,
      fallback: 10,
      live: true,
    }),
  },
};

/** A setting with the places it goes to: `network.listen`, and `config.network.listen`. */
export interface Entry {
  readonly section: keyof Config;
  readonly field: string;
  /** `section.key`. */
  readonly name: string;
  readonly setting: Setting<unknown>;
}

/** All settings, in the order of the file. */
export const ENTRIES: readonly Entry[] = Object.entries(SCHEMA).flatMap(([section, settings]) =>
  Object.entries(settings as Record<string, Setting<unknown>>).map(([field, setting]) => ({
    section: section as keyof Config,
    field,
    name: `${section}.${setting.key}`,
    setting,
  }))
);

function inside(dataDir: string, name: string): string {
  return dataDir === "." ? name : `${dataDir}/${name}`;
}
