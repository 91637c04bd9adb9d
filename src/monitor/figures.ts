/**
 * Numbers as dashboards word them: rounded, never cut off.
 *
 * @module
 */

/** Bytes with a decimal prefix: `1.2 GB`, `125 MB`. */
export function shownSize(bytes: number): string {
  return scaled(bytes, "B");
}

/** Bits per second: `850 Mbps`. */
export function shownBps(bps: number): string {
  return scaled(bps, "bps");
}

/** The two or three largest units of a duration, whole: `5d 12h 34m`, `12h 34m`, `34m 5s`, `15s`; `0.4s` below 10. */
export function shownSpan(ms: number): string {
  if (ms < 9_950) return `${Number((ms / 1_000).toFixed(1))}s`;
  const seconds = Math.round(ms / 1_000);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3_600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days}d ${hours}h ${minutes}m`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${seconds % 60}s` : `${seconds}s`;
}

/** A count with thousands set apart: `1,523`. */
export function shownCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** Whole percent of `part` in `whole`; 100 only when everything is there. */
export function wholePercent(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.floor(part / whole * 100);
}

/** `1.5 ms`, or a dash for none. */
export function shownLatency(ms: number | null): string {
  if (ms === null) return "-";
  return ms < 1_000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1_000).toPrecision(3))} s`;
}

/** The part of a peer id by which people tell peers apart: `peer:abc123`. */
export function shownPeer(peerId: string): string {
  return `peer:${peerId.replace(/^ed25519:/, "").slice(0, 6)}`;
}

/** One decimal below ten, none above, as in the specification's samples; rounding may reach the next prefix. */
function scaled(value: number, unit: string): string {
  let index = 0;
  let amount = value;
  while (index < PREFIXES.length - 1 && roundedTo(amount) >= 1_000) {
    amount /= 1_000;
    index++;
  }
  return `${roundedTo(amount)} ${PREFIXES[index]}${unit}`;
}

function roundedTo(amount: number): number {
  return amount < 9.95 ? Math.round(amount * 10) / 10 : Math.round(amount);
}

const PREFIXES = ["", "k", "M", "G", "T", "P"];
