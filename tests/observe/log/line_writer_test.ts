import assert from "node:assert/strict";
import { LineWriter } from "../../../src/observe/log/line_writer.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryOutput } from "./memory_output.ts";

interface Rig {
  readonly writer: LineWriter;
  readonly output: MemoryOutput;
  readonly clock: ManualClock;
  readonly outages: string[];
  readonly failed: Promise<void>;
  readonly resumed: Promise<void>;
}

function rig(maxQueuedChars = 1000): Rig {
  const output = new MemoryOutput();
  const clock = new ManualClock();
  const outages: string[] = [];
  const failed = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  const writer = new LineWriter({
    output,
    clock,
    maxQueuedChars,
    retryDelayMs: 1,
    events: {
      onFailed(message) {
        outages.push(`failed: ${message}`);
        failed.resolve();
      },
      onResumed(outageMs, linesDropped) {
        outages.push(`resumed after ${outageMs} ms, ${linesDropped} dropped`);
        resumed.resolve();
      },
    },
  });
  return { writer, output, clock, outages, failed: failed.promise, resumed: resumed.promise };
}

Deno.test("LineWriter keeps order over short writes that tear lines", async () => {
  const { writer, output } = rig();
  output.maxWriteBytes = 7;
  const lines = Array.from({ length: 40 }, (_, i) => `line number ${i} äöü`);
  for (const line of lines) assert.ok(writer.write(line, false));
  await writer.flush();
  assert.deepEqual(output.lines, lines);
  assert.equal(writer.stats.linesWritten, 40);
  assert.equal(writer.stats.queuedChars, 0);
  await writer.close(1000);
});

Deno.test("LineWriter never waits: a line is taken before anything is written", async () => {
  const { writer, output } = rig();
  writer.write("a", false);
  assert.equal(output.text, "");
  await writer.flush();
  assert.equal(output.text, "a\n");
  await writer.close(1000);
});

Deno.test("LineWriter goes on after a full disk, reports once, and loses nothing that had room", async () => {
  const { writer, output, clock, outages, failed, resumed } = rig();
  output.refusal = new Error("No space left on device (os error 28)");
  writer.write("one", false);
  await failed;
  writer.write("two", false);
  clock.advance(2000);
  output.refusal = null;
  await resumed;
  await writer.flush();
  assert.deepEqual(output.lines, ["one", "two"]);
  assert.deepEqual(outages, [
    "failed: No space left on device (os error 28)",
    "resumed after 2000 ms, 0 dropped",
  ]);
  assert.ok(writer.stats.writeFailures >= 1);
  await writer.close(1000);
});

Deno.test("LineWriter bounds its memory in an outage, counts what it drops, and keeps room for errors", async () => {
  const { writer, output, failed, resumed, outages } = rig(100);
  output.refusal = new Error("full");
  const taken: string[] = [];
  for (let i = 0; i < 50; i++) {
    const line = `line ${i}`.padEnd(10);
    if (writer.write(line, false)) taken.push(line);
    assert.ok(writer.stats.queuedChars <= 75);
  }
  assert.equal(taken.length, 7);
  assert.equal(writer.stats.linesDropped, 43);
  assert.ok(writer.write("an error", true), "room for what is urgent");
  await failed;
  output.refusal = null;
  await resumed;
  await writer.flush();
  assert.deepEqual(output.lines, [...taken, "an error"]);
  assert.equal(outages.length, 2);
  await writer.close(1000);
});

Deno.test("LineWriter writes what waits before it closes, and takes nothing afterwards", async () => {
  const { writer, output } = rig();
  writer.write("last words", false);
  await writer.close(1000);
  assert.deepEqual(output.lines, ["last words"]);
  assert.equal(writer.write("too late", false), false);
});

Deno.test("LineWriter closes in bounded time while the output refuses, and counts what that cost", async () => {
  const { writer, output, failed } = rig();
  output.refusal = new Error("full");
  writer.write("one", false);
  writer.write("two", false);
  await failed;
  await writer.close(5000);
  assert.equal(writer.stats.linesDropped, 2);
  assert.equal(output.text, "");
});

Deno.test("LineWriter closes in bounded time while a write hangs", async () => {
  const { writer, output } = rig();
  const hang = Promise.withResolvers<number>();
  output.write = () => hang.promise;
  writer.write("one", false);
  await writer.close(5);
  writer.write("two", false);
  hang.resolve(4);
});
