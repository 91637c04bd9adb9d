/**
 * Every event's line.
 *
 * @module
 */

import type { LogLevel } from "../../config/config.ts";
import type { NodeEvent } from "../events.ts";
import { DHT_DESCRIPTIONS } from "./describe_dht.ts";
import { NODE_DESCRIPTIONS } from "./describe_node.ts";
import { SECURITY_DESCRIPTIONS } from "./describe_security.ts";
import { SESSION_DESCRIPTIONS } from "./describe_session.ts";
import { TRANSFER_DESCRIPTIONS } from "./describe_transfer.ts";
import type { Description, Descriptions } from "./description.ts";
import type { LogEntry } from "./log_entry.ts";

const DESCRIPTIONS: Descriptions<NodeEvent["type"]> = {
  ...NODE_DESCRIPTIONS,
  ...SESSION_DESCRIPTIONS,
  ...TRANSFER_DESCRIPTIONS,
  ...DHT_DESCRIPTIONS,
  ...SECURITY_DESCRIPTIONS,
};

/** Every event type there is, in the order of the tables. */
export const EVENT_TYPES = Object.keys(DESCRIPTIONS) as readonly NodeEvent["type"][];

/** The level of `event`'s line: cheap, so that a line nobody wants costs a lookup and no more. */
export function levelOf(event: NodeEvent): LogLevel {
  const { level } = descriptionOf(event);
  return typeof level === "function" ? level(event) : level;
}

/** What `event`'s line says. Values are as they came: the format escapes and bounds them. */
export function describe(event: NodeEvent): LogEntry {
  const { message, fields } = descriptionOf(event);
  return {
    event: event.type,
    level: levelOf(event),
    message: typeof message === "function" ? message(event) : message,
    fields: fields(event),
  };
}

/** The table ties type and description together; the compiler cannot follow that through a lookup. */
function descriptionOf(event: NodeEvent): Description<NodeEvent> {
  return DESCRIPTIONS[event.type] as unknown as Description<NodeEvent>;
}
