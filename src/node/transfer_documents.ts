/**
 * Transfers as JSON: what the control API answers and `--json` prints. Field names are stable.
 *
 * @module
 */

import type { TransferSnapshot } from "../transfer/mod.ts";

export interface TransferDocument {
  readonly transfer_id: string;
  readonly direction: "send" | "receive";
  readonly state: TransferSnapshot["state"];
  readonly peer_id: string;
  readonly name: string;
  readonly files: number;
  readonly files_done: number;
  readonly bytes_total: number;
  /** Of the total, safe at the receiver. */
  readonly bytes_done: number;
  /** Left by earlier attempts. */
  readonly bytes_resumed: number;
  /** Crossed the network in this attempt. */
  readonly bytes_transferred: number;
  readonly bytes_per_second: number;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly duration_ms: number;
  /** Why it failed: a stable word, and a line for people. */
  readonly reason: string | null;
  readonly message: string | null;
}

/** `GET /v1/transfers`. */
export interface TransfersDocument {
  readonly transfers: readonly TransferDocument[];
}

export function transferDocument(snapshot: TransferSnapshot): TransferDocument {
  return {
    transfer_id: snapshot.transferId,
    direction: snapshot.direction,
    state: snapshot.state,
    peer_id: snapshot.peerId,
    name: snapshot.name,
    files: snapshot.files,
    files_done: snapshot.filesDone,
    bytes_total: snapshot.bytesTotal,
    bytes_done: snapshot.bytesDone,
    bytes_resumed: snapshot.bytesResumed,
    bytes_transferred: snapshot.bytesTransferred,
    bytes_per_second: Math.round(snapshot.bytesPerSecond),
    started_at: new Date(snapshot.startedAtMs).toISOString(),
    ended_at: snapshot.endedAtMs === null ? null : new Date(snapshot.endedAtMs).toISOString(),
    duration_ms: Math.round(snapshot.durationMs),
    reason: snapshot.reason,
    message: snapshot.message,
  };
}
