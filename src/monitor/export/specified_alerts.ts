/**
 * The specification's alerts as an operator needs them: what each means, what it cannot see, what to do. The
 * rules themselves are exported as written (`specification.ts`); a test keeps expressions and times equal.
 *
 * @module
 */

/** One of the specification's alerts and its runbook. */
export interface SpecifiedAlert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: "critical" | "warning";
  /** What it says about the node, and where it is silent or wrong. */
  readonly meaning: string;
  readonly action: string;
  /** Our alert on the same subject, without that fault. */
  readonly better: string;
}

export const SPECIFIED_ALERTS: readonly SpecifiedAlert[] = [
  {
    alert: "WraithDown",
    expr: 'up{job="wraith"} == 0',
    for: "1m",
    severity: "critical",
    meaning:
      "Prometheus got no answer from the node for a minute: the process is gone, hung, or out of reach. " +
      "Silent when the target itself vanishes from the scrape configuration or from service discovery.",
    action:
      "Look at the process first: `systemctl status wraith` or `kubectl describe pod`. Not running: the last " +
      "log lines say why, the kernel log whether it ran out of memory. Running: `wraith healthcheck` on that machine, " +
      "then `curl http://HOST:9090/healthz` from where Prometheus runs; if only the second fails, look at " +
      "`monitoring.bind`, the firewall, token and certificate. Peers are served meanwhile if the process lives.",
    better: "WraithTargetMissing",
  },
  {
    alert: "HighErrorRate",
    expr: "rate(wraith_errors_total[5m]) > 10",
    for: "5m",
    severity: "warning",
    meaning:
      "One class of errors (label `type`) came more than ten times a second for five minutes. Each class is " +
      "judged alone: six network and six timeout errors a second stay unseen.",
    action:
      "Search the log for the same word in `error_type`. `crypto` and `policy`: somebody is refused, see " +
      "`wraith audit tail`. `network` and `timeout`: the path or the peers. `storage`: the disk.",
    better: "WraithErrors",
  },
  {
    alert: "LowThroughput",
    expr: "rate(wraith_bytes_sent_total[5m]) < 1000000",
    for: "10m",
    severity: "warning",
    meaning: "The node sent less than 1 MB/s for ten minutes. True of every idle node.",
    action:
      "Look whether anything was to be sent: `wraith transfers`. Nothing: silence this alert for such nodes. " +
      "Something: as WraithSendsStalled.",
    better: "WraithSendsStalled",
  },
  {
    alert: "MemoryExhaustion",
    expr: "wraith_memory_usage_bytes > 1000000000",
    for: "5m",
    severity: "critical",
    meaning:
      "The process holds more than 1 GB: a fixed number, much on a small machine and little on a large one.",
    action:
      "Compare with `wraith_memory_limit_bytes`: near it, as WraithMemoryHigh; far below it, see whether the " +
      "memory grows (WraithMemoryGrowing) or follows the number of sessions and transfers.",
    better: "WraithMemoryHigh",
  },
  {
    alert: "SuspiciousHandshakes",
    expr: 'rate(wraith_sessions_total{result="failure"}[1m]) > 50',
    for: "2m",
    severity: "warning",
    meaning:
      "More than fifty handshakes a second failed for two minutes. Never true at a scrape interval of a " +
      "minute, and blind to a node whose every handshake fails at forty a second.",
    action:
      'Split `wraith_handshakes_total{result="failure"}` by `reason`. `wraith audit tail` names sources, ' +
      "`wraith bans list` shows who is shut out. Sources that proved their address can be shut out by hand " +
      "(`wraith bans add`) or by `security.ban_time`; a flood of forged ones is answered by `network.retry`.",
    better: "WraithHandshakeFailures",
  },
];
