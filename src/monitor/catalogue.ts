/**
 * Every metric of a node, declared once. The registry, the exposition, the pages of `docs/`, the dashboards,
 * the alert checks and the cardinality cap are all built from this table; a name that is not here does not
 * exist. Names are an interface: they are added, never renamed.
 *
 * @module
 */

import { DROP_REASONS } from "../session/endpoint_stats.ts";
import {
  DETECTORS,
  ERROR_TYPES,
  HANDSHAKE_FAILURE_REASONS,
  SESSION_ENDS,
  TRANSFER_FAILURE_REASONS,
} from "../observe/events.ts";
import { combinations, counter, gauge, histogram, info, type MetricSpec, summary } from "./metric_spec.ts";

const DIRECTIONS = ["inbound", "outbound"] as const;
const TRANSFER_DIRECTIONS = ["send", "receive"] as const;
const RESULTS = ["success", "failure"] as const;
const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
const DHT_RPCS = ["ping", "find_node", "find_value", "store", "rendezvous"] as const;
const DHT_RPC_RESULTS = ["success", "timeout", "refused", "malformed"] as const;
const DHT_REFUSALS = [
  "rate_limited",
  "full",
  "too_large",
  "bad_signature",
  "stale",
  "expired",
  "malformed",
] as const;
const CHECKS = ["lifecycle", "dht_peers"] as const;

/** What the sampled collectors are called in `wraith_metrics_collector_success`. */
export const COLLECTORS = ["node", "cpu", "memory", "file_descriptors", "limits"] as const;
export type CollectorName = typeof COLLECTORS[number];

