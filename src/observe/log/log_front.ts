/**
 * What a logging library has to do for us: carry entries to the sink of the log they came from.
 *
 * @module
 */

import type { LogEntry } from "./log_entry.ts";

/** Where entries leave the library again. */
export type EntrySink = (entry: LogEntry, epochMs: number) => void;

/** A way through the logging library that belongs to one log. */
export interface LogFront {
  write(entry: LogEntry, epochMs: number): void;
  /** Takes the sink out of the library. Idempotent. */
  close(): void;
}

/** Opens a way through a library to `sink`. */
export type OpenFront = (sink: EntrySink) => LogFront;
