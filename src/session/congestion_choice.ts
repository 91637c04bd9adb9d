/**
 * The congestion controllers by the names that the configuration gives them.
 *
 * @module
 */

import { seededPrng } from "../entropy.ts";
import { Bbr } from "./bbr.ts";
import type { CongestionFactory } from "./congestion.ts";
import { Cubic } from "./cubic.ts";

/** A maker of `cubic` or `bbr` controllers. `seed` starts the sequence from which probing phases are drawn. */
export function congestionNamed(name: "cubic" | "bbr", seed: number): CongestionFactory {
  if (name === "cubic") return (datagramBytes) => new Cubic(datagramBytes);
  const prng = seededPrng(seed);
  return (datagramBytes) => new Bbr(datagramBytes, prng);
}
