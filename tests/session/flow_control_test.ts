import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import { ReceiveWindow } from "../../src/session/receive_window.ts";

const at = (ms: number) => ms as Instant;

Deno.test("a receive window never takes credit back and never promises more than its bound ahead", () => {
  const step = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(200), fc.constantFrom(0, 10, 100));
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const max = 16_000;
    const window = new ReceiveWindow(1_000, max);
    let consumed = 0;
    let now = 0;
    for (const [share, elapsedMs, rttMs] of steps) {
      now += elapsedMs;
      const bytes = Math.floor(share * (window.limit - consumed));
      consumed += bytes;
      const before = window.limit;
      if (window.consume(at(now), bytes, rttMs)) window.advance();
      assert.ok(window.limit >= before);
      assert.ok(window.limit - consumed <= max);
      // A sender that may only half fill the window would stall for a round trip.
      assert.ok(window.limit - consumed >= Math.min(window.windowBytes, before - consumed) / 2);
    }
  }));
});

Deno.test("a window that is half emptied within a round trip doubles, up to its bound", () => {
  const window = new ReceiveWindow(1_000, 3_000);
  const sizes: number[] = [];
  for (let now = 0; now < 200; now += 10) {
    if (window.consume(at(now), 400, 50)) window.advance();
    sizes.push(window.windowBytes);
  }
  assert.equal(sizes[0], 1_000);
  assert.equal(sizes[sizes.length - 1], 3_000);
});

Deno.test("a window stops growing at twice what the path carries", () => {
  const window = new ReceiveWindow(1_000, 1_000_000);
  // 100 bytes a millisecond, 50 ms: 5,000 bytes under way.
  for (let now = 0; now < 10_000; now += 1) {
    if (window.consume(at(now), 100, 50)) window.advance();
  }
  assert.ok(window.windowBytes >= 10_000 && window.windowBytes <= 20_000, `${window.windowBytes}`);
});

Deno.test("a window keeps its size when the application, not the window, is slow", () => {
  const window = new ReceiveWindow(1_000, 100_000);
  for (let now = 0; now < 10_000; now += 1_000) {
    if (window.consume(at(now), 400, 50)) window.advance();
  }
  assert.equal(window.windowBytes, 1_000);
});
