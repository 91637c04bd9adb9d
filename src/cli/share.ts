/**
 * `wraith share`: files and folders for whoever has the link.
 *
 * @module
 */

import { resolve } from "node:path";
import type { ShareDocument, SharesDocument } from "../node/control_shares.ts";
import { parseLink } from "../transfer/mod.ts";
import {
  type Command,
  type CommandContext,
  EXIT,
  type ExitCode,
  JSON_OPTION,
  UsageError,
} from "./command.ts";
import { connectNode } from "./connect.ts";
import { type Column, printable, shownBytes, textTable } from "./text_table.ts";

export const share: Command = {
  name: "share",
  summary: "Share files or folders by link, list what is shared, or stop sharing",
  details: "The running node announces each PATH in the DHT and serves it to everybody who has the link. " +
    "Without PATH it lists what is shared. A file that changes afterwards is served no more: share it again.",
  arguments: [{ name: "PATH", about: "what to share", optional: true, variadic: true, completes: "files" }],
  options: [{ name: "stop", value: "LINK", about: "stop sharing this" }, JSON_OPTION],
  async run(context) {
    const stopped = context.options.value("stop");
    if (stopped !== undefined) return await stop(context, stopped);
    if (context.args.length === 0) return await list(context);
    // An empty variable in a script must not share the working directory.
    if (context.args.includes("")) throw new UsageError("share: a path is empty");
    using node = connectNode(context);
    const body = { paths: context.args.map((path) => resolve(context.workingDir, path)) };
    for await (const document of node.stream<ShareDocument>("/v1/share", body, context.signal)) {
      const line = context.options.flag("json") ? JSON.stringify(document) : document.link;
      context.stdout.write(`${line}\n`);
    }
    return EXIT.success;
  },
};

const COLUMNS: readonly Column[] = [
  { heading: "LINK" },
  { heading: "FILES", align: "right" },
  { heading: "SIZE", align: "right" },
  { heading: "NAME" },
];

async function list(context: CommandContext): Promise<ExitCode> {
  using node = connectNode(context);
  const document = await node.get<SharesDocument>("/v1/shares", context.signal);
  context.stdout.write(
    context.options.flag("json") ? `${JSON.stringify(document)}\n` : textTable(
      COLUMNS,
      document.shares.map((each) => [
        each.link,
        String(each.files),
        shownBytes(each.bytes),
        printable(each.name),
      ]),
    ),
  );
  return EXIT.success;
}

async function stop(context: CommandContext, link: string): Promise<ExitCode> {
  if (parseLink(link) === null) throw new UsageError(`--stop ${link}: expected wraith:<64 hex digits>`);
  using node = connectNode(context);
  await node.post("/v1/unshare", { link }, context.signal);
  return EXIT.success;
}
