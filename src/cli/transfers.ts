/**
 * `wraith transfers`: what is on its way, and what a person can do about it.
 *
 * @module
 */

import type { TransferDocument, TransfersDocument } from "../node/transfer_documents.ts";
import {
  type Command,
  type CommandContext,
  EXIT,
  type ExitCode,
  JSON_OPTION,
  UsageError,
} from "./command.ts";
import { connectNode } from "./connect.ts";
import { type Column, shownBytes, shownDuration, textTable } from "./text_table.ts";

export const transfers: Command = {
  name: "transfers",
  summary: "List transfers, or pause, resume or cancel one",
  details: "ID may be the beginning of a transfer's id, as long as it is only one's.",
  arguments: [
    {
      name: "ACTION",
      about: "list by default",
      optional: true,
      choices: ["list", "pause", "resume", "cancel"],
    },
    { name: "ID", about: "which transfer", optional: true },
  ],
  options: [JSON_OPTION],
  async run(context) {
    const [action = "list", id] = context.args;
    if (action === "list") return await list(context);
    if (id === undefined) throw new UsageError(`transfers ${action}: expected the id of a transfer`);
    return await act(context, action, id);
  },
};

const COLUMNS: readonly Column[] = [
  { heading: "ID" },
  { heading: "DIRECTION" },
  { heading: "STATE" },
  { heading: "DONE", align: "right" },
  { heading: "SIZE", align: "right" },
  { heading: "RATE", align: "right" },
  { heading: "TIME", align: "right" },
  { heading: "PEER" },
  { heading: "NAME" },
];

async function list(context: CommandContext): Promise<ExitCode> {
  using node = connectNode(context);
  const document = await node.get<TransfersDocument>("/v1/transfers", context.signal);
  context.stdout.write(
    context.options.flag("json")
      ? `${JSON.stringify(document)}\n`
      : textTable(COLUMNS, document.transfers.map(rowOf)),
  );
  return EXIT.success;
}

async function act(context: CommandContext, action: string, id: string): Promise<ExitCode> {
  using node = connectNode(context);
  const path = `/v1/transfers/${encodeURIComponent(id)}/${action}`;
  const document = await node.post<TransferDocument>(path, {}, context.signal);
  context.stdout.write(
    context.options.flag("json")
      ? `${JSON.stringify(document)}\n`
      : `${document.transfer_id} ${document.state}\n`,
  );
  return EXIT.success;
}

function rowOf(transfer: TransferDocument): string[] {
  const { bytes_done: done, bytes_total: total } = transfer;
  return [
    transfer.transfer_id.slice(0, 8),
    transfer.direction,
    transfer.reason ?? transfer.state,
    total === 0 ? "-" : `${Math.floor(done / total * 100)}%`,
    shownBytes(total),
    `${shownBytes(transfer.bytes_per_second)}/s`,
    shownDuration(transfer.duration_ms),
    `${transfer.peer_id.slice(0, 16)}...`,
    transfer.name,
  ];
}
