/**
 * The congestion controllers by the names that the configuration gives them.
 *
 * @module
 */

import type { Prng } from "../entropy.ts";
import { Bbr } from "./bbr.ts";
import type { CongestionFactory } from "./congestion.ts";
import { Cubic } from "./cubic.ts";

/** A maker of `cubic` or `bbr` controllers. `prng` spreads the probing phases of flows. */
export function congestionNamed(name: "cubic" | "bbr", prng: Prng): CongestionFactory {
  return name === "cubic"
    ? (datagramBytes) => new Cubic(datagramBytes)
    : (datagramBytes) => new Bbr(datagramBytes, prng);
}
