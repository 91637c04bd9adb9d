import assert from "node:assert/strict";
import { parse } from "yaml";
import { ALERT_RULES } from "../../../src/monitor/export/alert_rules.ts";
import { idleNode, promtoolTests, type Scenario } from "../../support/alert_scenario.ts";
import { artifactText } from "../../support/export_context.ts";
import { inTemporaryFolder, runTool, toolTest } from "../../support/external_tool.ts";

/** What each alert must fire on: series that differ from an idle node, one value every 15 s unless said otherwise. */
interface Trigger {
  readonly series: Readonly<Record<string, string | null>>;
  readonly at: string;
  readonly interval?: string;
  readonly count?: number;
}

const constant = (value: number | string, samples = 480) => `${value}x${samples}`;
/** A counter that grows by `perSecond`, sampled every 15 s. */
const growing = (perSecond: number, samples = 480) => `0+${perSecond * 15}x${samples}`;
const perMinute = (perHour: number, samples: number) => `0+${perHour / 60}x${samples}`;
/** A counter that stood still and then, late in the test, counted `by`. */
const stepping = (by: number, after: number) => `0x${after} ${by}x${480 - after}`;

const TRIGGERS: Readonly<Record<string, Trigger>> = {
  WraithDown: { series: { up: constant(0) }, at: "5m" },
  HighErrorRate: { series: { 'wraith_errors_total{type="network"}': growing(11) }, at: "15m" },
  LowThroughput: { series: { wraith_bytes_sent_total: growing(999_000) }, at: "20m" },
  MemoryExhaustion: { series: { wraith_memory_usage_bytes: constant(1_100_000_000) }, at: "10m" },
  SuspiciousHandshakes: { series: { 'wraith_sessions_total{result="failure"}': growing(51) }, at: "10m" },

  WraithTargetMissing: { series: { up: null }, at: "10m" },
  WraithWrongTarget: { series: { BUILD_INFO: null }, at: "10m" },
  WraithNotReady: { series: { wraith_ready: constant(0) }, at: "15m" },
  WraithRestarting: { series: { process_start_time_seconds: "0x40 600x40 1200x40 1800x400" }, at: "31m" },
  WraithStale: { series: { wraith_metrics_last_sample_timestamp_seconds: constant(5) }, at: "60m" },
  WraithErrors: {
    series: {
      'wraith_errors_total{type="network"}': growing(6),
      'wraith_errors_total{type="timeout"}': growing(6),
    },
    at: "15m",
  },
  WraithSendsStalled: {
    series: {
      wraith_bytes_sent_total: growing(999_000),
      'wraith_transfers_in_progress{direction="send"}': constant(1),
    },
    at: "30m",
  },
  WraithMemoryHigh: {
    series: { wraith_memory_usage_bytes: constant(950_000_000), wraith_memory_limit_bytes: constant(1e9) },
    at: "10m",
  },
  WraithMemoryGrowing: {
    series: { wraith_memory_usage_bytes: "1000000000+1500000x480", wraith_memory_limit_bytes: constant(2e9) },
    at: "1h30m",
  },
  WraithFileDescriptors: {
    series: { process_open_fds: constant(900), process_max_fds: constant(1024) },
    at: "10m",
  },
  WraithEventLoopLag: {
    series: {
      'wraith_event_loop_lag_seconds_bucket{le="0.5"}': growing(1),
      'wraith_event_loop_lag_seconds_bucket{le="1"}': growing(2),
      'wraith_event_loop_lag_seconds_bucket{le="2.5"}': growing(2),
      'wraith_event_loop_lag_seconds_bucket{le="5"}': growing(2),
      'wraith_event_loop_lag_seconds_bucket{le="10"}': growing(2),
      'wraith_event_loop_lag_seconds_bucket{le="+Inf"}': growing(2),
    },
    at: "20m",
  },
  WraithHandshakeFailures: {
    series: {
      'wraith_sessions_total{result="failure"}': growing(0.2),
      'wraith_sessions_total{result="success"}': growing(0.05),
    },
    at: "15m",
  },
  WraithSecurityDetection: {
    series: { 'wraith_security_events_total{detector="dht_flood"}': stepping(1, 40) },
    at: "12m",
  },
  WraithPacketsDropped: {
    series: {
      'wraith_packets_dropped_total{reason="malformed"}': growing(10),
      'wraith_packets_total{direction="receive"}': growing(100),
    },
    at: "20m",
  },
  WraithSendsRefused: {
    series: {
      wraith_packets_refused_total: growing(1),
      'wraith_packets_total{direction="send"}': growing(1.5),
    },
    at: "20m",
  },
  WraithPacketLoss: {
    series: {
      wraith_packets_lost_total: growing(10),
      'wraith_packets_total{direction="send"}': growing(100),
    },
    at: "20m",
  },
  WraithTransferErrorBudgetBurn: {
    series: {
      'wraith_transfers_total{direction="send",result="failure",reason="network"}': growing(0.01),
      'wraith_transfers_total{direction="send",result="success",reason="none"}': growing(0.01),
    },
    at: "1h30m",
  },
  WraithTransferErrorBudgetDrain: {
    series: {
      'wraith_transfers_total{direction="send",result="failure",reason="storage"}': perMinute(1.2, 600),
      'wraith_transfers_total{direction="send",result="success",reason="none"}': perMinute(58.8, 600),
    },
    interval: "1m",
    at: "8h",
  },
  WraithIntegrityFailures: {
    series: { wraith_transfer_chunks_rejected_total: stepping(1, 40) },
    at: "20m",
  },
  WraithDhtIsolated: { series: { wraith_dht_peers: "5x100 0x380" }, at: "45m" },
  WraithDhtLookupsFailing: {
    series: {
      'wraith_dht_lookups_total{result="failure"}': growing(0.1),
      'wraith_dht_lookups_total{result="success"}': growing(0.02),
    },
    at: "45m",
  },
  WraithLogWritesFailing: { series: { wraith_log_write_failures_total: stepping(3, 40) }, at: "12m" },
  WraithAuditWritesFailing: { series: { wraith_audit_write_failures_total: stepping(1, 40) }, at: "12m" },
  WraithTraceSpansLost: {
    series: { 'wraith_trace_spans_total{result="dropped"}': growing(1) },
    at: "40m",
  },
  WraithConfigReloadFailed: { series: { wraith_config_last_reload_successful: constant(0) }, at: "10m" },
  WraithCertificateExpiring: {
    series: { wraith_tls_certificate_expiry_timestamp_seconds: constant(86_400 * 7) },
    at: "1h30m",
  },
  WraithSeriesOverflow: { series: { wraith_metrics_overflow_total: stepping(1, 40) }, at: "20m" },
  WraithViewFailing: { series: { wraith_event_subscriber_failures_total: stepping(1, 40) }, at: "20m" },
};

