/**
 * What measurements come to: quantiles, and straight lines through them.
 *
 * @module
 */

/** The smallest of the values that at least the share `share` (0 to 1) of them does not exceed; NaN of none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? NaN : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** The middle value, the lower of two. */
export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/** The item in the middle by what `of` makes of it. */
export function medianBy<T>(items: readonly T[], of: (item: T) => number): T {
  return items.toSorted((a, b) => of(a) - of(b))[(items.length - 1) >> 1];
}

/** A straight line through measurements. */
export interface LinearFit {
  /** y at x = 0. */
  readonly intercept: number;
  /** y for one more x. */
  readonly slope: number;
  /** The largest distance of a measurement from the line, as a share of the measurement. */
  readonly worstError: number;
}

/**
 * The line that fits best when an error counts in proportion to the value it belongs to: sizes from a mebibyte to
 * gibibytes weigh the same. Needs two different x and values above 0.
 */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): LinearFit {
  let w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (const [x, y] of points) {
    const weight = 1 / (y * y);
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
  }
  const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  const intercept = (wy - slope * wx) / w;
  const errors = points.map(([x, y]) => Math.abs(intercept + slope * x - y) / y);
  return { intercept, slope, worstError: Math.max(...errors) };
}
