/**
 * Control routes about transfers: list, pause, resume, cancel, send.
 *
 * @module
 */

import { isAbsolute } from "node:path";
import { parsePeerAddress } from "../config/peer_address.ts";
import type { EmitEvent } from "../observe/events.ts";
import type { TransferHandle } from "../transfer/mod.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";
import { streamEvents } from "./control_stream.ts";
import { sendFiles, type SendingNode, type SendRequest } from "./send_files.ts";
import { transferDocument, type TransfersDocument } from "./transfer_documents.ts";

/** What a person can do to a transfer under way. */
const ACTIONS: Readonly<Record<string, (handle: TransferHandle) => boolean>> = {
  pause: (handle) => handle.pause(),
  resume: (handle) => handle.resume(),
  cancel: (handle) => handle.cancel(),
};

export function transferRoutes(node: SendingNode, emit: EmitEvent): ControlRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/transfers",
      handle: () => {
        const transfers = node.transfers.transfers(MAX_LISTED).map(transferDocument);
        return Response.json({ transfers } satisfies TransfersDocument);
      },
    },
    {
      method: "POST",
      path: "/v1/send",
      handle: async (request) => {
        const wanted = sendRequestOf(await request.json());
        emit({
          type: "control.action",
          action: "send",
          outcome: "success",
          detail: `${wanted.paths.length} paths to ${wanted.peer.peerId}`,
        });
        return streamEvents(
          request,
          (report, signal) => sendFiles(node, wanted, (event) => report({ ...event }), signal),
        );
      },
    },
    ...Object.entries(ACTIONS).map(([name, act]): ControlRoute => ({
      method: "POST",
      path: `/v1/transfers/:id/${name}`,
      handle: ({ params }) => {
        const handle = node.transfers.find(params.id ?? "");
        if (handle === null) {
          throw new ControlError(
            404,
            "no_such_transfer",
            `no single transfer under way begins with ${params.id}`,
          );
        }
        const done = act(handle);
        emit({
          type: "control.action",
          action: `${name} transfer`,
          outcome: done ? "success" : "failure",
          detail: handle.id,
        });
        if (!done) {
          const { state } = handle.snapshot();
          throw new ControlError(409, "wrong_state", `cannot ${name} transfer ${handle.id}: it is ${state}`);
        }
        return Response.json(transferDocument(handle.snapshot()));
      },
    })),
  ];
}

function sendRequestOf(body: Readonly<Record<string, unknown>>): SendRequest {
  const { paths, to } = body;
  const isPath = (path: unknown): path is string => typeof path === "string" && isAbsolute(path);
  if (!Array.isArray(paths) || paths.length === 0 || !paths.every(isPath)) {
    throw new ControlError(400, "bad_request", "paths: expected a list of absolute paths");
  }
  const peer = typeof to === "string" ? parsePeerAddress(to) : null;
  if (peer === null) {
    throw new ControlError(
      400,
      "bad_request",
      "to: expected ed25519:<64 hex digits> or ed25519:<...>@host:port",
    );
  }
  return { paths, peer };
}

const MAX_LISTED = 200;
