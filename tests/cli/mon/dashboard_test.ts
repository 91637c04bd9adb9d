import assert from "node:assert/strict";
import { SampleFeed } from "../../../src/cli/mon/feed.ts";
import { Screen } from "../../../src/cli/mon/screen.ts";
import { afterKey, FIRST_STATE, keysIn } from "../../../src/cli/mon/view_state.ts";
import type { NodeSample } from "../../../src/monitor/node_sample.ts";
import { ControlRequestError, NodeNotRunningError } from "../../../src/node/control_client.ts";
import { RecordedOutput } from "../../support/cli_host.ts";
import { fakeSample } from "../../support/fake_sample.ts";

const ESC = "\u001b";

Deno.test("The screen writes only the lines that changed, as one synchronized piece", () => {
  const output = new RecordedOutput();
  using screen = new Screen(output);
  screen.draw(["one", "two", "three"]);
  output.text = "";
  screen.draw(["one", "2", "three"]);
  assert.equal(output.text, `${ESC}[?2026h${ESC}[2;1H2${ESC}[K${ESC}[?2026l`);
  output.text = "";
  screen.draw(["one", "2", "three"]);
  assert.equal(output.text, "");
  screen.draw(["one"]);
  assert.equal(output.text, `${ESC}[?2026h${ESC}[2;1H${ESC}[K${ESC}[3;1H${ESC}[K${ESC}[?2026l`);
});

Deno.test("The screen gives the terminal back once, and draws nothing after that", () => {
  const output = new RecordedOutput();
  const screen = new Screen(output);
  assert.ok(output.text.startsWith(`${ESC}[?1049h${ESC}[?25l`));
  output.text = "";
  screen[Symbol.dispose]();
  screen[Symbol.dispose]();
  screen.draw(["late"]);
  screen.forget();
  assert.equal(output.text, `${ESC}[?25h${ESC}[?1049l`);
});

Deno.test("Keys switch, sort, pause and end; all others change nothing", () => {
  assert.deepEqual(afterKey(FIRST_STATE, "3"), { ...FIRST_STATE, view: "transfers" });
  assert.deepEqual(afterKey(FIRST_STATE, "\t"), { ...FIRST_STATE, view: "sessions" });
  assert.deepEqual(afterKey(FIRST_STATE, `${ESC}[Z`), { ...FIRST_STATE, view: "security" });
  assert.deepEqual(afterKey(FIRST_STATE, "s"), { ...FIRST_STATE, order: 1 });
  assert.deepEqual(afterKey(FIRST_STATE, "p"), { ...FIRST_STATE, isPaused: true });
  assert.equal(afterKey(FIRST_STATE, "q"), "quit");
  assert.equal(afterKey(FIRST_STATE, "\u0003"), "interrupt");
  for (const key of ["x", "0", "9", `${ESC}[A`, ""]) {
    assert.deepEqual(afterKey(FIRST_STATE, key), FIRST_STATE);
  }
  assert.deepEqual(keysIn(`2${ESC}[Cs\t${ESC}[1;5Dq`), ["2", `${ESC}[C`, "s", "\t", `${ESC}[1;5D`, "q"]);
});

/** A node whose answers to sample requests are given. */
function answering(...answers: (NodeSample | Error)[]) {
  const get = <T>(): Promise<T> => {
    const answer = answers.shift()!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as T);
  };
  return { get };
}

Deno.test("The feed tells that the node went, is starting, and restarted, and stops saying so", async () => {
  const { signal } = new AbortController();
  const first = fakeSample();
  const node = { ...first.node, started_at: "2025-11-28T10:16:00.000Z" };
  const back = fakeSample({ at: "2025-11-28T10:16:02.000Z", node });
  const later = fakeSample({ at: "2025-11-28T10:17:00.000Z", node });
  const client = answering(
    first,
    new NodeNotRunningError("gone"),
    new ControlRequestError("starting", "wait"),
    back,
    later,
  );
  const feed = await SampleFeed.open(client, signal);
  assert.deepEqual(await feed.next(signal), {
    sample: first,
    isFresh: false,
    notice: "node away, seen 10:15:30 UTC, retrying",
  });
  assert.match((await feed.next(signal)).notice!, /^node starting, /);
  assert.deepEqual(await feed.next(signal), {
    sample: back,
    isFresh: true,
    notice: "node restarted at 10:16:00 UTC",
  });
  assert.deepEqual(await feed.next(signal), { sample: later, isFresh: true, notice: null });
});

Deno.test("The feed does not hide a refusal", async () => {
  const { signal } = new AbortController();
  const feed = await SampleFeed.open(
    answering(fakeSample(), new ControlRequestError("internal", "broken")),
    signal,
  );
  await assert.rejects(feed.next(signal), /broken/);
});
