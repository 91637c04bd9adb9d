/**
 * `wraith send`: files to a peer, through the running node or a private one that lives as long as the command.
 *
 * @module
 */

import { resolve } from "node:path";
import { parsePeerAddress } from "../config/peer_address.ts";
import { NodeNotRunningError } from "../node/control_client.ts";
import { sendFiles, type SendRequest } from "../node/send_files.ts";
import type { TransferEvent } from "../node/transfer_documents.ts";
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

export const send: Command = {
  name: "send",
  summary: "Send files or folders to a peer, and wait until it has confirmed them",
  details: "PEER is ed25519:<hex>, or ed25519:<hex>@host:port to say where it is.",
  arguments: [{ name: "PATH", about: "what to send", variadic: true, completes: "files" }],
  options: [{ name: "to", value: "PEER", about: "whom to send it to", required: true }, EVENTS_OPTION],
  async run(context) {
    const peer = parsePeerAddress(context.options.value("to")!);
    if (peer === null) {
      throw new UsageError(
        `--to ${
          context.options.value("to")
        }: expected ed25519:<64 hex digits> or ed25519:<64 hex digits>@host:port`,
      );
    }
    // An empty variable in a script must not send the working directory.
    if (context.args.includes("")) throw new UsageError("send: a path is empty");
    const paths = context.args.map((path) => resolve(context.workingDir, path));
    for (const path of paths) await requireReadable(path);

    const report = new TransferReport(context, {
      success: (result) => `sent ${printable(result.name)} to ${result.peer_id}: ${shownCost(result)}`,
      place: "at the receiver",
      howToResume: "send the same again to resume",
    });
    report.announce(`connecting to ${context.options.value("to")}`);
    try {
      await sendThrough(context, { paths, peer }, (event) => report.take(event));
    } catch (error) {
      report.breakOff();
      throw error;
    }
    return report.conclude();
  },
};

/** Sends through whichever node there is. */
async function sendThrough(
  context: CommandContext,
  request: SendRequest,
  report: (event: TransferEvent) => void,
): Promise<void> {
  using client = connectNode(context);
  const body = { paths: request.paths, to: context.options.value("to") };
  try {
    for await (const event of client.stream<TransferEvent>("/v1/send", body, context.signal)) report(event);
  } catch (error) {
    if (!(error instanceof NodeNotRunningError)) throw error;
    await using node = await startPrivateNode(context);
    await sendFiles(node, request, report, context.signal);
  }
}

/** Says what is wrong with a path before anybody is called. */
async function requireReadable(path: string): Promise<void> {
  try {
    await Deno.stat(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "no such file"
      : error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new CommandError(`cannot send ${path}: ${reason}`, EXIT.failure, { cause: error });
  }
}
