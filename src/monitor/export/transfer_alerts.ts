/**
 * Alerts about files: slow, failing, or not what was promised; and the error budget behind them.
 *
 * @module
 */

import { type AlertRule, perNode, type RecordingRule } from "./alert_rule.ts";

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

export const TRANSFER_ALERTS: readonly AlertRule[] = [
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
    alert: "WraithTransferErrorBudgetBurn",
    isAboutFleet: true,
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
    isAboutFleet: true,
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
];
