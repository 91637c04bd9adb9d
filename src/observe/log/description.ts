/**
 * How an event becomes a line: the shape of the tables in `describe_*.ts`, one for each family of events.
 *
 * @module
 */

import type { LogLevel } from "../../config/config.ts";
import type { NodeEvent } from "../events.ts";
import type { LogFields } from "./log_entry.ts";

/** The event of type `T`, also where one interface serves several types. */
export type EventOf<T extends NodeEvent["type"], E extends NodeEvent = NodeEvent> = E extends
  { readonly type: infer U } ? (T extends U ? E : never) : never;

/** Level, message and fields of one kind of event. */
export interface Description<E> {
  readonly level: LogLevel | ((event: E) => LogLevel);
  readonly message: string | ((event: E) => string);
  readonly fields: (event: E) => LogFields;
}

/** A description for each of the event types `T`: the compiler misses none. */
export type Descriptions<T extends NodeEvent["type"]> = {
  readonly [K in T]: Description<EventOf<K>>;
};

/** `ms` to the microsecond: more digits are noise in a log. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
