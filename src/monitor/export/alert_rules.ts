/**
 * The alerts beside the specification's: data for the rule file, for the runbooks and for their tests.
 *
 * @module
 */

/** One rule that records an expression under a name. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** One alert and its runbook. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly severity: "critical" | "warning" | "info";
  readonly summary: string;
  readonly description: string;
  /** What it says about the node, for the runbook. */
  readonly meaning: string;
  /** What to do, for the runbook. */
  readonly action: string;
}

/** What the error budget counts as the node's own failure: a refusal by policy and a cancellation are not. */
const OWN_FAILURES = "integrity|storage|protocol|network|refused_space|refused_busy|source_unreadable";
/** Share of transfers that may fail: one in a hundred. */
const ERROR_BUDGET = 0.01;
const BUDGET_WINDOWS = ["5m", "30m", "1h", "6h", "3d"] as const;

/** Failure ratios over the windows of the burn-rate alerts. */
export const RECORDING_RULES: readonly RecordingRule[] = BUDGET_WINDOWS.flatMap((window) => [
  {
    record: `job:wraith_transfer_failures:ratio_rate${window}`,
    expr: `sum by (job) (rate(wraith_transfers_total{result="failure", reason=~"${OWN_FAILURES}"}[${window}]))
/
sum by (job) (rate(wraith_transfers_total[${window}]))`,
  },
  {
    record: `job:wraith_transfers:increase${window}`,
    expr: `sum by (job) (increase(wraith_transfers_total[${window}]))`,
  },
]);

/** Sums up to the node: the specification's families are split by label. */
const perNode = (expression: string) => `sum by (job, instance) (${expression})`;

/** Burns `factor` times the budget in both windows, with at least `transfers` in the longer one. */
function burning(factor: number, short: string, long: string, transfers: number): string {
  const limit = Number((factor * ERROR_BUDGET).toFixed(4));
  return `(
  job:wraith_transfer_failures:ratio_rate${short} > ${limit}
  and
  job:wraith_transfer_failures:ratio_rate${long} > ${limit}
  and
  job:wraith_transfers:increase${long} > ${transfers}
)`;
}

