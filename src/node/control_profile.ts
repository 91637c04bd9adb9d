/**
 * The control route that takes a profile. There is no other way to ask for one: never over TCP.
 *
 * @module
 */

import type { EmitEvent } from "../observe/events.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";
import { ProfileBusyError, takeProfile } from "./profile.ts";

/** `POST /v1/profile/cpu` or `/heap` with `{"seconds": N}`. */
export function profileRoutes(emit: EmitEvent): ControlRoute[] {
  return (["cpu", "heap"] as const).map((kind) => ({
    method: "POST",
    path: `/v1/profile/${kind}`,
    handle: async (request) => {
      const { seconds } = await request.json();
      if (typeof seconds !== "number" || !(seconds >= 0.1 && seconds <= MAX_SECONDS)) {
        throw new ControlError(400, "bad_request", `seconds: expected a number from 0.1 to ${MAX_SECONDS}`);
      }
      emit({ type: "control.action", action: `${kind} profile`, outcome: "success", detail: `${seconds} s` });
      try {
        return Response.json(await takeProfile(kind, seconds * 1_000, request.stopping));
      } catch (error) {
        if (error instanceof ProfileBusyError) throw new ControlError(409, "busy", error.message);
        throw error;
      }
    },
  }));
}

const MAX_SECONDS = 600;
