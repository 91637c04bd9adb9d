/**
 * Alerts about the observation itself: logs, audit, traces, configuration, certificate, metrics.
 *
 * @module
 */

import { type AlertRule, perNode } from "./alert_rule.ts";

export const VIEW_ALERTS: readonly AlertRule[] = [
  {
    alert: "WraithLogWritesFailing",
    expr: `${perNode('increase(wraith_log_write_failures_total{job="wraith"}[10m])')} > 0
or
${perNode('increase(wraith_log_lines_dropped_total{job="wraith"}[10m])')} > 0`,
    severity: "warning",
    summary: "{{ $labels.instance }} cannot write its log",
    description: "Writes were refused, or lines found no room in the queue, in the last ten minutes.",
    meaning:
      "The disk is full, the file is not writable, or who reads the stream has stopped. The node goes on and " +
      "lines wait; `wraith_log_lines_dropped_total` counts those that are gone.",
    action:
      "Check space and rights of `logging.output`. Writing goes on by itself within seconds; the line " +
      "`Log writes resumed` then says how long it took and what was lost.",
  },
  {
    alert: "WraithAuditWritesFailing",
    expr: `${perNode('increase(wraith_audit_write_failures_total{job="wraith"}[10m])')} > 0
or
${perNode('increase(wraith_audit_records_lost_total{job="wraith"}[10m])')} > 0`,
    severity: "critical",
    summary: "{{ $labels.instance }} cannot write its audit trail",
    description: "Security records exist in memory only, or are lost already.",
    meaning: "The file refuses. Records wait, and are gone if the process ends now. When " +
      "`wraith_audit_records_lost_total` grows, the queue is full and the trail has a gap; the next record says how " +
      "many are missing, not what they said.",
    action:
      "Check space and rights of `audit.output` before anything is restarted, then run `wraith audit verify` " +
      "and note the gap.",
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
