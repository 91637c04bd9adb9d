/**
 * Control routes about shares: list, share, stop sharing, get.
 *
 * @module
 */

import { isAbsolute } from "node:path";
import { parsePeerAddress, type PeerAddress } from "../config/peer_address.ts";
import type { EmitEvent } from "../observe/events.ts";
import { parseLink, type Share } from "../transfer/mod.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";
import { streamEvents } from "./control_stream.ts";
import { type GetRequest, getShare } from "./get_share.ts";
import type { NodeShares } from "./share_part.ts";

/** One share, as `--json` prints it. Field names are stable. */
export interface ShareDocument {
  readonly link: string;
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
}

/** `GET /v1/shares`. */
export interface SharesDocument {
  readonly shares: readonly ShareDocument[];
}

export function shareRoutes(shares: NodeShares, emit: EmitEvent): ControlRoute[] {
  const note = (action: string, detail: string) =>
    emit({ type: "control.action", action, outcome: "success", detail });
  return [
    {
      method: "GET",
      path: "/v1/shares",
      handle: () => Response.json({ shares: shares.shares().map(shareDocument) } satisfies SharesDocument),
    },
    {
      method: "POST",
      path: "/v1/share",
      handle: async (request) => {
        const { paths } = await request.json();
        if (!Array.isArray(paths) || !paths.every(isAbsolutePath)) {
          throw new ControlError(400, "bad_request", "paths: expected a list of absolute paths");
        }
        note("share", `${paths.length} paths`);
        return streamEvents(request, async (report, signal) => {
          for (const path of paths) {
            signal.throwIfAborted();
            report({ ...shareDocument(await shares.share(path)) });
          }
        });
      },
    },
    {
      method: "POST",
      path: "/v1/unshare",
      handle: async (request) => {
        const { link } = await request.json();
        const root = rootOf(link);
        if (!await shares.unshare(root)) {
          throw new ControlError(404, "no_such_share", `this node does not share ${link}`);
        }
        note("unshare", String(link));
        return Response.json({ link });
      },
    },
    {
      method: "POST",
      path: "/v1/get",
      handle: async (request) => {
        const wanted = getRequestOf(await request.json());
        note("get", `into ${wanted.outputDir}`);
        return streamEvents(
          request,
          (report, signal) => getShare(shares, wanted, (event) => report({ ...event }), signal),
        );
      },
    },
  ];
}

function shareDocument({ link, name, files, bytes }: Share): ShareDocument {
  return { link, name, files, bytes };
}

function getRequestOf({ link, output, from }: Readonly<Record<string, unknown>>): GetRequest {
  if (!isAbsolutePath(output)) {
    throw new ControlError(400, "bad_request", "output: expected an absolute path");
  }
  return { root: rootOf(link), outputDir: output, from: Array.isArray(from) ? from.map(peerOf) : [] };
}

function peerOf(text: unknown): PeerAddress {
  const peer = typeof text === "string" ? parsePeerAddress(text) : null;
  if (peer !== null) return peer;
  throw new ControlError(400, "bad_request", "from: expected ed25519:<64 hex digits> or ...@host:port");
}

function rootOf(link: unknown): Uint8Array<ArrayBuffer> {
  const root = typeof link === "string" ? parseLink(link) : null;
  if (root !== null) return root;
  throw new ControlError(400, "bad_request", "link: expected wraith:<64 hex digits>");
}

function isAbsolutePath(path: unknown): path is string {
  return typeof path === "string" && isAbsolute(path);
}
