/**
 * Lines about handshakes and sessions.
 *
 * @module
 */

import { AUTHENTICATION_REASONS, errorTypeOf } from "../error_type.ts";
import { type Descriptions, roundMs } from "./description.ts";

type SessionEventType =
  | "handshake.started"
  | "handshake.retried"
  | "handshake.failed"
  | "session.established"
  | "session.closed"
  | "session.rekeyed"
  | "session.path_changed"
  | "session.state"
  | "session.replay_burst";

export const SESSION_DESCRIPTIONS: Descriptions<SessionEventType> = {
  "handshake.started": {
    level: "debug",
    message: "Handshake started",
    fields: (event) => ({
      remote_addr: event.remoteAddr,
      direction: event.direction,
      handshake_id: event.handshakeId,
    }),
  },
  "handshake.retried": {
    level: "debug",
    message: "Handshake retried for an address proof",
    fields: (event) => ({ remote_addr: event.remoteAddr, direction: event.direction }),
  },
  "handshake.failed": {
    // A failed authentication has a warn line of its own, with the count of attempts.
    level: (event) => AUTHENTICATION_REASONS.has(event.reason) ? "debug" : "warn",
    message: "Handshake failed",
    fields: (event) => ({
      peer_id: event.peerId,
      remote_addr: event.remoteAddr,
      reason: event.reason,
      error_type: errorTypeOf(event) ?? undefined,
      direction: event.direction,
      handshake_id: event.handshakeId,
      duration_ms: roundMs(event.durationMs),
    }),
  },
  "session.established": {
    level: "info",
    message: "Session established",
    fields: (event) => ({
      peer_id: event.peerId,
      remote_addr: event.remoteAddr,
      handshake_duration_ms: roundMs(event.handshakeDurationMs),
      session_id: event.sessionId,
      direction: event.direction,
      path: event.path,
      agent: event.agent,
    }),
  },
  "session.closed": {
    level: (event) => event.end === "error" || event.end === "idle" ? "warn" : "info",
    message: "Session closed",
    fields: (event) => ({
      peer_id: event.peerId,
      remote_addr: event.remoteAddr,
      session_id: event.sessionId,
      end: event.end,
      close_code: event.code,
      reason: event.reason === "" ? undefined : event.reason,
      error_type: errorTypeOf(event) ?? undefined,
      duration_ms: roundMs(event.durationMs),
      bytes_sent: event.bytesSent,
      bytes_received: event.bytesReceived,
    }),
  },
  "session.rekeyed": {
    level: "debug",
    message: "Session rekeyed",
    fields: (event) => ({ session_id: event.sessionId, key_epoch: event.epoch }),
  },
  "session.path_changed": {
    level: "info",
    message: "Peer moved to a new address",
    fields: (event) => ({
      peer_id: event.peerId,
      session_id: event.sessionId,
      from_addr: event.from,
      to_addr: event.to,
    }),
  },
  "session.state": {
    level: "debug",
    message: "Session state changed",
    fields: (event) => ({ session_id: event.sessionId, state: event.what, detail: event.detail }),
  },
  "session.replay_burst": {
    level: "warn",
    message: "Burst of replayed packets",
    fields: (event) => ({
      peer_id: event.peerId,
      remote_addr: event.remoteAddr,
      session_id: event.sessionId,
      packets: event.packets,
    }),
  },
};
