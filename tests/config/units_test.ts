import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../src/config/units.ts";

const DURATIONS: readonly [string, number | null][] = [
  ["15s", 15_000],
  ["2m", 120_000],
  ["1h", 3_600_000],
  ["7d", 604_800_000],
  ["250ms", 250],
  ["1.5s", 1_500],
  ["0", 0],
  ["15", null],
  ["s", null],
  ["-1s", null],
  ["1 s", null],
  ["0.0001s", null],
  ["10 parsecs", null],
  ["1e3s", null],
  ["", null],
];

for (const [text, ms] of DURATIONS) {
  Deno.test(`A duration "${text}" is ${ms === null ? "refused" : `${ms} ms`}`, () => {
    assert.equal(parseDuration(text), ms);
  });
}

const SIZES: readonly [string, number | null][] = [
  ["100MB", 100_000_000],
  ["64MiB", 67_108_864],
  ["0", 0],
  ["4096", 4_096],
  ["1.5GiB", 1_610_612_736],
  ["1kB", 1_000],
  ["1KB", 1_000],
  ["1KiB", 1_024],
  ["100mb", null],
  ["0.5B", null],
  ["99999999TB", null],
];

for (const [text, bytes] of SIZES) {
  Deno.test(`A size "${text}" is ${bytes === null ? "refused" : `${bytes} bytes`}`, () => {
    assert.equal(parseSize(text), bytes);
  });
}

Deno.test("Durations and sizes read back what they were", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 1e12 }), (value) => {
    assert.equal(parseDuration(formatDuration(value)), value);
    assert.equal(parseSize(formatSize(value)), value);
  }));
});

Deno.test("The shortest exact spelling is chosen", () => {
  assert.deepEqual([90_000, 120_000, 1].map(formatDuration), ["90s", "2m", "1ms"]);
  assert.deepEqual([100_000_000, 67_108_864, 1_000].map(formatSize), ["100MB", "64MiB", "1kB"]);
});
