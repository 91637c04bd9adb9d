import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import type { AckSample, CongestionController } from "../../src/session/congestion.ts";
import { LossRecovery } from "../../src/session/loss_recovery.ts";
import { ProtocolError } from "../../src/session/protocol_error.ts";
import { SentFrame } from "../../src/session/sent_packets.ts";

const BYTES = 1_200;

/** Recovery with a controller and frames that write down what they are told. */
class Bench {
  readonly acked: number[] = [];
  readonly lost: number[] = [];
  readonly losses: { bytes: number; persistent: boolean }[] = [];
  readonly samples: AckSample[] = [];
  readonly timeouts: number[] = [];
  readonly recovery: LossRecovery;
  now = 0;

  constructor() {
    const controller: CongestionController = {
      name: "cubic",
      windowBytes: 100_000,
      pacingRate: 0,
      state: "fixed",
      onSent() {},
      onAck: (sample) => this.samples.push({ ...sample }),
      onLoss: (_now, _newest, bytes, persistent) => this.losses.push({ bytes, persistent }),
      onDatagramSize() {},
      reset() {},
    };
    const fate = {
      onFrameAcked: (_kind: number, number: number) => this.acked.push(number),
      onFrameLost: (_kind: number, number: number) => this.lost.push(number),
    };
    const path = { onProbeTimeout: (count: number) => this.timeouts.push(count) };
    this.recovery = new LossRecovery(controller, fate, path, { packetsLost: 0 });
    this.recovery.peerMaxAckDelayMs = 25;
  }

  /** Sends `count` packets, `gapMs` apart, each with one frame that bears the packet's number. */
  send(count: number, gapMs = 0): void {
    for (let i = 0; i < count; i++) {
      this.recovery.sent.addFrame(SentFrame.Stream, this.recovery.sent.next, 0, 0);
      this.recovery.onSent(this.now as Instant, BYTES, true, true);
      this.now += gapMs;
    }
  }

  ack(...ranges: (readonly [number, number])[]): boolean {
    return this.recovery.onAck(
      this.now as Instant,
      {
        count: ranges.length,
        low: Float64Array.from(ranges, ([low]) => low),
        high: Float64Array.from(ranges, ([, high]) => high),
      },
      0,
    );
  }

  timeout(): void {
    this.now = this.recovery.deadline!;
    this.recovery.onTimeout(this.now as Instant);
  }
}

Deno.test("a packet is lost once the third after it is acknowledged, not before", () => {
  const bench = new Bench();
  bench.send(4);
  bench.now = 100;
  bench.ack([1, 2]);
  assert.deepEqual(bench.lost, []);
  bench.ack([1, 3]);
  assert.deepEqual(bench.lost, [0]);
  assert.deepEqual(bench.losses, [{ bytes: BYTES, persistent: false }]);
  assert.equal(bench.recovery.inFlightBytes, 0);
  assert.equal(bench.recovery.deadline, null, "nothing outstanding, nothing armed");
});

Deno.test("a packet is lost 9/8 of a round trip after it was sent, when a later one arrived", () => {
  const bench = new Bench();
  bench.send(2, 1);
  bench.now = 101;
  bench.ack([1, 1]);
  assert.deepEqual(bench.lost, []);
  assert.equal(bench.recovery.deadline, 112.5);
  bench.timeout();
  assert.deepEqual(bench.lost, [0]);
});

Deno.test("probe timeouts double, offer two probes each, and repeat the oldest frames", () => {
  const bench = new Bench();
  bench.send(1);
  bench.now = 100;
  bench.ack([0, 0]);
  bench.send(3);
  const timeoutMs = 100 + 4 * 50 + 25;
  assert.equal(bench.recovery.deadline, 100 + timeoutMs);
  bench.timeout();
  assert.deepEqual(bench.timeouts, [1]);
  assert.equal(bench.recovery.probesOwed, 2);
  assert.deepEqual(bench.lost, [1, 2]);
  assert.equal(bench.recovery.inFlightBytes, 3 * BYTES, "a probe declares nothing lost");
  bench.send(1);
  assert.equal(bench.recovery.probesOwed, 1);
  assert.equal(bench.recovery.deadline, bench.now + 2 * timeoutMs);
  bench.timeout();
  assert.deepEqual(bench.timeouts, [1, 2]);
  bench.ack([1, 4]);
  assert.equal(bench.recovery.probeCount, 0);
  assert.equal(bench.recovery.probesOwed, 0);
});

Deno.test("losses over three probe timeouts with nothing acknowledged between are persistent congestion", () => {
  const bench = new Bench();
  bench.send(1);
  bench.now = 100;
  bench.ack([0, 0]);
  bench.send(10, 150);
  bench.send(3);
  bench.now += 100;
  bench.ack([11, 13]);
  assert.deepEqual(bench.losses, [{ bytes: 10 * BYTES, persistent: true }]);
  assert.equal(bench.recovery.stats.persistentCongestions, 1);
});

