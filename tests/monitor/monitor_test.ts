import assert from "node:assert/strict";
import { METRIC_LIST } from "../../src/monitor/catalogue.ts";
import { writeExposition } from "../../src/monitor/exposition.ts";
import { initialSeries } from "../../src/monitor/metric_spec.ts";
import { createMonitor, type Monitor } from "../../src/monitor/monitor.ts";
import { MetricRegistry } from "../../src/monitor/registry.ts";
import { Sampler } from "../../src/monitor/sampler.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { FakeNodeView, fakeSession, monitoringConfig, PEER_B } from "../support/fake_node_view.ts";
import { ManualClock } from "../support/manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const view = new FakeNodeView();
  const monitor = createMonitor({ view, bus, clock, config: monitoringConfig({ enabled: false }) });
  return { clock, bus, view, monitor };
}

/** The value of the one line that is exactly `series`. */
async function valueOf(monitor: Monitor, series: string): Promise<number> {
  const line = (await monitor.render()).split("\n").find((line) => line.startsWith(`${series} `));
  assert.ok(line !== undefined, `no series ${series}`);
  return Number(line.slice(series.length + 1));
}

const established: NodeEvent = {
  type: "session.established",
  sessionId: 1,
  handshakeId: 1,
  direction: "outbound",
  peerId: PEER_B,
  remoteAddr: "192.0.2.10:41641",
  handshakeDurationMs: 1.5,
  agent: "wraith/1.2.3",
  path: "direct",
};

const closed: NodeEvent = {
  type: "session.closed",
  sessionId: 1,
  peerId: PEER_B,
  remoteAddr: "192.0.2.10:41641",
  end: "local",
  code: "no_error",
  reason: "",
  durationMs: 10,
  bytesSent: 1,
  bytesReceived: 1,
};

const transferFacts = {
  transferId: "0".repeat(32),
  direction: "send",
  peerId: PEER_B,
  name: "file.bin",
  files: 1,
  bytesTotal: 1000,
} as const;

Deno.test("Monitor shows every series of the catalogue at 0 on the first scrape", async () => {
  const { monitor } = setUp();
  const text = await monitor.render();
  for (const spec of METRIC_LIST) {
    for (const labels of initialSeries(spec)) {
      const parts = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
      const suffix = spec.type === "summary" || spec.type === "histogram" ? "_count" : "";
      const series = `${spec.name}${suffix}${parts.length > 0 ? `{${parts.join(",")}}` : ""}`;
      assert.ok(text.includes(`\n${series} `), `missing at start: ${series}`);
    }
  }
});

Deno.test("Monitor spells every line of the specification's exposition", async () => {
  const { monitor } = setUp();
  const text = await monitor.render();
  for (
    const series of [
      'wraith_sessions_active{state="established"}',
      'wraith_sessions_total{result="success"}',
      'wraith_sessions_total{result="failure"}',
      'wraith_handshake_duration_seconds{quantile="0.5"}',
      'wraith_handshake_duration_seconds{quantile="0.99"}',
      "wraith_bytes_sent_total",
      "wraith_bytes_received_total",
      "wraith_transfers_active",
      'wraith_transfer_throughput_bps{direction="send"}',
      'wraith_dht_lookups_total{result="success"}',
      'wraith_dht_lookup_duration_seconds{quantile="0.95"}',
      "wraith_dht_stored_values",
      "wraith_cpu_usage_percent",
      "wraith_memory_usage_bytes",
      "wraith_file_descriptors_open",
      'wraith_errors_total{type="network"}',
      'wraith_errors_total{type="crypto"}',
      'wraith_errors_total{type="timeout"}',
    ]
  ) {
    assert.match(text, new RegExp(`^${series.replace(/[{}]/g, "\\$&")} 0$`, "m"));
  }
});

