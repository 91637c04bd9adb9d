import assert from "node:assert/strict";
import type { Output } from "../../src/cli/command.ts";
import { PLAIN } from "../../src/cli/paint.ts";
import { ProgressDisplay, progressLines, type ProgressMoment } from "../../src/cli/progress.ts";
import { ManualClock } from "../support/manual_clock.ts";

function output(isTerminal: boolean, columns = 80): Output & { text: string } {
  return {
    isTerminal,
    columns,
    text: "",
    write(text) {
      this.text += text;
    },
  };
}

const MOMENT: ProgressMoment = {
  name: "file.bin",
  state: "running",
  direction: "send",
  files: 1,
  files_done: 0,
  bytes_done: 450_000_000,
  bytes_total: 1_000_000_000,
  bytes_per_second: 50_000_000,
  current: { path: "file.bin", bytes_done: 450_000_000, bytes_total: 1_000_000_000 },
};

const MANY: ProgressMoment = {
  ...MOMENT,
  name: "photos",
  files: 25,
  files_done: 3,
  current: { path: "photos/2024/a.jpg", bytes_done: 5_000_000, bytes_total: 20_000_000 },
};

Deno.test("Elsewhere than on a terminal one plain line appears every five seconds", () => {
  const [out, clock] = [output(false), new ManualClock()];
  const progress = new ProgressDisplay(out, clock, PLAIN);
  progress.announce("connecting");
  for (let second = 0; second <= 11; second++) {
    progress.show(second < 8 ? MOMENT : MANY);
    clock.advance(1_000);
  }
  progress.clear();
  assert.equal(
    out.text,
    "file.bin: 45%, 450 MB of 1 GB, 50 MB/s, 11 s left\n" +
      "photos: 45%, 450 MB of 1 GB, 3 of 25 files, 50 MB/s, 11 s left\n",
  );
});

Deno.test("One file is one bar", () => {
  assert.deepEqual(progressLines(MOMENT, 100, PLAIN), [
    "file.bin █████████░░░░░░░░░░░  45% 450 MB of 1 GB  50 MB/s  11 s left",
  ]);
});

Deno.test("Of several files, the one that moves has a bar above that of all", () => {
  assert.deepEqual(progressLines(MANY, 100, PLAIN), [
    "photos/2024/a.jpg █████░░░░░░░░░░░░░░░  25% 5 MB of 20 MB",
    "3 of 25 files     █████████░░░░░░░░░░░  45% 450 MB of 1 GB  50 MB/s  11 s left",
  ]);
});

Deno.test("What does not fit on a narrow terminal goes, from the end", () => {
  assert.deepEqual(progressLines(MANY, 60, PLAIN), [
    "photos/2024/a.jpg █████░░░░░░░░░░░░░░░  25% 5 MB of 20 MB",
    "3 of 25 files     █████████░░░░░░░░░░░  45% 450 MB of 1 GB",
  ]);
  assert.equal(progressLines(MANY, 56, PLAIN)[0], "photos/2024/a… █████░░░░░░░░░░░░░░░  25% 5 MB of 20 MB");
  assert.deepEqual(progressLines(MANY, 20, PLAIN), ["25% photos/2024/a.…", "45% 3 of 25 files"]);
  for (let columns = 10; columns < 120; columns++) {
    for (const line of progressLines(MANY, columns, PLAIN)) assert.ok(line.length < columns, `${columns}`);
  }
});

Deno.test("On a terminal the bars redraw in their place and leave nothing behind", () => {
  const [out, clock] = [output(true, 30), new ManualClock()];
  const progress = new ProgressDisplay(out, clock, PLAIN);
  progress.announce("connecting to somebody far away");
  progress.show(MANY);
  progress.show(MANY);
  clock.advance(100);
  progress.show(MOMENT);
  progress.clear();
  progress.clear();
  const [left, up, end, down] = ["\u001b[G", "\u001b[1A", "\u001b[K", "\u001b[J"];
  assert.equal(
    out.text,
    `${left}connecting to somebody far a…${end}` +
      `${left}25% photos/2024/a.jpg${end}\n45% 3 of 25 files${end}` +
      `${left}${up}45% file.bin${end}${down}` +
      `${left}${down}`,
  );
});

Deno.test("A transfer that does not run says what it waits for instead", () => {
  const waiting = (state: ProgressMoment["state"]) => progressLines({ ...MOMENT, state }, 120, PLAIN)[0];
  assert.match(waiting("offered"), / {2}waiting for the receiver to accept$/);
  assert.match(waiting("verifying"), / {2}waiting for the receiver to confirm$/);
  assert.match(waiting("paused"), / {2}paused$/);
});

Deno.test("A name from elsewhere cannot steer the terminal", () => {
  const [line] = progressLines({ ...MOMENT, name: "a\u001b[2J\r\nb" }, 100, PLAIN);
  assert.match(line, /^a\ufffd\[2J\ufffd\ufffdb █/);
});
