/**
 * Two curves over time as an SVG file.
 */

const WIDTH = 900;
const HEIGHT = 360;
const LEFT = 70;
const RIGHT = 70;
const TOP = 36;
const BOTTOM = 40;

/** The congestion window (left scale, KiB) and the goodput (right scale, Mbit/s) over time. */
export function plotTrace(
  title: string,
  samples: { timesMs: readonly number[]; windowBytes: readonly number[]; rateBytesPerMs: readonly number[] },
): string {
  const endMs = samples.timesMs[samples.timesMs.length - 1];
  const windows = samples.windowBytes.map((bytes) => bytes / 1024);
  const rates = samples.rateBytesPerMs.map((rate) => rate / 125);
  const windowTop = niceTop(Math.max(...windows));
  const rateTop = niceTop(Math.max(...rates));
  const x = (ms: number) => LEFT + (ms / endMs) * (WIDTH - LEFT - RIGHT);
  const y = (share: number) => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
  const curve = (values: readonly number[], top: number, color: string) => {
    const points = values.map((value, i) =>
      `${x(samples.timesMs[i]).toFixed(1)},${y(value / top).toFixed(1)}`
    );
    return `<polyline fill="none" stroke="${color}" stroke-width="1.3" points="${points.join(" ")}"/>`;
  };
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(WIDTH / 2, 20, "middle", "#222222", title),
  ];
  for (let i = 0; i <= 4; i++) {
    const at = y(i / 4);
    lines.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#dddddd"/>`,
      text(LEFT - 6, at + 4, "end", "#1f5fa8", `${(windowTop * i) / 4} KiB`),
      text(WIDTH - RIGHT + 6, at + 4, "start", "#b3541e", `${(rateTop * i) / 4} Mbit/s`),
    );
  }
  for (let second = 0; second <= endMs / 1000; second += 2) {
    lines.push(text(x(second * 1000), HEIGHT - BOTTOM + 18, "middle", "#444444", `${second} s`));
  }
  lines.push(curve(rates, rateTop, "#b3541e"), curve(windows, windowTop, "#1f5fa8"), "</svg>", "");
  return lines.join("\n");
}

function text(x: number, y: number, anchor: string, color: string, content: string): string {
  return `<text x="${x.toFixed(1)}" y="${
    y.toFixed(1)
  }" text-anchor="${anchor}" fill="${color}">${content}</text>`;
}

/** The smallest 1, 2, 4 or 8 times a power of ten that is not below `value`. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].map((factor) => factor * power).find((top) => top >= value)!;
}
