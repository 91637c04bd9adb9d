/**
 * Control routes about the log: how much it writes, until told otherwise or for a while.
 *
 * @module
 */

import type { LogLevel } from "../config/config.ts";
import type { EmitEvent } from "../observe/events.ts";
import { LOG_LEVELS } from "../observe/log/mod.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";
import type { LogVerbosity } from "./log_verbosity.ts";

/** `GET /v1/log/level`, and the answer to a change. */
export interface LogLevelDocument {
  /** In force now. */
  readonly level: LogLevel;
  /** What `logging.level` says. */
  readonly configured: LogLevel;
  /** When `configured` is in force again; null when it is, or when nobody set a time. */
  readonly remaining_ms: number | null;
}

/** `POST /v1/log/level` takes `{"level": LEVEL, "duration_ms": N}`, without `duration_ms` until a reload. */
export function logRoutes(verbosity: LogVerbosity, emit: EmitEvent): ControlRoute[] {
  return [
    { method: "GET", path: "/v1/log/level", handle: () => Response.json(documentOf(verbosity)) },
    {
      method: "POST",
      path: "/v1/log/level",
      handle: async (request) => {
        const { level, duration_ms: durationMs } = await request.json();
        const chosen = levelOf(level);
        const limit = durationOf(durationMs);
        const time = limit === null ? "" : ` for ${limit / 1_000} s`;
        // Before a quieter level can swallow it.
        emit({
          type: "control.action",
          action: "set log level",
          outcome: "success",
          detail: `${chosen}${time}`,
        });
        verbosity.override(chosen, limit);
        return Response.json(documentOf(verbosity));
      },
    },
  ];
}

function documentOf({ level, configured, remainingMs }: LogVerbosity): LogLevelDocument {
  return { level, configured, remaining_ms: remainingMs === null ? null : Math.round(remainingMs) };
}

function levelOf(given: unknown): LogLevel {
  const level = LOG_LEVELS.find((candidate) => candidate === given);
  if (level !== undefined) return level;
  throw new ControlError(400, "bad_request", `level: expected one of ${LOG_LEVELS.join(", ")}`);
}

function durationOf(given: unknown): number | null {
  if (given === undefined || given === null) return null;
  if (typeof given === "number" && given > 0 && given <= MAX_DURATION_MS) return given;
  throw new ControlError(400, "bad_request", `duration_ms: expected 1 to ${MAX_DURATION_MS}`);
}

/** A week: a timer's limit is not much more, and who needs longer edits the configuration. */
const MAX_DURATION_MS = 7 * 24 * 3_600_000;
