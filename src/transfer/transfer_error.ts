/**
 * The one error that ends a transfer, with the reason that both ends name.
 *
 * @module
 */

import { TRANSFER_FAILURE_REASONS, type TransferFailureReason } from "../observe/events.ts";

/** Why a transfer, or one file of it, did not complete. `reason` is stable, the message is for people. */
export class TransferError extends Error {
  override readonly name = "TransferError";

  constructor(readonly reason: TransferFailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** `text` as a reason, or `protocol` when this version knows no such word (a newer peer may). */
export function failureReasonOf(text: string): TransferFailureReason {
  const known: readonly string[] = TRANSFER_FAILURE_REASONS;
  return known.includes(text) ? text as TransferFailureReason : "protocol";
}
