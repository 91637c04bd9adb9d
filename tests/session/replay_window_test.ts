import assert from "node:assert/strict";
import fc from "fast-check";
import { REPLAY_WINDOW, ReplayWindow } from "../../src/session/replay_window.ts";

/** Steps around the largest number so far: ahead a little, ahead a lot, back within the window, around its edge. */
const step = fc.oneof(
  fc.integer({ min: 1, max: 70 }),
  fc.integer({ min: 1, max: 3 * REPLAY_WINDOW }),
  fc.integer({ min: -REPLAY_WINDOW, max: 0 }),
  fc.integer({ min: -REPLAY_WINDOW - 3, max: -REPLAY_WINDOW + 3 }),
);

Deno.test("the window accepts each number once and none below its edge, as a plain set does", () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let largest = -1;
    for (const delta of steps) {
      const number = Math.max(0, largest + delta);
      let expected = "fresh";
      if (number <= largest - REPLAY_WINDOW) expected = "too_old";
      else if (seen.has(number)) expected = "replay";
      assert.equal(window.check(number), expected, `${number} after ${largest}`);
      if (expected !== "fresh") continue;
      window.commit(number);
      seen.add(number);
      largest = Math.max(largest, number);
      assert.equal(window.largest, largest);
    }
  }));
});

Deno.test("the edge is exact wherever the largest number lies in its word", () => {
  assert.ok(REPLAY_WINDOW >= 8_192);
  for (let offset = 0; offset < 64; offset++) {
    const window = new ReplayWindow();
    const largest = 5 * REPLAY_WINDOW + offset;
    window.commit(largest);
    assert.equal(window.check(largest), "replay");
    assert.equal(window.check(largest - REPLAY_WINDOW), "too_old");
    assert.equal(window.check(largest - REPLAY_WINDOW + 1), "fresh");
    window.commit(largest - REPLAY_WINDOW + 1);
    assert.equal(window.check(largest - REPLAY_WINDOW + 1), "replay");
  }
});

Deno.test("judging a number changes nothing", () => {
  const window = new ReplayWindow();
  assert.equal(window.check(100_000), "fresh");
  assert.equal(window.largest, -1);
  assert.equal(window.check(0), "fresh");
});
