/**
 * Draws growth against the number of nodes: `growth_plot.ts RESULTS.jsonl OUT.svg`. The axis is logarithmic: what
 * grows with log(n) is a straight line.
 *
 * @module
 */

import { drawPanels } from "../line_panels.ts";
import type { GrowthResult } from "./scenarios.ts";

const PANELS: readonly { readonly title: string; readonly of: (result: GrowthResult) => number }[] = [
  { title: "Hops to the record, mean", of: ({ meanHops }) => meanHops },
  { title: "Questions a lookup, mean", of: ({ meanRpcs }) => meanRpcs },
  { title: "Contacts a node, mean", of: ({ meanContacts }) => meanContacts },
  { title: "Latency, median (ms)", of: ({ p50Ms }) => p50Ms },
  { title: "Latency, p95 (ms)", of: ({ p95Ms }) => p95Ms },
  { title: "Latency, p99 (ms)", of: ({ p99Ms }) => p99Ms },
];

const [resultsPath, svgPath] = Deno.args;
const results = (await Deno.readTextFile(resultsPath)).split("\n").filter((line) => line !== "")
  .map((line) => JSON.parse(line) as GrowthResult & { readonly scenario: string })
  .filter(({ scenario }) => scenario === "growth")
  .sort((a, b) => a.nodes - b.nodes);
const seeds = [...new Set(results.map(({ seed }) => seed))].join(", ");
const drawing = drawPanels({
  title: `Peer lookups against the size of the network (simulated, seed ${seeds}, median RTT 40 ms)`,
  panels: PANELS.map(({ title, of }) => ({
    title,
    scale: "linear",
    series: [{ name: "", points: results.map((result) => [result.nodes, of(result)]) }],
  })),
  shownX: (nodes) => nodes.toLocaleString("en"),
});
await Deno.writeTextFile(svgPath, drawing);