// From a handshake on one machine (half a millisecond) to its time limit (10 s).
const HANDSHAKE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
// From a small file on a local network to a large one on a slow link.
const TRANSFER_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400];
const LOOKUP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const HOP_BUCKETS = [0, 1, 2, 3, 4, 5, 6, 8, 10];
const RTT_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
// A beat is 500 ms apart: 1 ms is noise, 10 s is the liveness limit.
const LAG_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SCRAPE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/** The table. Keys are how code names a metric, `name` is how the world does. */
export const METRICS = {
  sessionsActive: gauge(
    "wraith_sessions_active",
    "Sessions now, by state: established with a peer, or a handshake under way in which this node answers.",
    {
      labels: { state: ["established", "handshaking"] },
      source: "snapshot",
      normal: "Follows the number of peers; handshaking is near 0 except under load.",
      specified: true,
    },
  ),
  sessionsTotal: counter(
    "wraith_sessions_total",
    "Handshakes that ended, either direction: success made a session, failure did not.",
    { labels: { result: RESULTS }, normal: "Failures well under a tenth of all.", specified: true },
  ),
  handshakeDuration: summary(
    "wraith_handshake_duration_seconds",
    "Time from first packet to session of successful handshakes; quantiles over the last 10 minutes, 0 when none.",
    { normal: "One round trip and a half, plus a few milliseconds of arithmetic.", specified: true },
  ),
  bytesSent: counter(
    "wraith_bytes_sent_total",
    "UDP payload bytes handed to the system, retransmissions and acknowledgements included.",
    { source: "snapshot", normal: "Grows with use.", specified: true },
  ),
  bytesReceived: counter(
    "wraith_bytes_received_total",
    "UDP payload bytes received, whether or not the datagram was accepted.",
    { source: "snapshot", normal: "Grows with use.", specified: true },
  ),
  transfersActive: gauge(
    "wraith_transfers_active",
    "Transfers that started and have not ended, paused ones included.",
    { normal: "0 when idle.", specified: true },
  ),
  transferThroughput: gauge(
    "wraith_transfer_throughput_bps",
    "Bits per second of UDP payload over the last update_interval. Prefer rate() of the byte counters.",
    {
      labels: { direction: TRANSFER_DIRECTIONS },
      unit: "bps",
      source: "sample",
      normal: "Up to the link's capacity during transfers, near 0 when idle.",
      specified: true,
    },
  ),
  dhtLookups: counter(
    "wraith_dht_lookups_total",
    "DHT lookups that ended, by whether they found their target.",
    {
      labels: { result: RESULTS },
      normal: "Failures are rare once joined.",
      specified: true,
    },
  ),
  dhtLookupDuration: summary(
    "wraith_dht_lookup_duration_seconds",
    "Duration of DHT lookups of either result; quantiles over the last 10 minutes, 0 when none.",
    { normal: "A few round trips: the logarithm of the network's size.", specified: true },
  ),
  dhtStoredValues: gauge("wraith_dht_stored_values", "Records this node keeps for others.", {
    source: "snapshot",
    normal: "Below the configured maximum.",
    specified: true,
  }),
  cpuUsage: gauge(
    "wraith_cpu_usage_percent",
    "CPU time of this process over the last update_interval; one core fully used is 100.",
    {
      unit: "percent",
      source: "sample",
      normal: "Near 0 when idle; above 100 on several cores.",
      specified: true,
    },
  ),
  memoryUsage: gauge("wraith_memory_usage_bytes", "Resident memory of this process.", {
    unit: "bytes",
    source: "sample",
    normal: "Flat over hours, well below wraith_memory_limit_bytes.",
    specified: true,
  }),
  fileDescriptorsOpen: gauge(
    "wraith_file_descriptors_open",
    "Open file descriptors of this process; 0 where the system does not tell.",
    { source: "sample", normal: "Flat when idle, far below process_max_fds.", specified: true },
  ),
  errors: counter(
    "wraith_errors_total",
    "Failures that disturbed service, by class: the same word as error_type in the log.",
    {
      labels: { type: ERROR_TYPES },
      normal: "Near 0 per second; crypto and internal stay at 0.",
      specified: true,
    },
  ),

  handshakes: counter(
    "wraith_handshakes_total",
    "Handshakes that ended, by who began them and why they failed (none on success).",
    {
      labels: { direction: DIRECTIONS, result: RESULTS, reason: ["none", ...HANDSHAKE_FAILURE_REASONS] },
      series: [
        ...combinations({ direction: DIRECTIONS, result: ["success"], reason: ["none"] }),
        ...combinations({ direction: DIRECTIONS, result: ["failure"], reason: HANDSHAKE_FAILURE_REASONS }),
      ],
      normal: "Success dominates; inbound decrypt or invalid_signature in numbers is an attack.",
    },
  ),
  handshakeLatency: histogram(
    "wraith_handshake_latency_seconds",
    "Time from first packet to session of successful handshakes, with trace exemplars.",
    HANDSHAKE_BUCKETS,
    {
      labels: { direction: DIRECTIONS },
      normal: "As wraith_handshake_duration_seconds, but it can be aggregated.",
    },
  ),
  handshakeRetries: counter(
    "wraith_handshake_retries_total",
    "Times an initiator was asked to prove its address first.",
    { labels: { direction: DIRECTIONS }, normal: "0, except under load with network.retry = auto." },
  ),
  sessionsClosed: counter("wraith_sessions_closed_total", "Sessions that ended, by who ended them and how.", {
    labels: { end: SESSION_ENDS },
    normal: "Mostly local, remote or idle; error is rare.",
  }),
  sessionRekeys: counter("wraith_session_rekeys_total", "Key changes inside sessions.", {
    normal: "A few per hour and session.",
  }),
  sessionPathChanges: counter(
    "wraith_session_path_changes_total",
    "Peers that moved to another address and proved it.",
    { normal: "Follows roaming peers." },
  ),
  replayBursts: counter("wraith_session_replay_bursts_total", "Bursts of replayed packets on one session.", {
    normal: "0. More is a broken network path or an attack.",
  }),
  packets: counter("wraith_packets_total", "UDP datagrams, by direction.", {
    labels: { direction: TRANSFER_DIRECTIONS },
    source: "snapshot",
    normal: "Grows with use.",
  }),
  packetsDropped: counter(
    "wraith_packets_dropped_total",
    "Received datagrams that went no further, by reason.",
    {
      labels: { reason: DROP_REASONS },
      source: "snapshot",
      normal: "Near 0 per second; a little replay and too_old after reordering.",
    },
  ),
  packetsLost: counter("wraith_packets_lost_total", "Sent packets that loss recovery declared lost.", {
    source: "snapshot",
    normal: 'Under one in a hundred of wraith_packets_total{direction="send"}.',
  }),
  packetsRefused: counter(
    "wraith_packets_refused_total",
    "Datagrams that the system refused to send: no route, interface down, forbidden, or a probe too large.",
    { source: "snapshot", normal: "A few for each session, while it learns how large a datagram may be." },
  ),
  pathRtt: histogram(
    "wraith_path_rtt_seconds",
    "Smoothed round trip time, observed once per update_interval for each of up to 256 sessions.",
    RTT_BUCKETS,
    { source: "sample", normal: "The network's own delay; a growing tail is a full queue." },
  ),
  peers: gauge("wraith_peers", "Established sessions, by the path they take.", {
    labels: { path: ["direct", "relayed"] },
    normal: "Mostly direct; relayed costs a third party's bandwidth.",
  }),

  transfersInProgress: gauge(
    "wraith_transfers_in_progress",
    "Transfers that are running: started, not paused, not ended.",
    {
      labels: { direction: TRANSFER_DIRECTIONS },
      normal: "0 when idle.",
    },
  ),
  transfers: counter(
    "wraith_transfers_total",
    "Transfers that ended, by direction and why they failed (none on success).",
    {
      labels: {
        direction: TRANSFER_DIRECTIONS,
        result: RESULTS,
        reason: ["none", ...TRANSFER_FAILURE_REASONS],
      },
      series: [
        ...combinations({ direction: TRANSFER_DIRECTIONS, result: ["success"], reason: ["none"] }),
        ...combinations({
          direction: TRANSFER_DIRECTIONS,
          result: ["failure"],
          reason: TRANSFER_FAILURE_REASONS,
        }),
      ],
      normal: "Success dominates; integrity and storage stay at 0.",
    },
  ),
  transferDuration: histogram(
    "wraith_transfer_duration_seconds",
    "Time from start to confirmed delivery of completed transfers, with trace exemplars.",
    TRANSFER_BUCKETS,
    { labels: { direction: TRANSFER_DIRECTIONS }, normal: "Size over bandwidth." },
  ),
  transferBytes: counter(
    "wraith_transfer_bytes_total",
    "File bytes that crossed the network in completed transfers, without protocol overhead.",
    { labels: { direction: TRANSFER_DIRECTIONS }, unit: "bytes", normal: "Steps up as transfers complete." },
  ),
  transferChunksRejected: counter(
    "wraith_transfer_chunks_rejected_total",
    "Received chunks whose hash was not the promised one.",
    { normal: "0. More is a faulty disk or a dishonest sender." },
  ),

  dhtPeers: gauge("wraith_dht_peers", "Contacts in the routing table.", {
    source: "snapshot",
    normal: "At least monitoring.ready_min_dht_peers.",
  }),
  dhtStoredBytes: gauge("wraith_dht_stored_bytes", "Size of the records this node keeps for others.", {
    unit: "bytes",
    source: "snapshot",
    normal: "Below the configured maximum.",
  }),
  dhtLookupLatency: histogram(
    "wraith_dht_lookup_latency_seconds",
    "Duration of DHT lookups of either result, with trace exemplars.",
    LOOKUP_BUCKETS,
    {
      labels: { result: RESULTS },
      normal: "As wraith_dht_lookup_duration_seconds, but it can be aggregated.",
    },
  ),
  dhtLookupHops: histogram(
    "wraith_dht_lookup_hops",
    "Peers asked one after the other up to the one that answered a DHT lookup; 0 when the node knew itself.",
    HOP_BUCKETS,
    {
      unit: "",
      labels: { result: RESULTS },
      normal: "0 to 4 for up to 100,000 nodes: the logarithm of the network's size.",
    },
  ),
  dhtRpcs: counter("wraith_dht_rpcs_total", "Questions this node asked other DHT nodes, by how they ended.", {
    labels: { type: DHT_RPCS, result: DHT_RPC_RESULTS },
    normal: "Mostly success; timeouts up to a fifth while peers come and go.",
  }),
  dhtRefusals: counter(
    "wraith_dht_refusals_total",
    "Queries and records of others that this node turned away.",
    {
      labels: { what: ["query", "record"], reason: DHT_REFUSALS },
      series: [
        ...combinations({ what: ["query"], reason: ["rate_limited", "full", "malformed"] }),
        ...combinations({ what: ["record"], reason: DHT_REFUSALS }),
      ],
      normal: "Near 0; rate_limited in numbers is a flood.",
    },
  ),

  securityEvents: counter("wraith_security_events_total", "Times an intrusion detector fired.", {
    labels: { detector: DETECTORS },
    normal: "0.",
  }),
  authenticationFailures: counter(
    "wraith_authentication_failures_total",
    "Remotes that failed to authenticate, by reason.",
    { labels: { reason: HANDSHAKE_FAILURE_REASONS }, normal: "Near 0." },
  ),
  sourcesBlocked: gauge("wraith_sources_blocked", "Sources banned now.", { normal: "0." }),
  sourcesEvicted: counter(
    "wraith_security_sources_evicted_total",
    "Validated sources that the detectors forgot for want of room.",
    { source: "snapshot", normal: "0. More: thousands of real addresses fail at one time." },
  ),
  bansSpared: counter(
    "wraith_security_bans_spared_total",
    "Bans that did not happen because an allow-listed peer is at that address.",
    { source: "snapshot", normal: "0. More: somebody attacks from a known peer's address." },
  ),
  auditRecords: counter("wraith_audit_records_total", "Records written to the audit trail.", {
    source: "snapshot",
    normal: "Grows slowly.",
  }),
  auditRecordsLost: counter(
    "wraith_audit_records_lost_total",
    "Security events that found no room in the queue while the audit file refused; the next record says so.",
    { source: "snapshot", normal: "0. Any is a gap in the trail." },
  ),
  auditRecordsHeldBack: counter(
    "wraith_audit_records_held_back_total",
    "Security events beyond the budget of who caused them; a record tells their number.",
    { source: "snapshot", normal: "0, except under attack." },
  ),
  auditWriteFailures: counter(
    "wraith_audit_write_failures_total",
    "Refused writes to the audit trail, each further try counted; the records wait meanwhile.",
    { source: "snapshot", normal: "0. While it grows, records exist in memory only." },
  ),
  logLines: counter("wraith_log_lines_total", "Log lines written, by level.", {
    labels: { level: LOG_LEVELS },
    source: "snapshot",
    normal: "A few per session and transfer at level info.",
  }),
  logLinesDropped: counter(
    "wraith_log_lines_dropped_total",
    "Log lines that found no room in the queue while the output refused or was slow: they are gone.",
    { source: "snapshot", normal: "0." },
  ),
  logLinesHeldBack: counter(
    "wraith_log_lines_held_back_total",
    "Log lines beyond the budget of the peer that caused them; a line tells their number.",
    { source: "snapshot", normal: "0, except under attack." },
  ),
  logWriteFailures: counter(
    "wraith_log_write_failures_total",
    "Refused writes or rotations of the log, each further try counted; the lines wait meanwhile.",
    { source: "snapshot", normal: "0. While it grows, the log takes no lines." },
  ),
  traceSpans: counter("wraith_trace_spans_total", "Spans that ended, by what became of them.", {
    labels: { result: ["exported", "dropped", "failed"] },
    source: "snapshot",
    normal: "dropped and failed stay at 0.",
  }),

  ready: gauge("wraith_ready", "1 when the readiness probe passes, else 0.", {
    source: "scrape",
    normal: "1.",
  }),
  checkPassing: gauge("wraith_health_check_passing", "1 when this readiness check passes, else 0.", {
    labels: { check: CHECKS },
    source: "scrape",
    normal: "1.",
  }),
  eventLoopLag: histogram(
    "wraith_event_loop_lag_seconds",
    "How late the heartbeat came: for so long nothing else ran either.",
    LAG_BUCKETS,
    { source: "sample", normal: "Under 50 ms at the 99th percentile." },
  ),
  subscriberFailures: counter(
    "wraith_event_subscriber_failures_total",
    "Times a view of the event stream failed on an event and missed it.",
    { source: "snapshot", normal: "0. Any is a defect: please report it." },
  ),
  configReloads: counter("wraith_config_reloads_total", "Reloads of the configuration that were asked for.", {
    labels: { result: RESULTS },
    normal: "Failures stay at 0.",
  }),
  configReloadSuccessful: gauge(
    "wraith_config_last_reload_successful",
    "1 when the latest load of the configuration succeeded, else 0.",
    { normal: "1." },
  ),
  metricsSeries: gauge("wraith_metrics_series", "Label sets that a family holds now.", {
    labels: { family: "open" },
    source: "scrape",
    normal: "Constant: it does not grow with peers or transfers.",
  }),
  metricsOverflow: counter(
    "wraith_metrics_overflow_total",
    "Values counted under the label value overflow because their own was unknown or one too many.",
    { source: "scrape", normal: "0. Any is a defect: please report it." },
  ),
  scrapeDuration: histogram(
    "wraith_metrics_scrape_duration_seconds",
    "Time to collect and write one exposition; the scrape being answered is not yet in it.",
    SCRAPE_BUCKETS,
    { source: "scrape", normal: "A few milliseconds, whatever the number of sessions." },
  ),
  collectorSuccess: gauge(
    "wraith_metrics_collector_success",
    "1 when the collector's latest run could read its source, else 0.",
    {
      labels: { collector: COLLECTORS },
      source: "sample",
      normal: "1 on Linux with all permissions; 0 where the system does not tell.",
    },
  ),
  lastSample: gauge(
    "wraith_metrics_last_sample_timestamp_seconds",
    "When the sampled gauges were last taken, in seconds since 1970.",
    { unit: "seconds", source: "sample", normal: "Within update_interval of now." },
  ),
  bindFailures: counter(
    "wraith_metrics_bind_failures_total",
    "Attempts to bind the monitoring listener that failed and will be repeated.",
    { normal: "0." },
  ),
  certificateExpiry: gauge(
    "wraith_tls_certificate_expiry_timestamp_seconds",
    "When monitoring.tls_cert expires, in seconds since 1970; absent without TLS.",
    { unit: "seconds", source: "snapshot", normal: "More than two weeks ahead.", absentUntilSet: true },
  ),
  memoryLimit: gauge(
    "wraith_memory_limit_bytes",
    "Memory this process may use: its control group's limit or the machine's memory, whichever is less.",
    { unit: "bytes", source: "sample", normal: "Constant.", absentUntilSet: true },
  ),
  heapUsed: gauge("wraith_heap_used_bytes", "JavaScript heap in use.", {
    unit: "bytes",
    source: "sample",
    normal: "A saw-tooth with a flat lower edge.",
  }),
  heapSize: gauge("wraith_heap_size_bytes", "JavaScript heap reserved.", {
    unit: "bytes",
    source: "sample",
    normal: "Flat over hours.",
  }),
  externalMemory: gauge(
    "wraith_external_memory_bytes",
    "Buffers outside the JavaScript heap that it refers to.",
    {
      unit: "bytes",
      source: "sample",
      normal: "Follows the number of sessions.",
    },
  ),
  buildInfo: info("wraith_build_info", "What runs: always 1, the labels tell.", {
    labels: { version: "open", revision: "open", runtime: "open", crypto: "open", sockets: "open" },
    source: "snapshot",
    normal: "The version you deployed; portable crypto or sockets on Linux cost speed.",
  }),

  processCpu: counter("process_cpu_seconds_total", "User and system CPU time of this process in seconds.", {
    unit: "seconds",
    source: "scrape",
    normal: "Grows by at most the number of cores per second.",
  }),
  processResident: gauge("process_resident_memory_bytes", "Resident memory of this process.", {
    unit: "bytes",
    source: "sample",
    normal: "As wraith_memory_usage_bytes.",
  }),
  processVirtual: gauge("process_virtual_memory_bytes", "Address space of this process.", {
    unit: "bytes",
    source: "sample",
    normal: "Large and meaningless on its own: the engine reserves far more than it uses.",
    absentUntilSet: true,
  }),
  processOpenFds: gauge("process_open_fds", "Open file descriptors of this process.", {
    source: "sample",
    normal: "As wraith_file_descriptors_open.",
    absentUntilSet: true,
  }),
  processMaxFds: gauge("process_max_fds", "File descriptors this process may open.", {
    source: "sample",
    normal: "1024 or more.",
    absentUntilSet: true,
  }),
  processStart: gauge("process_start_time_seconds", "When this process started, in seconds since 1970.", {
    unit: "seconds",
    source: "snapshot",
    normal: "Constant; a change is a restart.",
  }),
} as const satisfies Record<string, MetricSpec>;

export type MetricKey = keyof typeof METRICS;

/** The table as a list, in the order of the exposition. */
export const METRIC_LIST: readonly MetricSpec[] = Object.values(METRICS);
