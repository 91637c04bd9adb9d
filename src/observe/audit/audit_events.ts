/**
 * Which events are security-relevant enough to be kept for good.
 *
 * @module
 */

import type { NodeEvent } from "../events.ts";

/** Whether `event` becomes an audit record. */
export function isAudited(event: NodeEvent): boolean {
  switch (event.type) {
    case "node.started":
    case "node.stopping":
    case "node.stopped":
    case "identity.created":
    case "config.reloaded":
    case "config.reload_failed":
    case "control.action":
    case "handshake.failed":
    case "session.established":
    case "session.replay_burst":
    case "session.path_changed":
    case "transfer.chunk_rejected":
    case "security.detected":
    case "security.banned":
    case "security.unbanned":
    case "security.authentication_failed":
    case "log.write_failed":
      return true;
    case "transfer.failed":
      return event.reason.startsWith("refused_") || event.reason === "integrity";
    case "dht.refused":
      return event.reason === "bad_signature";
    case "node.error":
      return event.errorType === "crypto" || event.errorType === "policy";
    default:
      return false;
  }
}
