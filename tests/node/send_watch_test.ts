import assert from "node:assert/strict";
import { type SendCounts, SendWatch } from "../../src/node/send_watch.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { ManualClock } from "../support/manual_clock.ts";

function watched(): { counts: { accepted: number; refused: number }; pass: () => void; events: NodeEvent[] } {
  const counts = { accepted: 100, refused: 7 };
  const clock = new ManualClock();
  const events: NodeEvent[] = [];
  const watch = new SendWatch((): SendCounts => ({ ...counts }), clock, (event) => events.push(event));
  const pass = () => {
    clock.advance(10_000);
    watch.look();
  };
  return { counts, pass, events };
}

Deno.test("A system that refuses to send is a network error, once a minute for as long as it does", () => {
  const { counts, pass, events } = watched();
  for (let seconds = 0; seconds < 70; seconds += 10) {
    counts.refused += 20;
    counts.accepted += 1;
    pass();
  }
  assert.equal(events.length, 2);
  assert.deepEqual(events[0], {
    type: "node.error",
    errorType: "network",
    component: "network",
    message: "The system refuses most datagrams: is the network up, and may this program use it?",
  });
});

Deno.test("Probes that are too large, and a few refusals among much that leaves, are no error", () => {
  const { counts, pass, events } = watched();
  pass();
  counts.refused += 4;
  pass();
  counts.refused += 500;
  counts.accepted += 500;
  pass();
  assert.deepEqual(events, []);
});
