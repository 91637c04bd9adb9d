/**
 * The control route that dashboards poll.
 *
 * @module
 */

import type { Pulse } from "../monitor/pulse.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";

/** `GET /v1/sample?limit=N`: a `NodeSample` with at most N sessions and transfers each. */
export function sampleRoutes(pulse: Pulse): ControlRoute[] {
  return [{
    method: "GET",
    path: "/v1/sample",
    handle: ({ query }) => Response.json(pulse.sample(limitOf(query.get("limit")))),
  }];
}

function limitOf(text: string | null): number {
  if (text === null) return DEFAULT_LISTED;
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_LISTED) return limit;
  throw new ControlError(
    400,
    "bad_request",
    `limit: expected a whole number from 1 to ${MAX_LISTED}, found ${text}`,
  );
}

const DEFAULT_LISTED = 50;
const MAX_LISTED = 1_000;
