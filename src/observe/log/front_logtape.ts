/**
 * LogTape as the way from entry to sink. Its configuration is one per process, ours is one per node: so the
 * process gets one dispatching sink, and each log a category of its own below `wraith`.
 *
 * What other libraries say through LogTape has no node to belong to and goes nowhere: a node's log holds
 * that node's events and nothing else.
 *
 * @module
 */

import { configureSync, getLogger, type LogLevel as LogtapeLevel, type LogRecord } from "@logtape/logtape";
import type { LogLevel } from "../../config/config.ts";
import type { LogEntry } from "./log_entry.ts";
import type { EntrySink, LogFront, OpenFront } from "./log_front.ts";

/** A front under a category of its own. */
export const openLogtapeFront: OpenFront = (sink: EntrySink): LogFront => {
  configureOnce();
  const id = String(nextId++);
  sinks.set(id, sink);
  const logger = getLogger([ROOT, id]);
  return {
    write(entry, epochMs) {
      logger.emit({
        level: LOGTAPE_LEVELS[entry.level],
        timestamp: epochMs,
        message: [entry.message],
        rawMessage: entry.message,
        properties: { entry },
      });
    },
    close() {
      sinks.delete(id);
    },
  };
};

/** The entry travels whole: taking it apart into properties and together again would buy nothing. */
function dispatch(record: LogRecord): void {
  const sink = sinks.get(record.category[1]);
  sink?.(record.properties.entry as LogEntry, record.timestamp);
}

function configureOnce(): void {
  if (configured) return;
  configured = true;
  configureSync({
    sinks: { dispatch },
    loggers: [
      { category: ROOT, sinks: ["dispatch"], lowestLevel: "trace" },
      // LogTape's own diagnostics would otherwise go to the console, between the lines of the log.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
}

const ROOT = "wraith";
const sinks = new Map<string, EntrySink>();
let nextId = 1;
let configured = false;

const LOGTAPE_LEVELS: Readonly<Record<LogLevel, LogtapeLevel>> = {
  error: "error",
  warn: "warning",
  info: "info",
  debug: "debug",
  trace: "trace",
};
