/**
 * Following a transfer from its beginning to its end, for the command that asked for it.
 *
 * @module
 */

import type { TransferHandle } from "../transfer/mod.ts";
import { type TransferEvent, transferProgress, transferResult } from "./transfer_documents.ts";

/**
 * Reports where the transfer is several times a second, and last how it ended. Aborting `signal` cancels it.
 *
 * @throws the reason of `signal`, after the result was reported.
 */
export async function followTransfer(
  handle: TransferHandle,
  report: (event: TransferEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const cancel = () => handle.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const reports = setInterval(() => report(transferProgress(handle)), REPORT_INTERVAL_MS);
  try {
    await handle.outcome;
  } finally {
    clearInterval(reports);
    signal.removeEventListener("abort", cancel);
  }
  report(transferResult(handle));
  signal.throwIfAborted();
}

const REPORT_INTERVAL_MS = 200;
