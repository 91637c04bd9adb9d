/**
 * `wraith log level`: how much the running node logs, and changing it for a while.
 *
 * @module
 */

import { parseDuration } from "../config/units.ts";
import type { LogLevelDocument } from "../node/control_log.ts";
import { LOG_LEVELS } from "../observe/log/log_entry.ts";
import { type Command, EXIT, JSON_OPTION, UsageError } from "./command.ts";
import { connectNode } from "./connect.ts";
import { shownDuration } from "./text_table.ts";

export const logLevel: Command = {
  name: "log level",
  summary: "Say how much the node logs, or change it without a restart",
  details:
    "A level given here holds until the node reads its configuration again (SIGHUP) or restarts; with --for " +
    "it ends by itself.",
  arguments: [{
    name: "LEVEL",
    about: "least severe level to write",
    optional: true,
    choices: [...LOG_LEVELS],
  }],
  options: [JSON_OPTION, { name: "for", value: "DURATION", about: "how long: 10m, 1h" }],
  async run(context) {
    const { args: [level], options, signal, stdout } = context;
    const durationMs = durationOf(options.value("for"), level);
    using node = connectNode(context);
    const document = level === undefined
      ? await node.get<LogLevelDocument>("/v1/log/level", signal)
      : await node.post<LogLevelDocument>("/v1/log/level", { level, duration_ms: durationMs }, signal);
    stdout.write(options.flag("json") ? `${JSON.stringify(document)}\n` : `${shown(document)}\n`);
    return EXIT.success;
  },
};

function durationOf(text: string | undefined, level: string | undefined): number | null {
  if (text === undefined) return null;
  if (level === undefined) throw new UsageError("--for needs a level: wraith log level debug --for 10m");
  const durationMs = parseDuration(text);
  if (durationMs !== null && durationMs > 0) return durationMs;
  throw new UsageError(`--for takes a duration like 10m or 1h, not ${text}`);
}

function shown({ level, configured, remaining_ms }: LogLevelDocument): string {
  if (level === configured) return level;
  if (remaining_ms === null) return `${level} (configured: ${configured})`;
  return `${level} for ${shownDuration(remaining_ms)}, then ${configured}`;
}
