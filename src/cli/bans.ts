/**
 * `wraith bans`: who is shut out, by a detector or by hand.
 *
 * @module
 */

import { parseDuration } from "../config/units.ts";
import type { BansDocument } from "../node/control_bans.ts";
import {
  type Command,
  type CommandContext,
  EXIT,
  type ExitCode,
  JSON_OPTION,
  UsageError,
} from "./command.ts";
import { connectNode } from "./connect.ts";
import { type Column, shownDuration, textTable } from "./text_table.ts";

const COLUMNS: readonly Column[] = [
  { heading: "SOURCE" },
  { heading: "CAUSE" },
  { heading: "ENDS IN", align: "right" },
];
const SOURCE = { name: "SOURCE", about: "an IPv4 address, or an IPv6 address for its /64" };

export const bansList: Command = {
  name: "bans list",
  isDefault: true,
  summary: "List the sources that are shut out",
  options: [JSON_OPTION],
  async run(context) {
    using node = connectNode(context);
    return show(context, await node.get<BansDocument>("/v1/bans", context.signal));
  },
};

export const bansAdd: Command = {
  name: "bans add",
  summary: "Shut a source out for a time",
  arguments: [SOURCE],
  options: [JSON_OPTION, { name: "for", value: "DURATION", about: "how long: 10m, 1h, 7d (1h)" }],
  async run(context) {
    const text = context.options.value("for") ?? "1h";
    const durationMs = parseDuration(text);
    if (durationMs === null || durationMs === 0) {
      throw new UsageError(`--for takes a duration like 10m or 1h, not ${text}`);
    }
    using node = connectNode(context);
    const body = { source: context.args[0], duration_ms: durationMs };
    return show(context, await node.post<BansDocument>("/v1/bans", body, context.signal));
  },
};

export const bansLift: Command = {
  name: "bans lift",
  summary: "Let a source in again",
  arguments: [SOURCE],
  options: [JSON_OPTION],
  async run(context) {
    using node = connectNode(context);
    const body = { source: context.args[0] };
    return show(context, await node.post<BansDocument>("/v1/bans/lift", body, context.signal));
  },
};

function show(context: CommandContext, document: BansDocument): ExitCode {
  if (context.options.flag("json")) context.stdout.write(`${JSON.stringify(document)}\n`);
  else {
    const rows = document.bans.map((ban) => [ban.source, ban.cause, shownDuration(ban.remaining_ms)]);
    context.stdout.write(textTable(COLUMNS, rows));
  }
  return EXIT.success;
}
