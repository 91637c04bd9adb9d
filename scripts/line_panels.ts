/**
 * Small multiples as an SVG drawing: one quantity a panel, over one logarithmic axis.
 *
 * @module
 */

/** One line of a panel. */
export interface Series {
  /** For the legend; empty where there is only one. */
  readonly name: string;
  /** Measurements, by x. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** What was fitted to them, drawn dashed. */
  readonly fit?: (x: number) => number;
}

export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
  /** A logarithmic y shows what grows in proportion as a straight line, over many orders of magnitude. */
  readonly scale: "linear" | "log";
}

/** What is common to all panels. */
export interface Drawing {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** A value of x below the axis. */
  shownX(x: number): string;
}

const COLUMNS = 3;
const WIDTH = 300;
const HEIGHT = 210;
const PLOT = { left: 44, top: 34, width: 232, height: 134 };
const COLORS = ["#0b6e99", "#b3541e", "#4a7a2c", "#7a4a8c"];

/** The panels in rows of three. */
export function drawPanels({ title, panels, shownX }: Drawing): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const width = Math.min(panels.length, COLUMNS) * WIDTH;
  const drawn = panels.map((panel, i) =>
    `<g transform="translate(${(i % COLUMNS) * WIDTH} ${40 + Math.floor(i / COLUMNS) * HEIGHT})">${
      drawPanel(panel, shownX)
    }</g>`
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${rows * HEIGHT + 50}" ` +
    `font-family="system-ui, sans-serif" font-size="11" fill="#222">\n` +
    `<rect width="100%" height="100%" fill="#fff"/>\n` +
    `<text x="16" y="24" font-size="15" font-weight="600">${title}</text>\n${drawn.join("\n")}\n</svg>\n`;
}

function drawPanel(panel: Panel, shownX: Drawing["shownX"]): string {
  const all = panel.series.flatMap(({ points }) => points);
  const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
  const x = place(Math.min(...xs), Math.max(...xs), "log", PLOT.left, PLOT.width);
  const [bottom, top] = panel.scale === "log"
    ? [10 ** Math.floor(Math.log10(Math.min(...ys))), 10 ** Math.ceil(Math.log10(Math.max(...ys)))]
    : [0, niceCeiling(Math.max(...ys))];
  const y = place(bottom, top, panel.scale, PLOT.top + PLOT.height, -PLOT.height);
  const grid = gridValues(bottom, top, panel.scale).map((value) =>
    `<line x1="${PLOT.left}" x2="${PLOT.left + PLOT.width}" y1="${y(value)}" y2="${
      y(value)
    }" stroke="#ddd"/>` +
    `<text x="${PLOT.left - 6}" y="${shift(y(value), 4)}" text-anchor="end">${shownValue(value)}</text>`
  );
  const ticks = [...new Set(xs)].map((value) =>
    `<text x="${x(value)}" y="${PLOT.top + PLOT.height + 16}" text-anchor="middle">${shownX(value)}</text>`
  );
  const lines = panel.series.map((series, i) => drawSeries(series, i, x, y));
  const legend = panel.series.filter(({ name }) => name !== "").map(({ name }, i) =>
    `<text x="${PLOT.left + PLOT.width}" y="${18 + 12 * i}" text-anchor="end" fill="${
      COLORS[i]
    }">${name}</text>`
  );
  return `<text x="16" y="18" font-weight="600">${panel.title}</text>` +
    [...grid, ...ticks, ...lines, ...legend].join("");
}

type Place = (value: number) => string;

function drawSeries({ points, fit }: Series, index: number, x: Place, y: Place): string {
  const color = COLORS[index];
  const path = (of: (point: readonly [number, number]) => number) =>
    points.map((point) => `${x(point[0])},${y(of(point))}`).join(" ");
  const line = fit === undefined
    ? `<polyline points="${path(([, value]) => value)}" fill="none" stroke="${color}" stroke-width="1.5"/>`
    : `<polyline points="${path(([at]) => fit(at))}" fill="none" stroke="${color}" stroke-dasharray="4 3"/>`;
  const labelOffset = index === 0 ? -8 : 16;
  const marks = points.map(([at, value]) =>
    `<circle cx="${x(at)}" cy="${y(value)}" r="3.5" fill="${color}"/>` +
    `<text x="${x(at)}" y="${shift(y(value), labelOffset)}" text-anchor="middle" fill="${color}">${
      shownValue(value)
    }</text>`
  );
  return line + marks.join("");
}

function place(first: number, last: number, scale: Panel["scale"], from: number, length: number): Place {
  const of = scale === "log" ? Math.log10 : (value: number) => value;
  return (value) => (from + length * (of(value) - of(first)) / (of(last) - of(first) || 1)).toFixed(1);
}

function shift(coordinate: string, by: number): string {
  return (Number(coordinate) + by).toFixed(1);
}

function gridValues(bottom: number, top: number, scale: Panel["scale"]): number[] {
  if (scale === "linear") return [0, top / 2, top];
  const decades = Math.round(Math.log10(top / bottom));
  return Array.from({ length: decades + 1 }, (_, i) => bottom * 10 ** i);
}

/** The next of 1, 2, 5, 10, 20, ... */
function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(value * 1.1));
  return [1, 2, 5, 10].map((step) => step * magnitude).find((step) => step >= value * 1.1)!;
}

function shownValue(value: number): string {
  if (value >= 100 || value === 0) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : `${Number(value.toPrecision(2))}`;
}
