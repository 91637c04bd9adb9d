/**
 * What one log line says, before any format: level, message, and fields out of a closed, typed set.
 *
 * Elasticsearch rejects a document whose field changes its type and stops at a thousand fields, so the set
 * of keys is closed here, each with one type for ever. {@link LOG_FIELDS} is that set; docs/logging.md
 * and the ECS format are built from it.
 *
 * @module
 */

import type { LogLevel } from "../../config/config.ts";
import type { NodeEvent } from "../events.ts";

/** One line to be. */
export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
  /** What the line is about: the event's type, or `packet` and `crypto` for what is no event. */
  readonly event: NodeEvent["type"] | "packet" | "crypto" | "log";
}

type FieldType = "string" | "number" | "strings";

interface FieldSpec {
  readonly type: FieldType;
  /** Its name in the Elastic Common Schema; absent: `wraith.<key>`. */
  readonly ecs?: string;
}

/** Every key that `fields` may hold, with the type of its value. */
export const LOG_FIELDS = {
  peer_id: { type: "string" },
  remote_addr: { type: "string", ecs: "source.address" },
  handshake_duration_ms: { type: "number" },
  reason: { type: "string", ecs: "event.reason" },
  attempt_count: { type: "number" },
  error_type: { type: "string", ecs: "error.type" },
  component: { type: "string" },
  direction: { type: "string", ecs: "network.direction" },
  session_id: { type: "number" },
  handshake_id: { type: "number" },
  path: { type: "string" },
  agent: { type: "string" },
  end: { type: "string" },
  close_code: { type: "string" },
  duration_ms: { type: "number" },
  bytes_sent: { type: "number" },
  bytes_received: { type: "number" },
  key_epoch: { type: "number" },
  from_addr: { type: "string" },
  to_addr: { type: "string" },
  state: { type: "string" },
  detail: { type: "string" },
  packets: { type: "number" },
  transfer_id: { type: "string" },
  name: { type: "string" },
  files: { type: "number" },
  bytes_total: { type: "number" },
  bytes_done: { type: "number" },
  bytes_resumed: { type: "number" },
  bytes_transferred: { type: "number" },
  chunks_done: { type: "number" },
  file: { type: "string", ecs: "file.path" },
  chunk: { type: "number" },
  peers: { type: "number" },
  lookup_id: { type: "number" },
  lookup_kind: { type: "string" },
  target: { type: "string" },
  hops: { type: "number" },
  rpcs: { type: "number" },
  rpc: { type: "string" },
  result: { type: "string" },
  refused: { type: "string" },
  detector: { type: "string", ecs: "rule.name" },
  source: { type: "string" },
  observed: { type: "number" },
  threshold: { type: "number" },
  ban_duration_ms: { type: "number" },
  listen: { type: "string" },
  version: { type: "string", ecs: "service.version" },
  crypto: { type: "string" },
  sockets: { type: "string" },
  cause: { type: "string" },
  uptime_ms: { type: "number" },
  applied: { type: "strings" },
  need_restart: { type: "strings" },
  action: { type: "string" },
  outcome: { type: "string", ecs: "event.outcome" },
  output: { type: "string", ecs: "log.file.path" },
  outage_ms: { type: "number" },
  lines_dropped: { type: "number" },
  held_back: { type: "number" },
  held_back_event: { type: "string" },
  packet_type: { type: "string" },
  packet_number: { type: "number" },
  receiver_index: { type: "number" },
  packet_bytes: { type: "number" },
  packet_hex: { type: "string" },
  operation: { type: "string" },
  input_bytes: { type: "number" },
  trace_id: { type: "string", ecs: "trace.id" },
  span_id: { type: "string", ecs: "span.id" },
} as const satisfies Readonly<Record<string, FieldSpec>>;

export type LogFieldKey = keyof typeof LOG_FIELDS;

interface FieldValues {
  readonly string: string;
  readonly number: number;
  readonly strings: readonly string[];
}

/** `fields` of a line. An undefined value is left out of the line. */
export type LogFields = {
  readonly [K in LogFieldKey]?: FieldValues[typeof LOG_FIELDS[K]["type"]] | undefined;
};

/** From least to most talkative. */
export const LOG_LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

/** Place of `level` in {@link LOG_LEVELS}: a line is written when its rank is at most the log's. */
export function levelRank(level: LogLevel): number {
  return LEVEL_RANKS[level];
}

const LEVEL_RANKS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3, trace: 4 };
