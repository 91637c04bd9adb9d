import assert from "node:assert/strict";
import type { Output } from "../../src/cli/command.ts";
import { ProgressLine, type ProgressMoment } from "../../src/cli/progress.ts";
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
  bytes_done: 450_000_000,
  bytes_total: 1_000_000_000,
  bytes_per_second: 50_000_000,
};

Deno.test("Elsewhere than on a terminal one plain line appears every five seconds", () => {
  const [out, clock] = [output(false), new ManualClock()];
  const progress = new ProgressLine(out, clock);
  for (let second = 0; second <= 11; second++) {
    progress.show(MOMENT);
    clock.advance(1_000);
  }
  progress.clear();
  const line = "file.bin: 45%, 450 MB of 1 GB, 400 Mbit/s, 11 s left\n";
  assert.equal(out.text, line + line);
});

Deno.test("On a terminal the line redraws itself, fits, and leaves nothing behind", () => {
  const [out, clock] = [output(true, 40), new ManualClock()];
  const progress = new ProgressLine(out, clock);
  progress.show(MOMENT);
  progress.show(MOMENT);
  assert.equal(out.text, "\r[#########...........] file.bin: 45%, 4\u001b[K");
  progress.clear();
  progress.clear();
  assert.ok(out.text.endsWith("4\u001b[K\r\u001b[K"));
});

Deno.test("A transfer that does not run says what it does instead", () => {
  const [out, clock] = [output(true), new ManualClock()];
  new ProgressLine(out, clock).show({ ...MOMENT, state: "verifying", bytes_done: 1_000_000_000 });
  assert.equal(out.text, "\r[####################] file.bin: verifying\u001b[K");
});

Deno.test("A name from elsewhere cannot steer the terminal", () => {
  const [out, clock] = [output(true), new ManualClock()];
  new ProgressLine(out, clock).show({ ...MOMENT, name: "a\u001b[2J\r\nb" });
  assert.match(out.text, /a\ufffd\[2J\ufffd\ufffdb: 45%/);
});
