/**
 * Lines about transfers.
 *
 * @module
 */

import { errorTypeOf } from "../error_type.ts";
import type { NodeEvent } from "../events.ts";
import { type Descriptions, type EventOf, roundMs } from "./description.ts";
import type { LogFields } from "./log_entry.ts";

type TransferEventType = Extract<NodeEvent["type"], `transfer.${string}`>;

export const TRANSFER_DESCRIPTIONS: Descriptions<TransferEventType> = {
  "transfer.offered": { level: "info", message: "Transfer offered", fields: facts },
  "transfer.started": {
    level: "info",
    message: "Transfer started",
    fields: (event) => ({
      ...facts(event),
      bytes_resumed: event.bytesResumed === 0 ? undefined : event.bytesResumed,
    }),
  },
  "transfer.paused": {
    level: "info",
    message: "Transfer paused",
    fields: (event) => ({ ...facts(event), bytes_done: event.bytesDone }),
  },
  "transfer.resumed": {
    level: "info",
    message: "Transfer resumed",
    fields: (event) => ({ ...facts(event), bytes_done: event.bytesDone }),
  },
  "transfer.verifying": { level: "debug", message: "Transfer verifying", fields: facts },
  "transfer.verified": { level: "debug", message: "Transfer verified", fields: facts },
  "transfer.progress": {
    level: "debug",
    message: "Transfer progress",
    fields: (event) => ({ ...facts(event), bytes_done: event.bytesDone, chunks_done: event.chunksDone }),
  },
  "transfer.completed": {
    level: "info",
    message: (event) => event.direction === "send" ? "File sent" : "File received",
    fields: (event) => ({
      ...facts(event),
      duration_ms: roundMs(event.durationMs),
      bytes_transferred: event.bytesTransferred,
    }),
  },
  "transfer.failed": {
    level: (event) => TRANSFER_FAILURE_LEVELS[event.reason],
    message: "Transfer failed",
    fields: (event) => ({
      ...facts(event),
      reason: event.reason,
      error_type: errorTypeOf(event) ?? undefined,
      detail: event.message,
      duration_ms: roundMs(event.durationMs),
      bytes_done: event.bytesDone,
    }),
  },
  "transfer.chunk_rejected": {
    level: "warn",
    message: "Chunk rejected: its hash is not the promised one",
    fields: (event) => ({
      peer_id: event.peerId,
      transfer_id: event.transferId,
      file: event.file,
      chunk: event.chunk,
      error_type: errorTypeOf(event) ?? undefined,
    }),
  },
};

function facts(event: EventOf<Exclude<TransferEventType, "transfer.chunk_rejected">>): LogFields {
  return {
    peer_id: event.peerId,
    transfer_id: event.transferId,
    direction: event.direction,
    name: event.name,
    files: event.files,
    bytes_total: event.bytesTotal,
  };
}

/** What this side refused or someone asked for is no fault of service. */
const TRANSFER_FAILURE_LEVELS = {
  refused_policy: "warn",
  refused_size: "warn",
  refused_space: "warn",
  refused_name: "warn",
  refused_exists: "warn",
  refused_busy: "warn",
  source_changed: "error",
  source_unreadable: "error",
  integrity: "error",
  storage: "error",
  protocol: "error",
  network: "error",
  cancelled: "info",
} as const;
