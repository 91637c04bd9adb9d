/**
 * The specification's line: `timestamp`, `level`, `message`, `fields`, and nothing else.
 *
 * @module
 */

import { bounded, escapeDeceptive } from "./hostile_text.ts";
import type { LogEntry, LogFields } from "./log_entry.ts";

/** Turns an entry into one line, without its newline. */
export type LogFormat = (entry: LogEntry, epochMs: number) => string;

/** The line of `entry` in JSON. */
export function formatJson(entry: LogEntry, epochMs: number): string {
  return escapeDeceptive(JSON.stringify({
    timestamp: new Date(epochMs).toISOString(),
    level: entry.level,
    message: bounded(entry.message, MAX_MESSAGE_UNITS),
    fields: boundedFields(entry.fields),
  }));
}

/** A copy of `fields` whose strings and lists have a limit, so that a line has one. */
export function boundedFields(fields: LogFields): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    safe[key] = boundedValue(value);
  }
  return safe;
}

function boundedValue(value: string | number | readonly string[]): unknown {
  if (typeof value === "string") return bounded(value, MAX_FIELD_UNITS);
  // JSON has no NaN and no infinities; null would change the field's type.
  if (typeof value === "number") return Number.isFinite(value) ? value : 0;
  return value.slice(0, MAX_LIST_ITEMS).map((item) => bounded(item, MAX_FIELD_UNITS));
}

/** Longest message, in UTF-16 units. Ours are short; a notice may quote a peer. */
export const MAX_MESSAGE_UNITS = 1024;
/** Longest text of one field, in UTF-16 units: the longest file name fits, a flooding peer's text does not. */
export const MAX_FIELD_UNITS = 512;
const MAX_LIST_ITEMS = 64;
