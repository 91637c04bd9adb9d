/**
 * The control routes that capture the node's packets. There is no other way to ask for that: never over TCP.
 *
 * @module
 */

import { readBuildInfo } from "../build_info.ts";
import type { Clock } from "../clock.ts";
import type { EmitEvent } from "../observe/events.ts";
import { Capture, type CaptureSource } from "./capture/capture.ts";
import { ControlError, type ControlRequest, type ControlRoute } from "./control_server.ts";

/**
 * `POST /v1/capture` with `{"seconds": N | null, "snaplen": N, "keys": true | false}` streams pcapng until the time
 * is over, the reader leaves, or `POST /v1/capture/stop` ends it. One capture at a time.
 */
export function captureRoutes(source: CaptureSource, clock: Clock, emit: EmitEvent): ControlRoute[] {
  let running: Capture | null = null;

  const begin = async (request: ControlRequest): Promise<Response> => {
    const { seconds, snapLength, withKeys } = readRequest(await request.json());
    if (running !== null) throw new ControlError(409, "busy", "another capture is running");
    const detail = withKeys ? "with keys" : "without keys";
    emit({ type: "control.action", action: "capture", outcome: "success", detail });
    if (withKeys) emit({ type: "node.notice", severity: "warn", component: "capture", message: KEYS_NOTICE });
    const timer = seconds === null ? undefined : setTimeout(() => capture.finish(), seconds * 1_000);
    const finish = () => capture.finish();
    const capture = new Capture({
      source,
      clock,
      application: `wraith ${readBuildInfo().version}`,
      snapLength,
      withKeys,
      onEnd: ({ packets, dropped }) => {
        running = null;
        clearTimeout(timer);
        request.stopping.removeEventListener("abort", finish);
        const totals = `${detail}, ${packets} packets, ${dropped} dropped`;
        emit({ type: "control.action", action: "capture ended", outcome: "success", detail: totals });
      },
    });
    running = capture;
    request.stopping.addEventListener("abort", finish);
    return new Response(capture.body, { headers: { "content-type": "application/x-pcapng" } });
  };

  const stop = (): Response => {
    if (running === null) throw new ControlError(404, "no_capture", "no capture is running");
    running.finish();
    return Response.json({});
  };

  return [
    { method: "POST", path: "/v1/capture", handle: begin },
    { method: "POST", path: "/v1/capture/stop", handle: stop },
  ];
}

function readRequest(body: Readonly<Record<string, unknown>>) {
  const { seconds, snaplen, keys } = body;
  if (seconds !== null && !(typeof seconds === "number" && seconds >= 0.1 && seconds <= MAX_SECONDS)) {
    throw new ControlError(
      400,
      "bad_request",
      `seconds: expected null or a number from 0.1 to ${MAX_SECONDS}`,
    );
  }
  if (
    !(typeof snaplen === "number" && Number.isInteger(snaplen) && snaplen >= MIN_SNAP && snaplen <= MAX_SNAP)
  ) {
    throw new ControlError(
      400,
      "bad_request",
      `snaplen: expected a whole number from ${MIN_SNAP} to ${MAX_SNAP}`,
    );
  }
  if (typeof keys !== "boolean") throw new ControlError(400, "bad_request", "keys: expected true or false");
  return { seconds, snapLength: snaplen, withKeys: keys };
}

const KEYS_NOTICE =
  "session keys are being told to a capture: who has them can read what peers send meanwhile";
const MAX_SECONDS = 86_400;
/** IPv6, UDP and WRAITH headers, and the keys and token of a handshake's beginning. */
const MIN_SNAP = 160;
const MAX_SNAP = 65_535;
