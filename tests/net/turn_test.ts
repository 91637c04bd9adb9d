import assert from "node:assert/strict";
import { Turn } from "../../src/net/turn.ts";

Deno.test("A short turn goes on, a long one ends in the next turn of the loop", async () => {
  let now = 0;
  const turn = new Turn(null, () => now);
  assert.equal(turn.pause(), null);
  now = 0.9;
  assert.equal(turn.pause(), null);
  now = 1.1;
  let timerRan = false;
  setTimeout(() => timerRan = true, 0);
  const busyUntil = performance.now() + 5;
  while (performance.now() < busyUntil); // the timer is due, and only the event loop can run it
  await turn.pause();
  await turn.end();
  assert.ok(timerRan);
  assert.equal(turn.pause(), null, "a new turn has begun");
});

Deno.test("All who ask while a rest is under way wait for the same one, however short their turn", async () => {
  let now = 0;
  let rests = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const turn = new Turn(() => (rests++, promise), () => now);
  now = 1.5;
  await turn.end(); // too early for a rest
  assert.equal(rests, 0);
  now = 3;
  const first = turn.pause();
  assert.ok(first !== null);
  assert.equal(turn.pause(), first);
  assert.equal(turn.end(), first);
  assert.equal(rests, 0, "it begins in the next turn, when the others wait for it too");
  resolve();
  await first;
  assert.equal(rests, 1);
  assert.equal(turn.pause(), null);
  now = 4.5;
  await turn.end();
  assert.equal(rests, 1, "the next rest is due 2 ms after the last");
});

Deno.test("Who slept in another way has rested", async () => {
  let now = 0;
  let rests = 0;
  const turn = new Turn(() => Promise.resolve(rests++), () => now);
  now = 10;
  turn.rested();
  assert.equal(turn.pause(), null);
  await turn.end();
  assert.equal(rests, 0);
});