const RULES = "wraith-alerts.yml";

/** Alert names and expressions of the whole rule file. */
function allAlerts(): { alert: string; expr: string }[] {
  const { groups } = parse(artifactText(RULES)) as {
    groups: { rules: { alert?: string; record?: string; expr: string }[] }[];
  };
  return groups.flatMap((group) => group.rules).flatMap(({ alert, expr }) => alert ? [{ alert, expr }] : []);
}

async function runScenarios(scenarios: readonly Scenario[]): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/${RULES}`, artifactText(RULES));
    await Deno.writeTextFile(`${folder}/tests.yml`, promtoolTests([RULES], scenarios));
    const { success, output } = await runTool("promtool", ["test", "rules", "tests.yml"], { cwd: folder });
    assert.ok(success, output);
  });
}

/** A node at work: the counters of traffic, sessions and transfers grow, and one file is on its way out. */
function busyNode(idle: Map<string, string>, grow: (perSecond: number) => string): Map<string, string> {
  const busy = new Map([...idle].map(([series, value]) => [series, constant(value)]));
  busy.set("wraith_metrics_last_sample_timestamp_seconds", growing(1));
  const rates: Readonly<Record<string, number>> = {
    wraith_bytes_sent_total: 5e6,
    wraith_bytes_received_total: 5e6,
    'wraith_packets_total{direction="send"}': 5000,
    'wraith_packets_total{direction="receive"}': 5000,
    'wraith_packets_dropped_total{reason="replay"}': 1,
    wraith_packets_lost_total: 10,
    'wraith_sessions_total{result="success"}': 0.5,
    'wraith_sessions_total{result="failure"}': 0.02,
    'wraith_errors_total{type="timeout"}': 0.02,
    'wraith_transfers_total{direction="send",result="success",reason="none"}': 0.1,
    'wraith_dht_lookups_total{result="success"}': 0.2,
    'wraith_dht_lookups_total{result="failure"}': 0.02,
    'wraith_trace_spans_total{result="exported"}': 5,
  };
  for (const [series, perSecond] of Object.entries(rates)) {
    assert.ok(busy.has(series), `no such series: ${series}`);
    busy.set(series, grow(perSecond));
  }
  busy.set('wraith_transfers_in_progress{direction="send"}', constant(1));
  return busy;
}

Deno.test("Every alert has a trigger that it is tested with", () => {
  assert.deepEqual(Object.keys(TRIGGERS).sort(), allAlerts().map(({ alert }) => alert).sort());
});

Deno.test("Every alert has severity, summary, description and a runbook", () => {
  for (const rule of ALERT_RULES) {
    for (const text of [rule.summary, rule.description, rule.meaning, rule.action]) {
      assert.ok(text.length > 10);
    }
    assert.ok(["critical", "warning", "info"].includes(rule.severity));
  }
});

toolTest("promtool", "prometheus", "Every alert fires on its trigger", async () => {
  const idle = await idleNode();
  const expressions = new Map(allAlerts().map(({ alert, expr }) => [alert, expr]));
  const scenarios = Object.entries(TRIGGERS).map(([alert, trigger]): Scenario => {
    // The node's other series that the expression looks at, standing still.
    const expr = `${expressions.get(alert)} ${alert.includes("Budget") ? "wraith_transfers_total" : ""}`;
    const samples = trigger.interval === "1m" ? 600 : 480;
    const series = new Map<string, string>();
    for (const [name, value] of idle) {
      if (!new RegExp(`\\b${/^[^{]+/.exec(name)![0]}\\b`).test(expr)) continue;
      if (name.startsWith("wraith_build_info") && "BUILD_INFO" in trigger.series) continue;
      series.set(name, constant(value, samples));
    }
    for (const [name, values] of Object.entries(trigger.series)) {
      if (values === null) series.delete(name);
      else series.set(name, values);
    }
    return {
      name: `${alert} fires`,
      series,
      interval: trigger.interval ?? "15s",
      at: [trigger.at],
      only: alert,
      firing: { [alert]: trigger.count ?? 1 },
    };
  });
  await runScenarios(scenarios);
});

toolTest(
  "promtool",
  "prometheus",
  "Alerts on lost lines and records hold as long as the outage",
  async () => {
    const losses = {
      // A full disk is tried again every eight seconds at most.
      WraithLogWritesFailing: ["wraith_log_write_failures_total", "wraith_log_lines_dropped_total"],
      WraithAuditWritesFailing: ["wraith_audit_write_failures_total", "wraith_audit_records_lost_total"],
    };
    await runScenarios(
      Object.entries(losses).flatMap(([alert, families]) =>
        families.map((family): Scenario => ({
          name: `${alert} by ${family}`,
          series: new Map([[family, growing(1 / 8)]]),
          interval: "15s",
          at: ["5m", "30m", "1h", "2h"],
          only: alert,
          firing: { [alert]: 1 },
        }))
      ),
    );
  },
);

toolTest("promtool", "prometheus", "An idle node is silent, but for LowThroughput as specified", async () => {
  const idle = await idleNode();
  const series = new Map([...idle].map(([name, value]) => [name, constant(value)]));
  series.set("wraith_metrics_last_sample_timestamp_seconds", growing(1));
  await runScenarios([{
    name: "idle",
    series,
    interval: "15s",
    at: ["20m", "30m", "1h", "2h"],
    firing: { LowThroughput: 1 },
  }]);
});

toolTest("promtool", "prometheus", "A busy node is silent, also after a restart", async () => {
  const idle = await idleNode();
  const steady = busyNode(idle, (perSecond) => growing(perSecond));
  const restarted = busyNode(idle, (perSecond) => `0+${perSecond * 15}x240 0+${perSecond * 15}x240`);
  restarted.set("process_start_time_seconds", "0x240 3600x240");
  const at = ["59m", "60m", "61m", "65m", "75m", "1h30m"];
  await runScenarios([
    { name: "steady", series: steady, interval: "15s", at, firing: {} },
    { name: "restarted", series: restarted, interval: "15s", at, firing: {} },
  ]);
});

toolTest("promtool", "prometheus", "One lost scrape is silent", async () => {
  const lost = 240;
  const gap = (values: (from: number, samples: number) => string) =>
    `${values(0, lost - 1)} _ ${values(lost + 1, 200)}`;
  const idle = await idleNode();
  const node = busyNode(
    idle,
    (perSecond) => gap((from, samples) => `${perSecond * 15 * from}+${perSecond * 15}x${samples}`),
  );
  for (const [series, values] of node) {
    const still = /^(\S+)x480$/.exec(values);
    if (still && !still[1].includes("+")) node.set(series, gap((_from, samples) => `${still[1]}x${samples}`));
  }
  node.set(
    "wraith_metrics_last_sample_timestamp_seconds",
    gap((from, samples) => `${15 * from}+15x${samples}`),
  );
  node.set("up", `1x${lost - 1} 0 1x200`);
  await runScenarios([{
    name: "one scrape lost",
    series: node,
    interval: "15s",
    at: ["60m", "60m15s", "60m30s", "61m", "62m", "66m", "75m"],
    firing: {},
  }]);
});

toolTest("promtool", "prometheus", "The rule files are valid", async () => {
  await inTemporaryFolder(async (folder) => {
    for (const file of [RULES, "specification-alerts.yml"]) {
      await Deno.writeTextFile(`${folder}/${file}`, artifactText(file));
      const { success, output } = await runTool("promtool", ["check", "rules", "--lint=all", file], {
        cwd: folder,
      });
      assert.ok(success, output);
    }
  });
});
