/**
 * Durations and sizes as people write them: `15s`, `2m`, `100MB` (10^6), `64MiB` (2^20).
 *
 * @module
 */

const DURATION_UNITS_MS: ReadonlyMap<string, number> = new Map([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
]);

const SIZE_UNITS_BYTES: ReadonlyMap<string, number> = new Map([
  ["TiB", 2 ** 40],
  ["TB", 1e12],
  ["GiB", 2 ** 30],
  ["GB", 1e9],
  ["MiB", 2 ** 20],
  ["MB", 1e6],
  ["KiB", 2 ** 10],
  ["kB", 1e3],
  ["KB", 1e3],
  ["B", 1],
]);

/** Milliseconds of a duration such as `250ms`, `1.5s` or `7d`; null when it is none. `0` needs no unit. */
export function parseDuration(text: string): number | null {
  return parseQuantity(text, DURATION_UNITS_MS, false);
}

/** Bytes of a size such as `100MB`, `1.5GiB` or plain `4096`; null when it is none. */
export function parseSize(text: string): number | null {
  return parseQuantity(text, SIZE_UNITS_BYTES, true);
}

/** The shortest exact spelling that {@link parseDuration} reads back: `90s`, `2m`. */
export function formatDuration(ms: number): string {
  return formatQuantity(ms, DURATION_UNITS_MS, "ms");
}

/** The shortest exact spelling that {@link parseSize} reads back: `100MB`, `64MiB`. */
export function formatSize(bytes: number): string {
  return formatQuantity(bytes, SIZE_UNITS_BYTES, "B");
}

function parseQuantity(text: string, units: ReadonlyMap<string, number>, bare: boolean): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)([a-zA-Z]*)$/.exec(text);
  if (!match) return null;
  const amount = Number(match[1]);
  const unit = match[2] === "" ? (bare || amount === 0 ? 1 : undefined) : units.get(match[2]);
  if (unit === undefined) return null;
  const quantity = amount * unit;
  return Number.isSafeInteger(quantity) ? quantity : null;
}

function formatQuantity(quantity: number, units: ReadonlyMap<string, number>, smallest: string): string {
  if (quantity === 0) return "0";
  const spellings = [...units]
    .filter(([, size]) => quantity % size === 0)
    .map(([unit, size]) => `${quantity / size}${unit}`);
  spellings.push(`${quantity}${smallest}`);
  return spellings.reduce((best, spelling) => spelling.length < best.length ? spelling : best);
}
