/**
 * Alerts about one process: is it there, is it well, has it what it needs.
 *
 * @module
 */

import { type AlertRule, perNode } from "./alert_rule.ts";

export const NODE_ALERTS: readonly AlertRule[] = [
  {
    alert: "WraithTargetMissing",
    isAboutFleet: true,
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
];
