/**
 * `wraith status`: what the running node is and where it listens.
 *
 * @module
 */

import type { StatusDocument } from "../node/control_status.ts";
import { type Command, EXIT, JSON_OPTION } from "./command.ts";
import { connectNode } from "./connect.ts";
import { shownDuration } from "./text_table.ts";

export const status: Command = {
  name: "status",
  summary: "Say what the running node is and where it listens",
  options: [JSON_OPTION],
  async run(context) {
    using node = connectNode(context);
    const document = await node.get<StatusDocument>("/v1/status", context.signal);
    const uptimeMs = context.clock.epochMs() - Date.parse(document.started_at);
    context.stdout.write(
      context.options.flag("json") ? `${JSON.stringify(document)}\n` : describe(document, uptimeMs),
    );
    return EXIT.success;
  },
};

function describe(document: StatusDocument, uptimeMs: number): string {
  const rows: readonly [string, string][] = [
    ["peer id", document.peer_id],
    ["nickname", document.nickname || "-"],
    ["listening", `udp ${document.listen}`],
    ["monitoring", document.monitoring_url ?? "off"],
    ["state", `${document.phase} for ${shownDuration(uptimeMs)}, pid ${document.pid}`],
    ["sessions", String(document.sessions)],
    ["crypto", document.crypto],
    ["sockets", document.sockets],
    ["version", `${document.version} (${document.revision}, ${document.runtime})`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join("");
}
