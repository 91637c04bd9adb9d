/**
 * Lines about attacks and what was done about them.
 *
 * @module
 */

import type { NodeEvent } from "../events.ts";
import { type Descriptions, roundMs } from "./description.ts";

type SecurityEventType = Extract<NodeEvent["type"], `security.${string}`>;

export const SECURITY_DESCRIPTIONS: Descriptions<SecurityEventType> = {
  "security.detected": {
    level: "warn",
    message: "Suspicious activity detected",
    fields: (event) => ({
      detector: event.detector,
      source: event.source,
      observed: roundMs(event.observed),
      threshold: event.threshold,
      detail: event.detail,
    }),
  },
  "security.banned": {
    level: "warn",
    message: "Source banned",
    fields: (event) => ({
      source: event.source,
      detector: event.detector,
      ban_duration_ms: roundMs(event.durationMs),
    }),
  },
  "security.unbanned": {
    level: "info",
    message: "Ban ended",
    fields: (event) => ({
      source: event.source,
      detector: event.detector,
      ban_duration_ms: roundMs(event.durationMs),
    }),
  },
  // The specification's audit line: these three fields and no others.
  "security.authentication_failed": {
    level: "warn",
    message: "Authentication failed",
    fields: (event) => ({
      remote_addr: event.remoteAddr,
      reason: event.reason,
      attempt_count: event.attemptCount,
    }),
  },
};