/** The alerts, most urgent subject first. */
export const ALERT_RULES: readonly AlertRule[] = [
  {
    alert: "WraithTargetMissing",
    expr: `absent(up{job="wraith"})`,
    for: "5m",
    severity: "critical",
    summary: "No WRAITH node is scraped at all",
    description: "Prometheus has no target with job=wraith: WraithDown cannot fire for what is not there.",
    meaning: "Service discovery lost every node, or the scrape configuration was removed. WraithDown stays " +
      "silent then, because the series it looks at does not exist.",
    action:
      "Look at Prometheus' page of targets. Check the scrape configuration and, where it is used, that " +
      "`/sd` of a node answers.",
  },
  {
    alert: "WraithWrongTarget",
    expr: `up{job="wraith"} == 1 unless on (job, instance) wraith_build_info`,
    for: "5m",
    severity: "critical",
    summary: "{{ $labels.instance }} answers the scrape but is no WRAITH node",
    description: "The target is up and has no wraith_build_info: something else listens on that port.",
    meaning: "Port 9090 is also Prometheus' own default: on one machine `localhost:9090` may be Prometheus " +
      "scraping itself, which looks healthy.",
    action: 'Run `curl http://HOST:PORT/healthz` and look for `"service":"wraith"`. Give the node another ' +
      "`monitoring.prometheus_port` and the scrape configuration the same one.",
  },
  {
    alert: "WraithNotReady",
    expr: `wraith_ready{job="wraith"} == 0`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} is not ready",
    description: "The readiness probe has failed for ten minutes; /readyz names the check.",
    meaning:
      "The node runs but should not be sent work: it is starting or stopping, or knows too few DHT peers.",
    action: "Read `/readyz` or run `wraith readiness`. Too few peers: check `dht.bootstrap`, and that UDP " +
      "passes the firewall in both directions.",
  },
  {
    alert: "WraithRestarting",
    expr: `changes(process_start_time_seconds{job="wraith"}[30m]) > 2`,
    severity: "warning",
    summary: "{{ $labels.instance }} keeps restarting",
    description: "The process started {{ $value }} times in half an hour.",
    meaning:
      "Something ends the process again and again: a crash, the liveness probe, the watchdog, or the " +
      "kernel for lack of memory.",
    action:
      "Read the last log lines before each start, `systemctl status` or `kubectl describe pod`, and the " +
      "kernel log for `oom-kill`.",
  },
  {
    alert: "WraithStale",
    expr: `changes(wraith_metrics_last_sample_timestamp_seconds{job="wraith"}[30m]) == 0
and on (job, instance)
(time() - process_start_time_seconds{job="wraith"} > 1800)`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} shows old CPU, memory and throughput figures",
    description: "The sampled gauges have not been taken for half an hour although the scrape answers.",
    meaning:
      "The node's sampling timer stands still, so every gauge it feeds is frozen. The counters are live.",
    action: "Restart the node and report it with its log: this is a defect.",
  },
  {
    alert: "WraithErrors",
    expr: `${perNode('rate(wraith_errors_total{job="wraith"}[5m])')} > 10`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} reports more than 10 errors a second",
    description: "All classes together: {{ $value | humanize }} errors a second.",
    meaning:
      "As HighErrorRate, over all classes: six network and six timeout errors a second are twelve errors.",
    action: "Split `rate(wraith_errors_total[5m])` by `type`, then search the log for the same `error_type`.",
  },
  {
    alert: "WraithSendsStalled",
    expr: `${perNode('rate(wraith_bytes_sent_total{job="wraith"}[5m])')} < 1000000
and on (job, instance)
min_over_time(wraith_transfers_in_progress{job="wraith", direction="send"}[5m]) > 0`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} sends below 1 MB/s while transfers run",
    description:
      "{{ $value | humanize }}B/s over five minutes with at least one transfer running throughout.",
    meaning: "As LowThroughput, but an idle node is silent.",
    action:
      "Compare `wraith_path_rtt_seconds` and packet loss. A slow receiver, `transfer.rate_limit` or a " +
      "congested path all end here; `wraith sessions` shows which peer.",
  },
  {
    alert: "WraithMemoryHigh",
    expr: `wraith_memory_usage_bytes{job="wraith"}
/ on (job, instance)
wraith_memory_limit_bytes{job="wraith"}
> 0.9`,
    for: "5m",
    severity: "critical",
    summary: "{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its memory",
    description: "Above nine tenths of its control group's limit: the kernel ends the process at the limit.",
    meaning: "As MemoryExhaustion, measured against what this node may use instead of a fixed gigabyte.",
    action:
      "`wraith profile heap` shows what holds it. Raise the limit, or lower `network.max_sessions` and " +
      "`transfer.max_parallel`.",
  },
  {
    alert: "WraithMemoryGrowing",
    expr: `(
  predict_linear(wraith_memory_usage_bytes{job="wraith"}[1h], 14400)
  > on (job, instance)
  wraith_memory_limit_bytes{job="wraith"}
)
and on (job, instance)
(
  wraith_memory_usage_bytes{job="wraith"}
  > on (job, instance)
  0.5 * wraith_memory_limit_bytes{job="wraith"}
)`,
    for: "30m",
    severity: "warning",
    summary: "{{ $labels.instance }} will run out of memory within four hours",
    description: "Memory is above half of the limit and grows on a line that crosses it.",
    meaning: "A leak, or more load than the limit was made for.",
    action:
      "Compare with `wraith_sessions_active`: memory that grows while sessions do not is a leak. Take " +
      "`wraith profile heap` twice, some minutes apart.",
  },
  {
    alert: "WraithFileDescriptors",
    expr: `process_open_fds{job="wraith"} / on (job, instance) process_max_fds{job="wraith"} > 0.8`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} uses {{ $value | humanizePercentage }} of its file descriptors",
    description: "At the limit no file, connection or socket can be opened.",
    meaning: "Many parallel transfers, or descriptors that are not closed.",
    action: "Raise `LimitNOFILE` in the unit; if the number does not fall when transfers end, report it.",
  },
  {
    alert: "WraithEventLoopLag",
    expr: `histogram_quantile(
  0.99,
  sum by (job, instance, le) (rate(wraith_event_loop_lag_seconds_bucket{job="wraith"}[5m]))
) > 0.5`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} is late by {{ $value | humanizeDuration }}",
    description: "The 99th percentile of the heartbeat's lateness: for so long nothing else ran either.",
    meaning:
      "The process has too little CPU, or one piece of work holds the loop. Handshakes and round trip " +
      "times suffer first; beyond ten seconds liveness fails.",
    action:
      "Compare `wraith_cpu_usage_percent` with the CPU limit (throttling looks the same). `wraith profile " +
      "cpu` shows what holds the loop.",
  },
  {
    alert: "WraithHandshakeFailures",
    expr: `(
  ${perNode('rate(wraith_sessions_total{job="wraith", result="failure"}[5m])')}
  /
  ${perNode('rate(wraith_sessions_total{job="wraith"}[5m])')}
) > 0.5
and on (job, instance)
${perNode('increase(wraith_sessions_total{job="wraith"}[5m])')} > 20`,
    for: "5m",
    severity: "warning",
    summary: "{{ $value | humanizePercentage }} of handshakes at {{ $labels.instance }} fail",
    description: "More than half of at least twenty handshakes in five minutes failed.",
    meaning: "An attack, a peer with a wrong key, or a firewall that lets packets through in one direction.",
    action:
      'Split `wraith_handshakes_total{result="failure"}` by `direction` and `reason`: inbound `decrypt` or ' +
      "`invalid_signature` is an attack or a wrong key, outbound `timeout` a network that does not answer.",
  },
  {
    alert: "WraithSecurityDetection",
    expr: `sum by (job, instance, detector) (increase(wraith_security_events_total{job="wraith"}[10m])) > 0`,
    severity: "warning",
    summary: "Detector {{ $labels.detector }} fired at {{ $labels.instance }}",
    description: "An intrusion detector saw its threshold crossed in the last ten minutes.",
    meaning: "Formula, window and threshold of each detector are in the security documentation.",
    action: "`wraith audit tail` names the source. With `security.ban_time` above 0 validated sources are " +
      "already blocked: see `wraith_sources_blocked`.",
  },
  {
    alert: "WraithPacketsDropped",
    expr: `${perNode('rate(wraith_packets_dropped_total{job="wraith"}[5m])')}
/
${perNode('rate(wraith_packets_total{job="wraith", direction="receive"}[5m])')}
> 0.05
and on (job, instance)
${perNode('rate(wraith_packets_total{job="wraith", direction="receive"}[5m])')} > 10`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} drops {{ $value | humanizePercentage }} of received packets",
    description: "The reason label of wraith_packets_dropped_total says why.",
    meaning: "Packets that are no protocol, replays, or more than the node takes.",
    action:
      "`buffer_full`: more CPU, or fewer sessions. `unknown_session` after a restart passes by itself. " +
      "`malformed`, `decrypt`, `replay` in numbers: look at the detectors.",
  },
  {
    alert: "WraithPacketLoss",
    expr: `${perNode('rate(wraith_packets_lost_total{job="wraith"}[5m])')}
/
${perNode('rate(wraith_packets_total{job="wraith", direction="send"}[5m])')}
> 0.05
and on (job, instance)
${perNode('rate(wraith_packets_total{job="wraith", direction="send"}[5m])')} > 10`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} loses {{ $value | humanizePercentage }} of what it sends",
    description: "Loss recovery declared more than one packet in twenty lost, over ten minutes.",
    meaning: "A path beyond its capacity, a bad link, or a receiver whose socket buffer overflows.",
    action:
      "One peer or all: `wraith sessions`. All: look at the host's interface. One on a long path: try " +
      '`network.congestion = "bbr"`.',
  },
  {
    alert: "WraithTransferErrorBudgetBurn",
    expr: `${burning(14.4, "5m", "1h", 10)}
or
${burning(6, "30m", "6h", 20)}`,
    for: "2m",
    severity: "critical",
    summary: "Transfers of job {{ $labels.job }} fail at {{ $value | humanizePercentage }}",
    description: "At this rate the month's budget of one failed transfer in a hundred is gone within days.",
    meaning: "Many transfers fail now, for reasons that lie with the fleet: integrity, storage, protocol, " +
      "network, no space. Cancellations and refusals by policy do not count.",
    action:
      'Split `wraith_transfers_total{result="failure"}` by `reason` and `instance`. One instance: take it ' +
      "out. `storage` or `refused_space`: its disk. `network`: the path.",
  },
  {
    alert: "WraithTransferErrorBudgetDrain",
    expr: burning(1, "6h", "3d", 50),
    for: "1h",
    severity: "warning",
    summary: "Transfers of job {{ $labels.job }} fail more than one in a hundred",
    description:
      "Over three days: {{ $value | humanizePercentage }}. The month's error budget will not last.",
    meaning: "As WraithTransferErrorBudgetBurn, slowly.",
    action: "As WraithTransferErrorBudgetBurn, in working hours.",
  },
  {
    alert: "WraithIntegrityFailures",
    expr: `${perNode('increase(wraith_transfer_chunks_rejected_total{job="wraith"}[1h])')} > 0`,
    severity: "warning",
    summary: "{{ $labels.instance }} received data that was not what was promised",
    description: "At least one chunk did not match its hash in the last hour. It was not kept.",
    meaning: "Packets are authenticated, so this is the sender: a faulty disk, a file changed while it was " +
      "sent, or dishonesty.",
    action: "The log names peer, file and chunk. Check the sender's disk before trusting it again.",
  },
  {
    alert: "WraithDhtIsolated",
    expr: `wraith_dht_peers{job="wraith"} == 0
and
max_over_time(wraith_dht_peers{job="wraith"}[6h]) > 0`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} has lost all DHT peers",
    description: "It knew some within the last six hours and knows none now.",
    meaning: "The node is cut off from the network; known sessions may still work.",
    action: "Check the network, then `dht.bootstrap`: a bootstrap node that moved must be named anew.",
  },
  {
    alert: "WraithDhtLookupsFailing",
    expr: `(
  ${perNode('rate(wraith_dht_lookups_total{job="wraith", result="failure"}[15m])')}
  /
  ${perNode('rate(wraith_dht_lookups_total{job="wraith"}[15m])')}
) > 0.5
and on (job, instance)
${perNode('increase(wraith_dht_lookups_total{job="wraith"}[15m])')} > 10`,
    for: "15m",
    severity: "warning",
    summary: "{{ $value | humanizePercentage }} of lookups at {{ $labels.instance }} fail",
    description: "More than half of at least ten lookups in fifteen minutes found nothing.",
    meaning: "The routing table is stale or the network is split; or people ask for what does not exist.",
    action: "Look at `wraith_dht_rpcs_total` by `result`: timeouts mean dead contacts, success means the " +
      "targets are gone.",
  },
  {
    alert: "WraithLogWritesFailing",
    expr: `${perNode('increase(wraith_log_write_failures_total{job="wraith"}[10m])')} > 0`,
    severity: "warning",
    summary: "{{ $labels.instance }} cannot write its log",
    description: "At least one write failed in the last ten minutes.",
    meaning: "The disk is full or the file is not writable. The node goes on; lines are lost.",
    action: "Check space and rights of `logging.output`.",
  },
  {
    alert: "WraithAuditWritesFailing",
    expr: `${perNode('increase(wraith_audit_write_failures_total{job="wraith"}[10m])')} > 0`,
    severity: "critical",
    summary: "{{ $labels.instance }} cannot write its audit trail",
    description: "Security records are being lost.",
    meaning: "The trail has a gap from here. It can show that records are missing, not what they said.",
    action: "Check space and rights of `audit.output`, then run `wraith audit verify` and note the gap.",
  },
  {
    alert: "WraithTraceSpansLost",
    expr: `${perNode('increase(wraith_trace_spans_total{job="wraith", result!="exported"}[15m])')} > 0`,
    for: "15m",
    severity: "info",
    summary: "{{ $labels.instance }} loses trace spans",
    description: "Spans were dropped or refused for a quarter of an hour.",
    meaning: "The collector is down, too slow, or refuses. Nothing else suffers.",
    action: "Check `tracing.endpoint`, or lower `tracing.sample_ratio`.",
  },
  {
    alert: "WraithConfigReloadFailed",
    expr: `wraith_config_last_reload_successful{job="wraith"} == 0`,
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.instance }} runs with an old configuration",
    description: "The latest reload was refused; the node keeps what it had and would not start again so.",
    meaning: "The configuration file has an error that a restart would stumble over.",
    action: "Run `wraith --config FILE --check`: it names file, line and key.",
  },
  {
    alert: "WraithCertificateExpiring",
    expr: `wraith_tls_certificate_expiry_timestamp_seconds{job="wraith"} - time() < 14 * 86400`,
    for: "1h",
    severity: "warning",
    summary: "The monitoring certificate of {{ $labels.instance }} expires soon",
    description: "{{ $value | humanizeDuration }} left; after that Prometheus refuses the scrape.",
    meaning: "The certificate in `monitoring.tls_cert` was not renewed.",
    action: "Renew it and restart the node: certificate files are read at start.",
  },
  {
    alert: "WraithSeriesOverflow",
    expr: `${perNode('increase(wraith_metrics_overflow_total{job="wraith"}[1h])')} > 0`,
    severity: "info",
    summary: "{{ $labels.instance }} met a label value that its catalogue does not know",
    description: "The value was counted in the family's overflow series; no number is lost.",
    meaning: "A defect: an event carries a value outside its closed set.",
    action: 'Find the family with `{__name__=~"wraith_.*"}` and a label value `overflow`, and report it.',
  },
  {
    alert: "WraithViewFailing",
    expr: `${perNode('increase(wraith_event_subscriber_failures_total{job="wraith"}[1h])')} > 0`,
    severity: "warning",
    summary: "A view of {{ $labels.instance }} misses events",
    description: "A log, audit, metrics or trace view failed on an event and has missed it.",
    meaning:
      "A defect in a view; the data path is not concerned. Counters of that view are too low from here.",
    action: "Report it with the log around the time of the alert.",
  },
];
