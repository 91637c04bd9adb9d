import assert from "node:assert/strict";
import { shownTable, withTables } from "../../scripts/bench/report.ts";
import type { Table } from "../../scripts/bench/section.ts";
import { SECTIONS } from "../../scripts/bench/sections.ts";

const TABLE: Table = {
  name: "speed",
  caption: "Of two.",
  columns: [{ key: "what", heading: "what" }, { key: "seconds", heading: "s", digits: 1 }],
  rows: [{ what: "scp", seconds: 1_234.56 }, { what: "none", seconds: null }],
};
const RESULT = { section: "transfer", seconds: 1, tables: [TABLE], skipped: [] };

Deno.test("A table is written for people, with what was not measured as a dash", () => {
  assert.equal(shownTable(TABLE), "Of two.\nwhat        s\nscp   1,234.6\nnone        -\n");
});

Deno.test("Tables go between their markers, whatever was there, and nowhere else", () => {
  const before = "# A\n<!-- bench transfer speed -->\nold\n<!-- end of bench -->\nB\n" +
    "<!-- bench transfer other -->\nkept\n<!-- end of bench -->\n";
  const after = withTables(before, [RESULT]);
  assert.match(after, /^# A\n<!-- bench transfer speed -->\n\nOf two\.\n\n\| what \| s \|\n/);
  assert.match(after, /\| scp \| 1,234\.6 \|\n\| none \| - \|\n\n<!-- end of bench -->\nB\n/);
  assert.match(after, /<!-- bench transfer other -->\nkept\n/);
  assert.doesNotMatch(after, /old/);
  assert.equal(withTables(after, [RESULT]), after, "twice is as once");
  assert.throws(() => withTables("<!-- bench transfer speed -->\n", [RESULT]), /has no/);
});

Deno.test("The documentation has a place for tables of sections that there are, and of all of them", () => {
  const text = Deno.readTextFileSync(new URL("../../docs/performance.md", import.meta.url));
  const places = [...text.matchAll(/<!-- bench (\S+) \S+ -->/g)].map(([, section]) => section);
  assert.deepEqual(new Set(places), new Set(SECTIONS.map(({ name }) => name)));
});
