/**
 * A row of bars as high as the numbers they stand for.
 *
 * @module
 */

/** The last `width` points; `top` is a full bar. What is above nothing shows, however small. */
export function sparkline(points: readonly number[], width: number, top: number): string {
  return points.slice(-width).map((point) => {
    if (point <= 0 || top <= 0) return BARS[0];
    return BARS[Math.min(BARS.length - 1, Math.max(1, Math.ceil(point / top * (BARS.length - 1))))];
  }).join("");
}

const BARS = " ▁▂▃▄▅▆▇█";
