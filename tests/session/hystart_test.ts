import assert from "node:assert/strict";
import { HyStart } from "../../src/session/hystart.ts";

/** Rounds of ten acknowledgements each; `rttMs` gives a round's round-trip time. */
function run(rttMs: readonly number[]): string[] {
  const hystart = new HyStart();
  let number = 0;
  return rttMs.map((each) => {
    for (let i = 0; i < 10; i++) {
      hystart.onAck(number, number + 10, each);
      number++;
    }
    return hystart.phase;
  });
}

Deno.test("a steady round-trip time leaves slow start alone", () => {
  assert.deepEqual(new Set(run(new Array(20).fill(50))), new Set(["slow_start"]));
});

Deno.test("a rise by an eighth begins the conservative phase, which five rounds end", () => {
  const phases = run([50, 50, 56, 57, 57, 57, 57, 57, 57]);
  assert.equal(phases[1], "slow_start");
  assert.equal(phases[2], "slow_start", "below 50 + 50/8");
  assert.deepEqual(run([50, 57])[1], "conservative");
  assert.deepEqual(run([50, 57, 57, 57, 57, 57, 57])[6], "done");
});

Deno.test("the rise that counts is between 4 and 16 ms", () => {
  assert.equal(run([10, 13])[1], "slow_start");
  assert.equal(run([10, 14])[1], "conservative");
  assert.equal(run([400, 415])[1], "slow_start");
  assert.equal(run([400, 416])[1], "conservative");
});

Deno.test("a rise that goes away was spurious: slow start resumes", () => {
  assert.deepEqual(run([50, 60, 50]).slice(1), ["conservative", "slow_start"]);
});

Deno.test("each byte adds a quarter of itself in the conservative phase", () => {
  const hystart = new HyStart();
  assert.equal(hystart.growth, 1);
  for (let i = 0; i < 20; i++) hystart.onAck(i, i < 10 ? 10 : 20, i < 10 ? 50 : 60);
  assert.equal(hystart.growth, 0.25);
});

Deno.test("a queue that begins and fills within one round is seen in that round, not in the next", () => {
  const hystart = new HyStart();
  let number = 0;
  for (; number < 40; number++) hystart.onAck(number, 40, 40);
  // The next flight: the first of it finds the queue empty, the last finds a bandwidth-delay product in it.
  for (; number < 120 && hystart.phase === "slow_start"; number++) {
    hystart.onAck(number, 120, 40 + (number - 40) / 2);
  }
  assert.equal(hystart.phase, "conservative");
  assert.ok(number < 70, `seen at sample ${number - 40} of the flight`);
});
