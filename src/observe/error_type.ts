/**
 * Which class of error an event is: one answer for `wraith_errors_total{type}` and the log field
 * `error_type`, so that a line and the counter it belongs to always agree.
 *
 * @module
 */

import type { ErrorType, HandshakeFailureReason, NodeEvent, TransferFailureReason } from "./events.ts";

/** The error class of `event`, or null when it reports no error. */
export function errorTypeOf(event: NodeEvent): ErrorType | null {
  switch (event.type) {
    case "node.error":
      return event.errorType;
    case "handshake.failed":
      return HANDSHAKE_ERROR_TYPES[event.reason];
    case "transfer.failed":
      return TRANSFER_ERROR_TYPES[event.reason];
    case "transfer.chunk_rejected":
      return "crypto";
    case "config.reload_failed":
      return "config";
    case "log.write_failed":
      return "storage";
    case "session.closed":
      if (event.end === "error") return "protocol";
      return event.end === "idle" ? "timeout" : null;
    default:
      return null;
  }
}

/**
 * Refusals that mean "this remote could not prove to be whom it should be": what the audit line
 * `Authentication failed` and the detector of repeated failures count.
 */
export const AUTHENTICATION_REASONS: ReadonlySet<HandshakeFailureReason> = new Set([
  "decrypt",
  "invalid_signature",
  "identity_mismatch",
  "not_allowed",
]);

const HANDSHAKE_ERROR_TYPES: Readonly<Record<HandshakeFailureReason, ErrorType>> = {
  timeout: "timeout",
  malformed: "protocol",
  version: "protocol",
  decrypt: "crypto",
  invalid_signature: "crypto",
  identity_mismatch: "crypto",
  not_allowed: "policy",
  rate_limited: "policy",
};

const TRANSFER_ERROR_TYPES: Readonly<Record<TransferFailureReason, ErrorType | null>> = {
  refused_policy: "policy",
  refused_size: "policy",
  refused_space: "storage",
  refused_name: "policy",
  refused_exists: "policy",
  refused_busy: "policy",
  source_changed: "storage",
  source_unreadable: "storage",
  integrity: "crypto",
  storage: "storage",
  protocol: "protocol",
  network: "network",
  // Someone asked for it.
  cancelled: null,
};
