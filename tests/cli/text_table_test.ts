import assert from "node:assert/strict";
import { shownBytes, shownDuration, shownRate, textTable } from "../../src/cli/text_table.ts";

Deno.test("Columns are as wide as their widest cell, the last one is not padded", () => {
  const table = textTable([{ heading: "NAME" }, { heading: "N", align: "right" }, { heading: "X" }], [
    ["a", "1", "x"],
    ["longer", "100", ""],
  ]);
  assert.equal(table, "NAME      N  X\na         1  x\nlonger  100\n");
});

Deno.test("Quantities are shown with three digits", () => {
  assert.deepEqual([0, 999, 1_000, 1_234_567, 2e12].map(shownBytes), [
    "0 B",
    "999 B",
    "1 kB",
    "1.23 MB",
    "2 TB",
  ]);
  assert.equal(shownRate(106_250_000), "850 Mbit/s");
  assert.deepEqual([0, 1.5, 42_000, 61_000, 3_600_000, 477_240_000].map(shownDuration), [
    "0 ms",
    "1.5 ms",
    "42 s",
    "1m 1s",
    "1h",
    "5d 12h",
  ]);
});
