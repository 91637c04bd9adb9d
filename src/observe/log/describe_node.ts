/**
 * Lines about the node itself: life, configuration, control, its own logs.
 *
 * @module
 */

import { errorTypeOf } from "../error_type.ts";
import { type Descriptions, roundMs } from "./description.ts";

type NodeEventType =
  | "node.started"
  | "node.stopping"
  | "node.stopped"
  | "node.notice"
  | "node.error"
  | "identity.created"
  | "config.reloaded"
  | "config.reload_failed"
  | "control.action"
  | "log.write_failed"
  | "log.write_resumed";

export const NODE_DESCRIPTIONS: Descriptions<NodeEventType> = {
  "node.started": {
    level: "info",
    message: "Node started",
    fields: (event) => ({
      peer_id: event.peerId,
      listen: event.listen,
      version: event.version,
      crypto: event.crypto,
      sockets: event.sockets,
    }),
  },
  "node.stopping": {
    level: "info",
    message: "Node stopping",
    fields: (event) => ({ cause: event.cause }),
  },
  "node.stopped": {
    level: "info",
    message: "Node stopped",
    fields: (event) => ({ uptime_ms: roundMs(event.uptimeMs) }),
  },
  "node.notice": {
    level: (event) => event.severity,
    message: (event) => event.message,
    fields: (event) => ({ component: event.component }),
  },
  "node.error": {
    level: "error",
    message: (event) => event.message,
    fields: (event) => ({
      error_type: event.errorType,
      component: event.component,
      peer_id: event.peerId,
      remote_addr: event.remoteAddr,
    }),
  },
  "identity.created": {
    level: "info",
    message: "Identity created",
    fields: (event) => ({ peer_id: event.peerId, file: event.path }),
  },
  "config.reloaded": {
    level: "info",
    message: "Configuration reloaded",
    fields: (event) => ({ applied: event.applied, need_restart: event.needRestart }),
  },
  "config.reload_failed": {
    level: "error",
    message: "Configuration not reloaded: the previous one stays in force",
    fields: (event) => ({ error_type: errorTypeOf(event) ?? undefined, detail: event.message }),
  },
  "control.action": {
    level: "info",
    message: "Control action",
    fields: (event) => ({ action: event.action, outcome: event.outcome, detail: event.detail }),
  },
  "log.write_failed": {
    level: "error",
    message: "Log write failed",
    fields: (event) => ({
      error_type: errorTypeOf(event) ?? undefined,
      output: event.output,
      detail: event.message,
    }),
  },
  "log.write_resumed": {
    level: "warn",
    message: "Log writes resumed",
    fields: (event) => ({
      output: event.output,
      outage_ms: roundMs(event.outageMs),
      lines_dropped: event.linesDropped,
    }),
  },
};
