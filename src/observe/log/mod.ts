/**
 * The log: one line for each event somebody should read.
 *
 * @module
 */

export { createLog, type Log, type LogOptions, type LogStats, type SpanLookup } from "./log.ts";
export { LOG_FIELDS, LOG_LEVELS, type LogFieldKey, type LogFields } from "./log_entry.ts";
export { tracedSuite } from "./crypto_trace.ts";
export { type PacketDump, packetDump } from "./packet_dump.ts";
