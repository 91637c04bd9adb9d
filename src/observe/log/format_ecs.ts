/**
 * Lines in the Elastic Common Schema (ecs-logging: `@timestamp`, `log.level`, `message`, `ecs.version`, then
 * dotted keys at the top level). Fields without a name there stand under `wraith.`.
 *
 * @module
 */

import type { LogFormat } from "./format_json.ts";
import { boundedFields, MAX_MESSAGE_UNITS } from "./format_json.ts";
import { bounded, escapeDeceptive } from "./hostile_text.ts";
import { LOG_FIELDS, type LogEntry, type LogFieldKey } from "./log_entry.ts";

/** A format for the process `pid`. */
export function ecsFormat(pid: number): LogFormat {
  return (entry, epochMs) => {
    const document: Record<string, unknown> = {
      "@timestamp": new Date(epochMs).toISOString(),
      "log.level": entry.level,
      message: bounded(entry.message, MAX_MESSAGE_UNITS),
      "ecs.version": ECS_VERSION,
      "event.dataset": "wraith.log",
      "event.action": entry.event,
      ...eventClass(entry),
      "service.name": "wraith",
      "process.pid": pid,
    };
    for (const [key, value] of Object.entries(boundedFields(entry.fields))) {
      document[ecsName(key as LogFieldKey)] = value;
    }
    addSourceParts(document, entry.fields.remote_addr);
    return escapeDeceptive(JSON.stringify(document));
  };
}

/** The ECS name of one of our field keys. */
export function ecsName(key: LogFieldKey): string {
  const spec = LOG_FIELDS[key];
  return "ecs" in spec ? spec.ecs : `wraith.${key}`;
}

/** event.kind, event.category, event.type: closed vocabularies of ECS. */
function eventClass({ event, level }: LogEntry): Record<string, unknown> {
  if (event === "security.authentication_failed") {
    return {
      "event.kind": "event",
      "event.category": ["authentication"],
      "event.type": ["denied"],
      "event.outcome": "failure",
    };
  }
  if (event.startsWith("security.")) {
    return { "event.kind": "alert", "event.category": ["intrusion_detection"], "event.type": ["info"] };
  }
  const type = level === "error" ? "error" : EVENT_TYPES[event] ?? "info";
  const category = /^(session|handshake|dht)\./.test(event)
    ? ["network"]
    : event.startsWith("transfer.")
    ? ["file", "network"]
    : event.startsWith("config.")
    ? ["configuration"]
    : ["process"];
  return { "event.kind": "event", "event.category": category, "event.type": [type] };
}

/** source.ip and source.port beside source.address, where the address is a literal one. */
function addSourceParts(document: Record<string, unknown>, remoteAddr: string | undefined): void {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(remoteAddr ?? "");
  if (!match) return;
  document["source.ip"] = match[1] ?? match[2];
  document["source.port"] = Number(match[3]);
}

const ECS_VERSION = "8.11.0";

const EVENT_TYPES: Readonly<Record<string, string>> = {
  "session.established": "connection",
  "session.closed": "end",
  "handshake.started": "start",
  "handshake.failed": "denied",
  "node.started": "start",
  "node.stopped": "end",
  "config.reloaded": "change",
  "identity.created": "creation",
  "transfer.started": "start",
  "transfer.completed": "end",
};
