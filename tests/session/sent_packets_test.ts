import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import { type DeliveryState, SentFrame, SentPackets } from "../../src/session/sent_packets.ts";

const delivery: DeliveryState = {
  delivered: 0,
  deliveredAt: 0 as Instant,
  firstSentAt: 0 as Instant,
  appLimited: false,
};

/** Collects what is told of frames. */
function fates() {
  const told: string[] = [];
  return {
    told,
    onFrameAcked: (kind: number, a: number, b: number, c: number) =>
      told.push(`acked ${kind} ${a} ${b} ${c}`),
    onFrameLost: (kind: number, a: number, b: number, c: number) => told.push(`lost ${kind} ${a} ${b} ${c}`),
  };
}

Deno.test("sent packets keep what was noted of each until its one fate, as a plain map does", () => {
  const operation = fc.record({
    send: fc.integer({ min: 0, max: 60 }),
    frames: fc.nat(4),
    end: fc.array(fc.tuple(fc.nat(10_000), fc.boolean()), { maxLength: 40 }),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 12 }), (list) => {
      const sent = new SentPackets();
      const model = new Map<number, { bytes: number; at: number; inFlight: boolean; frames: string[] }>();
      let next = 0;
      for (const { send, frames, end } of list) {
        for (let i = 0; i < send; i++) {
          const eliciting = next % 5 !== 4;
          const inFlight = eliciting && next % 3 !== 0;
          const noted: string[] = [];
          for (let f = 0; f < frames; f++) {
            sent.addFrame(SentFrame.Stream, next * 2 ** 33, f, next);
            noted.unshift(`${SentFrame.Stream} ${next * 2 ** 33} ${f} ${next}`);
          }
          const bytes = 1 + (next * 997) % 65_535;
          assert.equal(sent.commit(next as Instant, bytes, eliciting, inFlight, delivery), next);
          if (eliciting) model.set(next, { bytes, at: next, inFlight, frames: noted });
          next++;
        }
        for (const [pick, acked] of end) {
          if (model.size === 0) break;
          const number = [...model.keys()][pick % model.size];
          const expected = model.get(number)!;
          model.delete(number);
          assert.equal(sent.bytesOf(number), expected.bytes);
          assert.equal(sent.sentAt(number), expected.at);
          assert.equal(sent.isInFlight(number), expected.inFlight);
          const fate = fates();
          if (acked) sent.acknowledge(number, fate);
          else sent.lose(number, fate);
          assert.deepEqual(fate.told, expected.frames.map((each) => `${acked ? "acked" : "lost"} ${each}`));
          assert.throws(() => sent.acknowledge(number, fate), /ended twice/);
        }
        sent.trim();
        assert.equal(sent.next, next);
        assert.equal(sent.elicitingInFlight, model.size);
        assert.equal(sent.lowest, model.size > 0 ? Math.min(...model.keys()) : next);
        for (let number = 0; number <= next; number++) {
          assert.equal(sent.isOutstanding(number), model.has(number));
        }
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a probe repeats a packet's frames and leaves it outstanding, but never an MTU probe", () => {
  const sent = new SentPackets();
  sent.addFrame(SentFrame.Stream, 4, 100, 10);
  sent.commit(0 as Instant, 1_200, true, true, delivery);
  sent.addFrame(SentFrame.MtuProbe, 1_452, 0, 0);
  sent.commit(0 as Instant, 1_452, true, false, delivery);
  const fate = fates();
  sent.repeatFrames(0, fate);
  sent.repeatFrames(1, fate);
  assert.deepEqual(fate.told, ["lost 1 4 100 10"]);
  assert.equal(sent.isOutstanding(0), true);
  sent.lose(1, fate);
  assert.equal(fate.told.length, 2);
});
