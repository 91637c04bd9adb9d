/**
 * Control routes about sources that are shut out: list, ban, lift.
 *
 * @module
 */

import { isIP } from "node:net";
import type { Detector } from "../observe/detect/mod.ts";
import type { EmitEvent } from "../observe/events.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";

/** A ban, as the control API and `--json` show it. */
export interface BanDocument {
  /** An IPv4 address or an IPv6 /64. */
  readonly source: string;
  /** A detector's name, or `operator`. */
  readonly cause: string;
  readonly remaining_ms: number;
}

export interface BansDocument {
  readonly bans: readonly BanDocument[];
}

export function banRoutes(
  detector: Pick<Detector, "listBans" | "ban" | "unban">,
  emit: EmitEvent,
): ControlRoute[] {
  const done = (action: string, detail: string, outcome: "success" | "failure") =>
    emit({ type: "control.action", action, outcome, detail });
  return [
    {
      method: "GET",
      path: "/v1/bans",
      handle: () => Response.json(documentOf(detector)),
    },
    {
      method: "POST",
      path: "/v1/bans",
      handle: async (request) => {
        const { source, duration_ms: durationMs } = await request.json();
        const address = addressOf(source);
        if (typeof durationMs !== "number" || !(durationMs > 0 && durationMs <= MAX_BAN_MS)) {
          throw new ControlError(400, "bad_request", `duration_ms: expected 1 to ${MAX_BAN_MS}`);
        }
        detector.ban(address, durationMs);
        done("ban", address, "success");
        return Response.json(documentOf(detector));
      },
    },
    {
      method: "POST",
      path: "/v1/bans/lift",
      handle: async (request) => {
        const address = addressOf((await request.json()).source);
        const lifted = detector.unban(address);
        done("lift ban", address, lifted ? "success" : "failure");
        if (!lifted) throw new ControlError(404, "not_banned", `${address} is not banned`);
        return Response.json(documentOf(detector));
      },
    },
  ];
}

function documentOf(detector: Pick<Detector, "listBans">): BansDocument {
  return {
    bans: detector.listBans().map(({ source, cause, remainingMs }) => ({
      source,
      cause,
      remaining_ms: Math.round(remainingMs),
    })),
  };
}

/** An address, or an IPv6 /64 as a ban names it. */
function addressOf(source: unknown): string {
  if (typeof source === "string" && isIP(source.replace(/\/64$/, "")) !== 0) return source;
  throw new ControlError(400, "bad_request", "source: expected an IP address, without a port");
}

const MAX_BAN_MS = 30 * 24 * 3_600_000;
