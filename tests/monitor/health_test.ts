import assert from "node:assert/strict";
import { Health } from "../../src/monitor/health.ts";
import { BEAT_INTERVAL_MS } from "../../src/monitor/heartbeat.ts";
import { FakeNodeView } from "../support/fake_node_view.ts";
import { ManualClock } from "../support/manual_clock.ts";

function setUp() {
  const clock = new ManualClock();
  const view = new FakeNodeView();
  const lags: number[] = [];
  const health = new Health(view, clock, 3, (lagMs) => lags.push(lagMs));
  const beat = (afterMs = BEAT_INTERVAL_MS) => {
    clock.advance(afterMs);
    health.heartbeat.beat();
  };
  return { clock, view, health, lags, beat };
}

Deno.test("Liveness measures how late each beat came", () => {
  const { beat, lags } = setUp();
  beat();
  beat(BEAT_INTERVAL_MS + 300);
  assert.deepEqual(lags, [0, 300]);
});

Deno.test("Liveness fails after ten seconds without a beat and needs two in time to recover", () => {
  const { clock, health, beat } = setUp();
  beat();
  clock.advance(10_000);
  assert.equal(health.live().ok, true);
  clock.advance(1);
  assert.deepEqual(health.live(), {
    ok: false,
    reason: "event loop stalled: last heartbeat 10.0 s ago",
    checks: [],
  });
  beat(1_000);
  assert.equal(health.live().ok, false, "the late beat itself proves nothing");
  beat();
  assert.equal(health.live().ok, false);
  beat();
  assert.equal(health.live().ok, true);
});

Deno.test("Liveness looks at nothing but the heartbeat", () => {
  const { view, health, beat } = setUp();
  beat();
  view.dhtState = { peers: 0, storedValues: 0, storedBytes: 0, isBootstrapOfNobody: false };
  view.phase = "stopping";
  assert.equal(health.live().ok, true);
});

Deno.test("Readiness names the check that fails, and when it last passed", () => {
  const { clock, view, health } = setUp();
  assert.equal(health.ready().ok, true);
  const passedAtMs = clock.epochMs();
  view.dhtState!.peers = 2;
  clock.advance(60_000);
  const report = health.ready();
  assert.equal(report.ok, false);
  assert.equal(report.reason, "2 DHT peers, 3 required");
  const check = report.checks.find(({ name }) => name === "dht_peers")!;
  assert.equal(check.lastSuccessMs, passedAtMs);
  assert.equal(check.observed, 2);
});

Deno.test("Readiness tolerates a short loss of peers, and none before the first success", () => {
  const { clock, view, health } = setUp();
  view.dhtState!.peers = 0;
  assert.equal(health.ready().ok, false);
  view.dhtState!.peers = 3;
  assert.equal(health.ready().ok, true);
  view.dhtState!.peers = 0;
  clock.advance(9_999);
  assert.equal(health.ready().ok, true);
  assert.match(health.ready().checks[1].reason, /tolerated for now/);
  clock.advance(1);
  assert.equal(health.ready().ok, false);
});

Deno.test("Readiness exempts the first node of a fleet, and a node without DHT", () => {
  const { view, health } = setUp();
  view.dhtState = { peers: 0, storedValues: 0, storedBytes: 0, isBootstrapOfNobody: true };
  assert.equal(health.ready().ok, true);
  assert.equal(health.ready().checks[1].reason, "bootstrap node: no peers required");
  view.dhtState = null;
  assert.equal(health.ready().ok, true);
});

Deno.test("Readiness fails at once when the node begins to stop", () => {
  const { health } = setUp();
  assert.equal(health.ready().ok, true);
  health.stopping();
  assert.equal(health.ready().reason, "node is stopping");
});

Deno.test("Startup passes once the node runs and never fails again", () => {
  const { view, health } = setUp();
  view.phase = "starting";
  assert.equal(health.started().ok, false);
  view.phase = "running";
  assert.equal(health.started().ok, true);
  view.phase = "stopping";
  assert.equal(health.started().ok, true);
});
