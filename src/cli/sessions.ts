/**
 * `wraith sessions`: who this node talks to.
 *
 * @module
 */

import type { SessionsDocument } from "../node/control_status.ts";
import { type Command, EXIT, JSON_OPTION } from "./command.ts";
import { connectNode } from "./connect.ts";
import { type Column, shownBytes, shownDuration, textTable } from "./text_table.ts";

const COLUMNS: readonly Column[] = [
  { heading: "PEER" },
  { heading: "ADDRESS" },
  { heading: "DIRECTION" },
  { heading: "PATH" },
  { heading: "AGE", align: "right" },
  { heading: "RTT", align: "right" },
  { heading: "SENT", align: "right" },
  { heading: "RECEIVED", align: "right" },
  { heading: "LOST", align: "right" },
];

export const sessions: Command = {
  name: "sessions",
  summary: "List established sessions",
  options: [JSON_OPTION],
  async run(context) {
    using node = connectNode(context);
    const document = await node.get<SessionsDocument>("/v1/sessions", context.signal);
    if (context.options.flag("json")) {
      context.stdout.write(`${JSON.stringify(document)}\n`);
      return EXIT.success;
    }
    const rows = document.sessions.map((session) => [
      session.peer_id,
      session.remote_addr,
      session.direction,
      session.path,
      shownDuration(context.clock.epochMs() - Date.parse(session.established_at)),
      shownDuration(session.rtt_ms),
      shownBytes(session.bytes_sent),
      shownBytes(session.bytes_received),
      String(session.packets_lost),
    ]);
    context.stdout.write(textTable(COLUMNS, rows));
    return EXIT.success;
  },
};