Deno.test("Monitor keeps opened minus closed sessions equal to the active ones", async () => {
  const { monitor, bus, view } = setUp();
  for (let sessionId = 1; sessionId <= 3; sessionId++) {
    bus.emit({ ...established, sessionId, path: sessionId === 3 ? "relayed" : "direct" });
    view.establishedSessions.push(fakeSession(sessionId));
  }
  bus.emit({ ...closed, sessionId: 2 });
  view.establishedSessions.pop();

  const opened = await valueOf(monitor, 'wraith_sessions_total{result="success"}');
  const ended = await valueOf(monitor, 'wraith_sessions_closed_total{end="local"}');
  assert.equal(opened - ended, await valueOf(monitor, 'wraith_sessions_active{state="established"}'));
  assert.equal(await valueOf(monitor, 'wraith_peers{path="direct"}'), 1);
  assert.equal(await valueOf(monitor, 'wraith_peers{path="relayed"}'), 1);
});

Deno.test("Monitor measures handshakes as summary and histogram alike", async () => {
  const { monitor, bus } = setUp();
  for (let i = 1; i <= 100; i++) bus.emit({ ...established, sessionId: i, handshakeDurationMs: i });
  const median = await valueOf(monitor, 'wraith_handshake_duration_seconds{quantile="0.5"}');
  assert.ok(median > 0.045 && median < 0.055, `median ${median}`);
  assert.equal(await valueOf(monitor, "wraith_handshake_duration_seconds_count"), 100);
  assert.equal(
    await valueOf(monitor, 'wraith_handshake_latency_seconds_bucket{le="0.05",direction="outbound"}'),
    50,
  );
});

Deno.test("Monitor counts a failed handshake as session failure, with its reason, and as error", async () => {
  const { monitor, bus } = setUp();
  bus.emit({
    type: "handshake.failed",
    handshakeId: 1,
    direction: "inbound",
    remoteAddr: "203.0.113.100:52341",
    reason: "invalid_signature",
    durationMs: 3,
    addressValidated: true,
  });
  assert.equal(await valueOf(monitor, 'wraith_sessions_total{result="failure"}'), 1);
  assert.equal(
    await valueOf(
      monitor,
      'wraith_handshakes_total{direction="inbound",result="failure",reason="invalid_signature"}',
    ),
    1,
  );
  assert.equal(await valueOf(monitor, 'wraith_errors_total{type="crypto"}'), 1);
});

Deno.test("Monitor follows a transfer from start through pause to its end", async () => {
  const { monitor, bus } = setUp();
  const running = 'wraith_transfers_in_progress{direction="send"}';
  bus.emit({ ...transferFacts, type: "transfer.started", bytesResumed: 0 });
  assert.equal(await valueOf(monitor, running), 1);
  bus.emit({ ...transferFacts, type: "transfer.paused", bytesDone: 10 });
  assert.equal(await valueOf(monitor, running), 0);
  assert.equal(await valueOf(monitor, "wraith_transfers_active"), 1);
  bus.emit({ ...transferFacts, type: "transfer.resumed", bytesDone: 10 });
  bus.emit({ ...transferFacts, type: "transfer.completed", durationMs: 2000, bytesTransferred: 990 });
  assert.equal(await valueOf(monitor, running), 0);
  assert.equal(await valueOf(monitor, "wraith_transfers_active"), 0);
  assert.equal(await valueOf(monitor, 'wraith_transfer_bytes_total{direction="send"}'), 990);
  assert.equal(
    await valueOf(monitor, 'wraith_transfers_total{direction="send",result="success",reason="none"}'),
    1,
  );
});

Deno.test("Monitor puts a value that the catalogue does not know into the overflow series", async () => {
  const { monitor, bus } = setUp();
  for (let i = 0; i < 500; i++) {
    bus.emit({ type: "node.error", errorType: `made-up-${i}` as never, component: "x", message: "y" });
  }
  assert.equal(await valueOf(monitor, 'wraith_errors_total{type="overflow"}'), 500);
  assert.equal(await valueOf(monitor, "wraith_metrics_overflow_total"), 500);
  assert.equal(await valueOf(monitor, 'wraith_metrics_series{family="wraith_errors_total"}'), 8);
});

Deno.test("Monitor goes on counting when the node's own counters start again", async () => {
  const { monitor, view } = setUp();
  view.counters.bytesSent = 1000;
  assert.equal(await valueOf(monitor, "wraith_bytes_sent_total"), 1000);
  view.counters.bytesSent = 10;
  assert.equal(await valueOf(monitor, "wraith_bytes_sent_total"), 1010);
});

