/**
 * How long a round trip between two simulated hosts takes.
 *
 * The shape is measured: round-trip times from CAIDA's Ark monitor dtw2-us to all destinations that answered
 * (10th, 25th, 50th, 75th and 90th percentile 27.081, 56.742, 113.288, 156.681 and 232.085 ms,
 * caida.org/projects/ark/statistics/dtw2-us/dest_rtt_ccdf_v6.html), with the tail of Valadão, Guedes and Duarte's
 * 550 million measurements between PlanetLab hosts (99 % below 500 ms, arXiv:1202.2153). All of it is scaled to
 * the median asked for.
 *
 * @module
 */

/** The round trip between hosts `a` and `b` in milliseconds: the same for the same seed, and both ways. */
export function roundTripMs(seed: number, medianMs: number, a: number, b: number): number {
  const share = hash(seed, Math.min(a, b), Math.max(a, b)) / 0x1_0000_0000;
  return quantile(share) * (medianMs / MEASURED_MEDIAN_MS);
}

/** The measured round trip that the share `share` of all stays below: straight lines between the percentiles. */
export function quantile(share: number): number {
  let i = 1;
  while (PERCENTILES[i][0] < share) i++;
  const [fromShare, fromMs] = PERCENTILES[i - 1];
  const [toShare, toMs] = PERCENTILES[i];
  return fromMs + (toMs - fromMs) * (share - fromShare) / (toShare - fromShare);
}

/** Mixes three integers into 32 bits (the finalizer of MurmurHash3). */
export function hash(a: number, b: number, c: number): number {
  let mixed = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35) ^
    Math.imul(c + 0x165667b1, 0x27d4eb2f);
  mixed ^= mixed >>> 16;
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

const MEASURED_MEDIAN_MS = 113.288;
const PERCENTILES: readonly (readonly [share: number, ms: number])[] = [
  [0, 5],
  [0.1, 27.081],
  [0.25, 56.742],
  [0.5, 113.288],
  [0.75, 156.681],
  [0.9, 232.085],
  [0.99, 500],
  [1, 1000],
];
