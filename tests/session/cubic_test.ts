import assert from "node:assert/strict";
import type { Instant } from "../../src/clock.ts";
import type { AckSample } from "../../src/session/congestion.ts";
import { Cubic } from "../../src/session/cubic.ts";
import { RttEstimator } from "../../src/session/rtt_estimator.ts";

const SEGMENT = 1_200;
const RTT_MS = 100;

/** A flow that always fills its window over a path of constant delay. */
class Flow {
  readonly cubic = new Cubic(SEGMENT);
  readonly #rtt = new RttEstimator();
  now = 0;
  #number = 0;

  /** One round trip of acknowledgements, in ten parts. */
  round(windowLimited = true): void {
    const window = this.cubic.windowBytes;
    for (let part = 0; part < 10; part++) {
      this.now += RTT_MS / 10;
      this.#rtt.addSample(RTT_MS, 0);
      const sample: AckSample = {
        now: this.now as Instant,
        ackedBytes: window / 10,
        priorInFlightBytes: window,
        inFlightBytes: window,
        largestAcked: this.#number,
        largestSentAt: (this.now - RTT_MS) as Instant,
        nextPacketNumber: this.#number + 10,
        windowLimited,
        deliveryRate: 0,
        rateAppLimited: !windowLimited,
        priorDelivered: 0,
        delivered: 0,
        lostBytes: 0,
      };
      this.#number++;
      this.cubic.onAck(sample, this.#rtt);
    }
  }

  lose(persistent = false): void {
    this.cubic.onLoss(this.now as Instant, this.now as Instant, SEGMENT, persistent);
    // Acknowledgements of what was sent before the loss change nothing.
    this.now += RTT_MS;
  }

  /** Doubles up to about `bytes`. */
  growTo(bytes: number): void {
    while (this.cubic.windowBytes < bytes) this.round();
  }
}

Deno.test("slow start doubles the window each round trip from RFC 9002's initial one", () => {
  const flow = new Flow();
  assert.equal(flow.cubic.windowBytes, 12_000);
  flow.round();
  assert.equal(flow.cubic.windowBytes, 24_000);
  assert.equal(flow.cubic.state, "slow_start");
});

Deno.test("a loss takes 30 % off the window, once per round trip", () => {
  const flow = new Flow();
  flow.growTo(200_000);
  const before = flow.cubic.windowBytes;
  flow.now += 1;
  const at = flow.now as Instant;
  flow.cubic.onLoss(at, at, SEGMENT, false);
  assert.equal(flow.cubic.windowBytes, before * 0.7);
  flow.cubic.onLoss((at + 50) as Instant, at, SEGMENT, false);
  assert.equal(flow.cubic.windowBytes, before * 0.7, "the same congestion event");
  assert.equal(flow.cubic.state, "avoidance");
});

Deno.test("the window follows RFC 9438's curve: concave up to where it was lost, then convex", () => {
  const flow = new Flow();
  flow.growTo(3_000_000);
  const plateau = flow.cubic.windowBytes;
  flow.now += 1;
  flow.lose();
  const startedAt = flow.now + RTT_MS / 10;
  const plateauSeconds = Math.cbrt((plateau * 0.3) / SEGMENT / 0.4);
  const growth: number[] = [];
  while ((flow.now - startedAt) / 1000 < 1.6 * plateauSeconds) {
    const before = flow.cubic.windowBytes;
    flow.round();
    growth.push(flow.cubic.windowBytes - before);
    const distance = (flow.now - startedAt + RTT_MS) / 1000 - plateauSeconds;
    const expected = 0.4 * distance ** 3 * SEGMENT + plateau;
    const error = Math.abs(flow.cubic.windowBytes - expected) / plateau;
    assert.ok(error < 0.03, `${flow.cubic.windowBytes} where the curve has ${expected}`);
  }
  const flattest = growth.indexOf(Math.min(...growth));
  assert.ok(flattest > growth.length / 3 && flattest < growth.length - 3, "flattest near the plateau");
  assert.ok(growth[2] > 10 * growth[flattest]);
  assert.ok(growth[growth.length - 1] > 5 * growth[flattest]);
});

Deno.test("where Reno would be faster the window grows as Reno's does, in full once it is back where it was", () => {
  const flow = new Flow();
  const prior = flow.cubic.windowBytes;
  flow.now += 1;
  flow.lose();
  const before = flow.cubic.windowBytes;
  const rounds = 5;
  for (let i = 0; i < rounds; i++) flow.round();
  // RFC 9438 §4.3: alpha = 3 (1 - 0.7) / (1 + 0.7) segments a round trip.
  const expected = before + rounds * ((3 * 0.3) / 1.7) * SEGMENT;
  const grown = flow.cubic.windowBytes;
  assert.ok(grown < prior && Math.abs(grown - expected) < SEGMENT / 4, `${grown}, Reno ${expected}`);
  while (flow.cubic.windowBytes < prior + SEGMENT) flow.round();
  // And one segment a round trip from there, as a Reno that was never reduced.
  const above = flow.cubic.windowBytes;
  for (let i = 0; i < rounds; i++) flow.round();
  const gained = (flow.cubic.windowBytes - above) / SEGMENT;
  assert.ok(gained > 4.5 && gained < 5.5, `${gained} segments in ${rounds} round trips`);
});

Deno.test("persistent congestion leaves two datagrams, and slow start brings back half the way", () => {
  const flow = new Flow();
  flow.growTo(400_000);
  const before = flow.cubic.windowBytes;
  flow.now += 1;
  flow.lose(true);
  assert.equal(flow.cubic.windowBytes, 2 * SEGMENT);
  assert.equal(flow.cubic.state, "slow_start");
  let rounds = 0;
  for (; flow.cubic.windowBytes < 0.7 * before; rounds++) flow.round();
  assert.ok(rounds <= Math.ceil(Math.log2(before / (2 * SEGMENT))), `${rounds} rounds`);
  assert.equal(flow.cubic.state, "avoidance");
});

Deno.test("time in which the application used no window moves nothing along the curve", () => {
  const busy = new Flow();
  const idle = new Flow();
  for (const flow of [busy, idle]) {
    flow.growTo(1_000_000);
    flow.now += 1;
    flow.lose();
    for (let i = 0; i < 5; i++) flow.round();
  }
  for (let i = 0; i < 600; i++) idle.round(false);
  assert.equal(idle.cubic.windowBytes, busy.cubic.windowBytes);
  for (let i = 0; i < 5; i++) {
    busy.round();
    idle.round();
  }
  const difference = Math.abs(idle.cubic.windowBytes - busy.cubic.windowBytes);
  assert.ok(difference < 0.01 * busy.cubic.windowBytes, `${difference} bytes apart after a minute's pause`);
});

Deno.test("a reduction that turns out unjustified is taken back, once", () => {
  const flow = new Flow();
  flow.growTo(200_000);
  const before = flow.cubic.windowBytes;
  flow.now += 1;
  flow.lose();
  flow.cubic.onSpuriousLoss();
  assert.equal(flow.cubic.windowBytes, before);
  assert.equal(flow.cubic.state, "slow_start");
  flow.now += 1;
  flow.lose();
  flow.cubic.onSpuriousLoss();
  flow.cubic.onSpuriousLoss();
  assert.equal(flow.cubic.windowBytes, before);
});