Deno.test("one packet acknowledged in between shows that congestion was not persistent", () => {
  const bench = new Bench();
  bench.send(1);
  bench.now = 100;
  bench.ack([0, 0]);
  bench.send(10, 150);
  bench.send(3);
  bench.now += 100;
  bench.ack([11, 13], [5, 5]);
  assert.deepEqual(bench.losses, [{ bytes: 9 * BYTES, persistent: false }]);
});

Deno.test("losses before the first round-trip sample never are persistent congestion", () => {
  const bench = new Bench();
  bench.send(10, 500);
  bench.send(3);
  bench.now += 100;
  bench.ack([10, 12]);
  assert.equal(bench.losses[0].persistent, false);
});

Deno.test("an acknowledgement of what was never sent is a violation", () => {
  const bench = new Bench();
  bench.send(2);
  assert.throws(
    () => bench.ack([0, 2]),
    (error) => error instanceof ProtocolError && error.code === "protocol_violation",
  );
  assert.deepEqual(bench.acked, []);
});

Deno.test("the delivery rate is what arrived over the time it took", () => {
  const bench = new Bench();
  bench.send(10, 10);
  bench.now = 100;
  for (let number = 0; number < 10; number++) {
    bench.ack([number, number]);
    bench.now += 10;
  }
  const rates = bench.samples.map(({ deliveryRate }) => deliveryRate);
  assert.ok(Math.abs(rates[9] - 10 * BYTES / 190) < 1, `${rates}`);
});

Deno.test("under any schedule each frame is acknowledged or lost exactly once, and bytes in flight add up", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("send" as const), count: fc.integer({ min: 1, max: 8 }) }),
    fc.record({
      kind: fc.constant("ack" as const),
      picks: fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
    }),
    fc.record({ kind: fc.constant("timeout" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const bench = new Bench();
      const { recovery } = bench;
      let repeated = 0;
      for (const each of steps) {
        bench.now += 7;
        if (each.kind === "send") bench.send(each.count);
        else if (each.kind === "timeout") {
          if (recovery.deadline === null) continue;
          const before = bench.lost.length;
          const losses = bench.losses.length;
          bench.now = Math.max(bench.now, recovery.deadline);
          recovery.onTimeout(bench.now as Instant);
          if (bench.losses.length === losses) repeated += bench.lost.length - before;
        } else {
          const top = recovery.sent.next - 1;
          const numbers = each.picks.flatMap((picked, i) => picked && top - i >= 0 ? [top - i] : []);
          const ranges: [number, number][] = [];
          for (const number of numbers) {
            const last = ranges[ranges.length - 1];
            if (last !== undefined && last[0] === number + 1) last[0] = number;
            else ranges.push([number, number]);
          }
          if (ranges.length > 0) bench.ack(...ranges);
        }
        assert.equal(recovery.inFlightBytes, recovery.sent.elicitingInFlight * BYTES);
        assert.equal(
          bench.acked.length + bench.lost.length - repeated + recovery.sent.elicitingInFlight,
          recovery.sent.next,
        );
      }
      assert.equal(new Set(bench.acked).size, bench.acked.length);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a path that reorders teaches how far: what was declared lost too soon raises the threshold", () => {
  const bench = new Bench();
  bench.send(6);
  bench.now = 100;
  bench.ack([1, 5]);
  assert.deepEqual(bench.lost, [0]);
  bench.ack([0, 5]);
  assert.equal(bench.recovery.stats.spuriousLosses, 1);
  bench.send(7);
  bench.ack([7, 11]);
  assert.deepEqual(bench.lost, [0], "five behind is not lost any more");
  bench.ack([7, 12]);
  assert.deepEqual(bench.lost, [0, 6]);
  bench.recovery.onNewPath();
  bench.send(4);
  bench.ack([14, 16]);
  assert.deepEqual(bench.lost, [0, 6, 13], "a new path starts over");
});

Deno.test("a path that reorders in time teaches how long to wait, and forgets it once losses are real", () => {
  const bench = new Bench();
  // A first sample, then packets that arrive 30 ms after the ones sent with them.
  bench.send(1);
  bench.now += 100;
  bench.ack([0, 0]);
  const lostEarly = () => {
    const first = bench.recovery.sent.next;
    const before = bench.lost.length;
    bench.send(2);
    bench.now += 100;
    bench.ack([first + 1, first + 1]);
    while (bench.recovery.deadline !== null && bench.recovery.deadline <= bench.now + 30) bench.timeout();
    const early = bench.lost.length > before;
    bench.now = Math.max(bench.now, 0) + 30;
    bench.ack([first, first + 1]);
    return early;
  };
  assert.equal(lostEarly(), true, "9/8 of a round trip is too short here");
  assert.equal(bench.recovery.stats.spuriousLosses, 1);
  for (let i = 0; i < 5; i++) lostEarly();
  assert.equal(lostEarly(), false, "the path has been learnt");
  // Genuine losses in numbers: patience goes back, half way at a time.
  for (let i = 0; i < 400; i++) {
    const first = bench.recovery.sent.next;
    bench.send(2);
    bench.now += 100;
    bench.ack([first + 1, first + 1]);
    while (bench.recovery.deadline !== null) bench.timeout();
    bench.now += 500;
  }
  assert.equal(lostEarly(), true, "and forgotten");
});
