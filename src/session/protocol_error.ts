/**
 * An authenticated peer that breaks the protocol.
 *
 * @module
 */

import type { CloseCode } from "../wire/codes.ts";

/** Caught once per datagram; becomes a CLOSE frame with `code`. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";

  constructor(readonly code: CloseCode, message: string) {
    super(message);
  }
}
