import assert from "node:assert/strict";
import { drawPanels } from "../../scripts/line_panels.ts";

Deno.test("Panels are drawn with a place for every value, zero and equal ones too", () => {
  const svg = drawPanels({
    title: "All",
    panels: [
      { title: "Zeros", scale: "linear", series: [{ name: "", points: [[1, 0], [10, 0]] }] },
      { title: "One", scale: "log", series: [{ name: "", points: [[5, 3]] }] },
      {
        title: "Two",
        scale: "log",
        series: [
          { name: "a", points: [[1, 0.02], [1_000, 40]], fit: (x) => 0.02 + 0.04 * x },
          { name: "b", points: [[1, 1], [1_000, 2]] },
        ],
      },
      { title: "Next row", scale: "linear", series: [{ name: "", points: [[1, 1], [2, 2]] }] },
    ],
    shownX: (x) => `x${x}`,
  });
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
  assert.equal(svg.match(/<circle /g)?.length, 9);
  assert.match(svg, /^<svg [^>]*width="900" height="470"/);
  assert.match(svg, /stroke-dasharray/);
  assert.match(svg, />x1000</);
});