Deno.test("Monitor makes no more series with 10,000 sessions than with 10", async () => {
  const seriesWith = async (sessions: number) => {
    const { monitor, bus, view } = setUp();
    for (let sessionId = 0; sessionId < sessions; sessionId++) {
      bus.emit({ ...established, sessionId, remoteAddr: `192.0.2.1:${sessionId}`, agent: `a${sessionId}` });
      view.establishedSessions.push(fakeSession(sessionId));
    }
    const text = await monitor.render();
    return text.split("\n").filter((line) => !line.startsWith("#")).map((line) => line.replace(/ \S+$/, ""));
  };
  assert.deepEqual(await seriesWith(10_000), await seriesWith(10));
});

Deno.test("Monitor samples throughput as bits per second and CPU, memory and round trips on its timer", async () => {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const view = new FakeNodeView();
  const registry = new MetricRegistry();
  const sampler = new Sampler(view, registry.metrics, {
    memory: () => ({ residentBytes: 125_829_120, heapUsedBytes: 1, heapSizeBytes: 2, externalBytes: 3 }),
    virtualBytes: () => null,
    openFileDescriptors: () => 87,
    maxFileDescriptors: () => 1024,
    memoryLimitBytes: () => 2e9,
  }, clock);
  view.counters.bytesSent = 1_250_000;
  view.establishedSessions.push(fakeSession(1, { smoothedRttMs: 20 }));
  clock.advance(10_000);
  sampler.sample();

  const text = writeExposition(await registry.families(), "text");
  assert.match(text, /^wraith_transfer_throughput_bps\{direction="send"\} 1000000$/m);
  assert.match(text, /^wraith_memory_usage_bytes 125829120$/m);
  assert.match(text, /^wraith_file_descriptors_open 87$/m);
  assert.match(text, /^wraith_path_rtt_seconds_bucket\{le="0.025"\} 1$/m);
  assert.match(text, /^wraith_metrics_collector_success\{collector="limits"\} 0$/m);
  assert.doesNotMatch(text, /^process_virtual_memory_bytes /m);
  assert.equal(bus.subscriberFailures, 0);
});

Deno.test("Monitor forgets in its quantiles what is older than ten minutes, and keeps sum and count", async () => {
  const realNow = Date.now;
  let nowMs = realNow();
  Date.now = () => nowMs;
  try {
    const { monitor, bus } = setUp();
    const p99 = 'wraith_handshake_duration_seconds{quantile="0.99"}';
    bus.emit({ ...established, handshakeDurationMs: 2000 });
    nowMs += 7 * 60_000;
    assert.equal(await valueOf(monitor, p99), 2);
    bus.emit({ ...established, sessionId: 2, handshakeDurationMs: 1000 });
    nowMs += 4 * 60_000;
    assert.equal(await valueOf(monitor, p99), 1);
    nowMs += 10 * 60_000;
    assert.equal(await valueOf(monitor, p99), 0);
    assert.equal(await valueOf(monitor, "wraith_handshake_duration_seconds_count"), 2);
    assert.equal(await valueOf(monitor, "wraith_handshake_duration_seconds_sum"), 3);
  } finally {
    Date.now = realNow;
  }
});

Deno.test("Monitor tells what the log, the audit trail and the detectors lost, for as long as they lose", async () => {
  const { monitor, view } = setUp();
  Object.assign(view.observerCounters, {
    logLinesDropped: 3,
    logLinesHeldBack: 4,
    logWriteFailures: 5,
    auditRecordsLost: 6,
    auditRecordsHeldBack: 7,
    sourcesEvicted: 8,
    bansSpared: 9,
  });
  const shown = async (name: string) => await valueOf(monitor, `wraith_${name}_total`);
  assert.equal(await shown("log_lines_dropped"), 3);
  assert.equal(await shown("log_lines_held_back"), 4);
  assert.equal(await shown("log_write_failures"), 5);
  assert.equal(await shown("audit_records_lost"), 6);
  assert.equal(await shown("audit_records_held_back"), 7);
  assert.equal(await shown("security_sources_evicted"), 8);
  assert.equal(await shown("security_bans_spared"), 9);
  // Every further try of one outage counts, so that an alert on the rate holds as long as the outage.
  view.observerCounters.logWriteFailures = 12;
  assert.equal(await shown("log_write_failures"), 12);
});
