/**
 * Transfers as JSON: what the control API answers and `--json` prints. Field names are stable.
 *
 * @module
 */

import type { FileFailure, TransferHandle, TransferSnapshot } from "../transfer/mod.ts";

export interface TransferDocument {
  readonly transfer_id: string;
  readonly direction: "send" | "receive";
  readonly state: TransferSnapshot["state"];
  readonly peer_id: string;
  readonly name: string;
  readonly files: number;
  readonly files_done: number;
  readonly files_failed: number;
  readonly bytes_total: number;
  /** Of the total, safe at the receiver. */
  readonly bytes_done: number;
  /** Left by earlier attempts. */
  readonly bytes_resumed: number;
  /** Crossed the network in this attempt. */
  readonly bytes_transferred: number;
  readonly bytes_per_second: number;
  /** The file that moves now. */
  readonly current:
    | { readonly path: string; readonly bytes_total: number; readonly bytes_done: number }
    | null;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly duration_ms: number;
  /** Why it failed: a stable word, and a line for people. */
  readonly reason: string | null;
  readonly message: string | null;
}

/** Where a transfer is, as it goes on. */
export interface TransferProgress extends TransferDocument {
  readonly event: "progress";
}

/** How a transfer ended. */
export interface TransferResult extends TransferDocument {
  readonly event: "result";
  /** Files that did not arrive: the first {@link MAX_LISTED_PATHS}; `files_failed` counts all. */
  readonly failures: readonly FileFailure[];
  /** Symbolic links and special files that were not sent: how many, and the first {@link MAX_LISTED_PATHS}. */
  readonly skipped: number;
  readonly skipped_paths: readonly string[];
}

/** One line of what `send` and `get` answer, and print with `--json`: progress, then one result. */
export type TransferEvent = TransferProgress | TransferResult;

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
    files_failed: snapshot.filesFailed,
    bytes_total: snapshot.bytesTotal,
    bytes_done: snapshot.bytesDone,
    bytes_resumed: snapshot.bytesResumed,
    bytes_transferred: snapshot.bytesTransferred,
    bytes_per_second: Math.round(snapshot.bytesPerSecond),
    current: snapshot.current === null ? null : {
      path: snapshot.current.path,
      bytes_total: snapshot.current.sizeBytes,
      bytes_done: snapshot.current.bytesDone,
    },
    started_at: new Date(snapshot.startedAtMs).toISOString(),
    ended_at: snapshot.endedAtMs === null ? null : new Date(snapshot.endedAtMs).toISOString(),
    duration_ms: Math.round(snapshot.durationMs),
    reason: snapshot.reason,
    message: snapshot.message,
  };
}

export function transferProgress(handle: TransferHandle): TransferProgress {
  return { event: "progress", ...transferDocument(handle.snapshot()) };
}

/** @param handle of a transfer that has ended. */
export function transferResult(handle: TransferHandle): TransferResult {
  const { skipped } = handle;
  return {
    event: "result",
    ...transferDocument(handle.snapshot()),
    failures: handle.failures,
    skipped: skipped.length,
    skipped_paths: skipped.slice(0, MAX_LISTED_PATHS),
  };
}

const MAX_LISTED_PATHS = 100;
