import assert from "node:assert/strict";
import { RttEstimator } from "../../src/session/rtt_estimator.ts";

Deno.test("round-trip time follows RFC 9002 section 5.3, worked by hand", () => {
  const rtt = new RttEstimator();
  assert.equal(rtt.hasSample, false);
  assert.equal(rtt.probeTimeoutMs(0), 333 + 4 * 166.5);
  rtt.addSample(100, 20);
  assert.deepEqual([rtt.smoothedMs, rtt.variationMs, rtt.minMs], [100, 50, 100]);
  // 140 - 20 >= min 100: the delay is subtracted. var = 3/4 50 + 1/4 |100 - 120|; srtt = 7/8 100 + 1/8 120.
  rtt.addSample(140, 20);
  assert.deepEqual([rtt.smoothedMs, rtt.variationMs, rtt.minMs], [102.5, 42.5, 100]);
  // 110 - 20 < min: the delay cannot be true. var = 3/4 42.5 + 1/4 |102.5 - 110|.
  rtt.addSample(110, 20);
  assert.deepEqual([rtt.smoothedMs, rtt.variationMs], [103.4375, 33.75]);
  rtt.addSample(80, 0);
  assert.equal(rtt.minMs, 80);
});

Deno.test("timeouts follow RFC 9002 section 6, with a floor of one millisecond", () => {
  const rtt = new RttEstimator();
  rtt.addSample(100, 0);
  assert.equal(rtt.probeTimeoutMs(25), 100 + 4 * 50 + 25);
  assert.equal(rtt.lossDelayMs(9 / 8), 112.5);
  rtt.addSample(200, 0);
  assert.equal(rtt.lossDelayMs(9 / 8), 225, "the latest sample counts when it is the larger");
  const local = new RttEstimator();
  for (let i = 0; i < 100; i++) local.addSample(0.05, 0);
  assert.equal(local.lossDelayMs(9 / 8), 1);
  assert.equal(local.probeTimeoutMs(0), local.smoothedMs + 1);
});

Deno.test("a new path starts from nothing", () => {
  const rtt = new RttEstimator();
  rtt.addSample(10, 0);
  rtt.reset();
  assert.deepEqual([rtt.hasSample, rtt.smoothedMs, rtt.minMs], [false, 333, 0]);
});

Deno.test("the round trip that a window bridges counts little of the waiting in queues", () => {
  const rtt = new RttEstimator();
  assert.equal(rtt.unqueuedMs, 0);
  rtt.addSample(40, 0);
  assert.equal(rtt.unqueuedMs, 40);
  for (let i = 0; i < 100; i++) rtt.addSample(60, 0);
  assert.equal(rtt.unqueuedMs, rtt.smoothedMs, "jitter of the path's own size is the path's");
  for (let i = 0; i < 100; i++) rtt.addSample(400, 0);
  assert.equal(rtt.unqueuedMs, 82);
  const local = new RttEstimator();
  local.addSample(0.1, 0);
  for (let i = 0; i < 100; i++) local.addSample(20, 0);
  assert.equal(local.unqueuedMs, 2.2, "a local path still has event loops at both ends");
});
