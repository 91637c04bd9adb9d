/**
 * Time as the sans-IO core sees it: an argument, never a lookup.
 *
 * @module
 */

declare const unit: unique symbol;

/**
 * Monotonic milliseconds from an arbitrary origin, with a fractional part. Never a calendar time: two
 * instants of one clock may be subtracted, nothing else about the value means anything.
 */
export type Instant = number & { readonly [unit]: "instant" };

/** The edge's source of time. The core never holds one; it is handed the instant of each turn. */
export interface Clock {
  /** Monotonic time, for every deadline and every duration. */
  now(): Instant;
  /** Calendar time in milliseconds since the Unix epoch, for what people and records read. May jump. */
  epochMs(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => performance.now() as Instant,
  epochMs: () => Date.now(),
};

/** `base` moved by `deltaMs` milliseconds (negative moves it back). */
export function later(base: Instant, deltaMs: number): Instant {
  return (base + deltaMs) as Instant;
}
