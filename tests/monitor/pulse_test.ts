import assert from "node:assert/strict";
import { Health } from "../../src/monitor/health.ts";
import { Pulse } from "../../src/monitor/pulse.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { FakeNodeView, PEER_B } from "../support/fake_node_view.ts";
import { ManualClock } from "../support/manual_clock.ts";

function watched() {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const view = new FakeNodeView();
  const health = new Health(view, clock, 3, () => {});
  const cpu = { ms: 0 };
  const facts = {
    memory: () => ({ residentBytes: 125_829_120, heapUsedBytes: 0, heapSizeBytes: 0, externalBytes: 0 }),
    virtualBytes: () => null,
    openFileDescriptors: () => null,
    maxFileDescriptors: () => null,
    memoryLimitBytes: () => 2e9,
  };
  const pulse = new Pulse({ view, health, bus, clock, processFacts: facts, cpuMs: () => cpu.ms });
  return { clock, bus, view, pulse, cpu };
}

Deno.test("Rates are those of the last beat, whatever its length, and the past is bounded", () => {
  const { clock, view, pulse, cpu } = watched();
  clock.advance(2_000);
  view.counters.bytesSent = 1_000_000;
  view.counters.bytesReceived = 500_000;
  cpu.ms = 650;
  pulse.beat();
  const sample = pulse.sample(10);
  assert.equal(sample.send_bps, 4_000_000);
  assert.equal(sample.receive_bps, 2_000_000);
  assert.equal(sample.cpu_percent, 32.5);
  assert.equal(sample.memory_bytes, 125_829_120);
  for (let i = 0; i < 500; i++) {
    clock.advance(1_000);
    pulse.beat();
  }
  const { history } = pulse.sample(10);
  assert.equal(history.send_bps.length, 120);
  assert.deepEqual(new Set(history.receive_bps), new Set([0]));
});

Deno.test("Handshakes are counted and their latencies summed up", () => {
  const { bus, pulse } = watched();
  for (let i = 1; i <= 100; i++) {
    bus.emit({
      type: "session.established",
      sessionId: i,
      handshakeId: i,
      direction: "inbound",
      peerId: PEER_B,
      remoteAddr: "192.0.2.1:1",
      handshakeDurationMs: i,
      agent: "",
      path: "direct",
    });
  }
  const sample = pulse.sample(10);
  assert.equal(sample.sessions_total, 100);
  assert.deepEqual(sample.handshake_latency, { count: 100, p50_ms: 50, p99_ms: 99 });
  assert.deepEqual(sample.lookup_latency, { count: 0, p50_ms: null, p99_ms: null });
});

Deno.test("Security events are kept, the most recent first, few and short", () => {
  const { bus, pulse } = watched();
  for (let i = 0; i < 200; i++) {
    bus.emit({
      type: "transfer.chunk_rejected",
      transferId: "x",
      peerId: PEER_B,
      file: `${i}-${"long".repeat(1_000)}`,
      chunk: i,
    });
  }
  const { security } = pulse.sample(10);
  assert.equal(security.length, 50);
  assert.match(security[0].detail, /^chunk 199 of 199-/);
  assert.ok(security.every((note) => note.detail.length <= 160));
});

Deno.test("A stopped pulse hears nothing more", () => {
  const { bus, pulse } = watched();
  pulse.stop();
  bus.emit({ type: "security.unbanned", source: "192.0.2.1", detector: "operator", durationMs: 0 });
  assert.deepEqual(pulse.sample(1).security, []);
});
