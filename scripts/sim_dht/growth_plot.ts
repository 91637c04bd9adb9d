/**
 * Draws growth against log2 of the number of nodes: `growth_plot.ts RESULTS.jsonl OUT.svg`.
 *
 * @module
 */

import type { GrowthResult } from "./scenarios.ts";

interface Series {
  readonly title: string;
  readonly of: (result: GrowthResult) => number;
}

const PANELS: readonly Series[] = [
  { title: "Hops to the record, mean", of: ({ meanHops }) => meanHops },
  { title: "Questions a lookup, mean", of: ({ meanRpcs }) => meanRpcs },
  { title: "Contacts a node, mean", of: ({ meanContacts }) => meanContacts },
  { title: "Latency, median (ms)", of: ({ p50Ms }) => p50Ms },
  { title: "Latency, p95 (ms)", of: ({ p95Ms }) => p95Ms },
  { title: "Latency, p99 (ms)", of: ({ p99Ms }) => p99Ms },
];

const WIDTH = 300;
const HEIGHT = 210;
const PLOT = { left: 44, top: 34, width: 232, height: 134 };

const [resultsPath, svgPath] = Deno.args;
const results = (await Deno.readTextFile(resultsPath)).split("\n").filter((line) => line !== "")
  .map((line) => JSON.parse(line) as GrowthResult & { readonly scenario: string })
  .filter(({ scenario }) => scenario === "growth")
  .sort((a, b) => a.nodes - b.nodes);
await Deno.writeTextFile(svgPath, drawing(results));

/** Small multiples over one axis: what grows with log2(n) is a straight line in them. */
function drawing(results: readonly GrowthResult[]): string {
  const panels = PANELS.map((series, i) =>
    `<g transform="translate(${(i % 3) * WIDTH} ${40 + Math.floor(i / 3) * HEIGHT})">${
      panel(series, results)
    }</g>`
  );
  const seeds = [...new Set(results.map(({ seed }) => seed))].join(", ");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${3 * WIDTH}" height="${2 * HEIGHT + 50}" ` +
    `font-family="system-ui, sans-serif" font-size="11" fill="#222">\n` +
    `<rect width="100%" height="100%" fill="#fff"/>\n` +
    `<text x="16" y="24" font-size="15" font-weight="600">Peer lookups against the size of the network ` +
    `(simulated, seed ${seeds}, median RTT 40 ms)</text>\n${panels.join("\n")}\n</svg>\n`;
}

function panel({ title, of }: Series, results: readonly GrowthResult[]): string {
  const first = Math.log2(results[0].nodes);
  const last = Math.log2(results[results.length - 1].nodes);
  const top = niceCeiling(Math.max(...results.map(of)));
  const x = (nodes: number) => PLOT.left + PLOT.width * (Math.log2(nodes) - first) / (last - first || 1);
  const y = (value: number) => PLOT.top + PLOT.height * (1 - value / top);
  const grid = [0, 0.5, 1].map((share) =>
    `<line x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${y(share * top)}" y2="${y(share * top)}" ` +
    `stroke="#ddd"/><text x="${PLOT.left - 6}" y="${y(share * top) + 4}" text-anchor="end">${
      shown(share * top)
    }</text>`
  );
  const points = results.map((result) =>
    `<circle cx="${x(result.nodes)}" cy="${y(of(result))}" r="3.5" fill="#0b6e99"/>` +
    `<text x="${x(result.nodes)}" y="${y(of(result)) - 8}" text-anchor="middle" fill="#0b6e99">${
      shown(of(result))
    }</text>` +
    `<text x="${x(result.nodes)}" y="${PLOT.top + PLOT.height + 16}" text-anchor="middle">${
      result.nodes.toLocaleString("en")
    }</text>`
  );
  const line = results.map((result) => `${x(result.nodes)},${y(of(result))}`).join(" ");
  return `<text x="16" y="18" font-weight="600">${title}</text>${grid.join("")}` +
    `<polyline points="${line}" fill="none" stroke="#0b6e99" stroke-width="1.5"/>${points.join("")}`;
}

/** The next of 1, 2, 5, 10, 20, ... */
function niceCeiling(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value * 1.1));
  return [1, 2, 5, 10].map((step) => step * magnitude).find((step) => step >= value * 1.1)!;
}

function shown(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
