/**
 * Rows for people: columns as wide as they need to be.
 *
 * @module
 */

/** A column: its heading, and which way its cells are pushed. */
export interface Column {
  readonly heading: string;
  readonly align?: "left" | "right";
}

/** The table as lines, each ended by a line feed; the heading too when there are no rows. */
export function textTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = [columns.map((column) => column.heading), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, index) =>
      columns[index].align === "right" ? cell.padStart(widths[index]) : cell.padEnd(widths[index])
    ).join("  ").trimEnd();
  return cells.map((row) => `${line(row)}\n`).join("");
}

/** What peers chose (names, agents) must not move the cursor or hide itself. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

/** Bytes as people read them: `1.2 GB`. */
export function shownBytes(bytes: number): string {
  return scaled(bytes, "B");
}

/** Bytes per second as bits per second: `850 Mbit/s`. */
export function shownRate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond * 8, "bit/s");
}

/** Milliseconds as people read them: `1.5 ms`, `42 s`, `3m 5s`, `2h 10m`, `5d 12h`. */
export function shownDuration(ms: number): string {
  if (ms < 1_000) return `${Number(ms.toPrecision(3))} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toPrecision(3))} s`;
  const units = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "m"], [1_000, "s"]] as const;
  const first = units.findIndex(([size]) => ms >= size);
  const [[large, largeName], [small, smallName]] = units.slice(first, first + 2);
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${largeName}${rest > 0 ? ` ${rest}${smallName}` : ""}`;
}

function scaled(value: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T", "P"];
  const index = value < 1 ? 0 : Math.min(prefixes.length - 1, Math.floor(Math.log10(value) / 3));
  return `${Number((value / 1000 ** index).toPrecision(3))} ${prefixes[index]}${unit}`;
}
