import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import { ReceivedPackets } from "../../src/session/received_packets.ts";

const at = (ms: number) => ms as Instant;

/** The ranges of `numbers`, newest first. */
function rangesOf(numbers: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => b - a)) {
    const last = ranges[ranges.length - 1];
    if (last !== undefined && last[0] === number + 1) last[0] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}

function written(received: ReceivedPackets): [number, number][] {
  return Array.from({ length: received.count }, (_, i) => [received.lowAt(i), received.highAt(i)]);
}

Deno.test("ranges to acknowledge agree with a set of numbers, the newest 64 of them", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.nat(300), { maxLength: 200 }), (numbers) => {
    const received = new ReceivedPackets();
    const model = new Set<number>();
    for (const number of numbers) {
      received.record(at(0), number, true, 25);
      model.add(number);
      // Older ranges than the newest 64 are forgotten for good.
      const ranges = rangesOf(model);
      for (const [low, high] of ranges.splice(64)) for (let i = low; i <= high; i++) model.delete(i);
      assert.deepEqual(written(received), ranges);
    }
  }));
});

Deno.test("every second packet in order is acknowledged at once, a single one within max_ack_delay", () => {
  const received = new ReceivedPackets();
  received.record(at(10), 0, true, 25);
  assert.equal(received.isDue(at(10)), false);
  assert.equal(received.deadline, 35);
  assert.equal(received.isDue(at(35)), true);
  received.record(at(12), 1, true, 25);
  assert.equal(received.isDue(at(12)), true);
  assert.equal(received.delayUs(at(13.5)), 1_500);
  received.onAckSent();
  assert.equal(received.isDue(at(1_000)), false);
  assert.equal(received.deadline, null);
});

Deno.test("a gap and a late packet are acknowledged at once; what asks for nothing never is", () => {
  const received = new ReceivedPackets();
  received.record(at(0), 0, false, 25);
  received.record(at(0), 1, false, 25);
  assert.equal(received.deadline, null);
  assert.equal(received.hasNews, false);
  received.record(at(0), 3, true, 25);
  assert.equal(received.isDue(at(0)), true);
  received.onAckSent();
  received.record(at(1), 2, true, 25);
  assert.equal(received.isDue(at(1)), true);
});

Deno.test("ranges that the peer knows acknowledged are dropped, but never the newest", () => {
  const received = new ReceivedPackets();
  for (const number of [0, 2, 4, 6]) received.record(at(0), number, true, 25);
  received.onAckAcked(4);
  assert.deepEqual(written(received), [[6, 6]]);
  received.onAckAcked(6);
  assert.deepEqual(written(received), [[6, 6]]);
});
