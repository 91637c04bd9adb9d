/**
 * `wraith get`: fetches what others share, through the running node or a private one that lives as long as the
 * command.
 *
 * @module
 */

import { resolve } from "node:path";
import { parsePeerAddress } from "../config/peer_address.ts";
import { NodeNotRunningError } from "../node/control_client.ts";
import { type GetRequest, getShare } from "../node/get_share.ts";
import type { TransferEvent } from "../node/transfer_documents.ts";
import { parseLink } from "../transfer/mod.ts";
import {
  type Command,
  type CommandContext,
  CommandError,
  EVENTS_OPTION,
  EXIT,
  UsageError,
} from "./command.ts";
import { connectNode } from "./connect.ts";
import { startPrivateNode } from "./private_node.ts";
import { printable } from "./text_table.ts";
import { shownCost, TransferReport } from "./transfer_report.ts";

export const get: Command = {
  name: "get",
  summary: "Fetch a share from every provider found",
  details: "Providers come from the DHT. --from names one to ask as well: ed25519:<hex>@host:port.",
  arguments: [{ name: "LINK", about: "wraith:<64 hex digits>" }],
  options: [
    { name: "output", short: "o", value: "DIR", about: "where to put it (.)", completes: "directories" },
    { name: "from", value: "PEER", about: "a peer that has it", repeatable: true },
    EVENTS_OPTION,
  ],
  async run(context) {
    const request = await requestOf(context);
    const report = new TransferReport(context, {
      success: (result) => `got ${printable(result.name)}: ${shownCost(result)}`,
      place: "here",
      howToResume: "get it again to resume",
    });
    report.announce("looking for providers");
    try {
      await getThrough(context, request, (event) => report.take(event));
    } catch (error) {
      report.breakOff();
      throw error;
    }
    return report.conclude();
  },
};

async function requestOf(context: CommandContext): Promise<GetRequest> {
  const [link] = context.args;
  const root = parseLink(link);
  if (root === null) throw new UsageError(`get: ${link} is no link: expected wraith:<64 hex digits>`);
  const from = context.options.all("from").map((text) => {
    const peer = parsePeerAddress(text);
    if (peer !== null) return peer;
    throw new UsageError(
      `--from ${text}: expected ed25519:<64 hex digits> or ed25519:<64 hex digits>@host:port`,
    );
  });
  const outputDir = resolve(context.workingDir, context.options.value("output") ?? ".");
  try {
    await Deno.mkdir(outputDir, { recursive: true });
  } catch (error) {
    throw new CommandError(
      `cannot write to ${outputDir}: ${error instanceof Error ? error.message : error}`,
      EXIT.failure,
      { cause: error },
    );
  }
  return { root, outputDir, from };
}

/** Fetches through whichever node there is. */
async function getThrough(
  context: CommandContext,
  request: GetRequest,
  report: (event: TransferEvent) => void,
): Promise<void> {
  using client = connectNode(context);
  const body = { link: context.args[0], output: request.outputDir, from: context.options.all("from") };
  try {
    for await (const event of client.stream<TransferEvent>("/v1/get", body, context.signal)) report(event);
  } catch (error) {
    if (!(error instanceof NodeNotRunningError)) throw error;
    await using node = await startPrivateNode(context);
    await getShare(node.shares, request, report, context.signal);
  }
}
