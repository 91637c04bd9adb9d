/**
 * What a completed handshake leaves behind.
 *
 * @module
 */

import { wipe } from "../../bytes.ts";

/** The keys of a new session. The session owns them: it wipes what it no longer needs. */
export class FinishedHandshake {
  /** Seals what we send: 32 bytes. */
  readonly sendKey: Uint8Array<ArrayBuffer>;
  /** Opens what we receive: 32 bytes. */
  readonly receiveKey: Uint8Array<ArrayBuffer>;
  /** What the session's first rekeying starts from ({@link nextEpoch}): 32 bytes. */
  readonly chain: Uint8Array<ArrayBuffer>;
  /** The transcript hash, unique to this session and the same at both ends: 32 bytes, not secret. */
  readonly handshakeHash: Uint8Array<ArrayBuffer>;
  /** The peer's static public key, or null in a pattern that has none. */
  readonly remoteStatic: Uint8Array<ArrayBuffer> | null;

  constructor(parts: {
    sendKey: Uint8Array<ArrayBuffer>;
    receiveKey: Uint8Array<ArrayBuffer>;
    chain: Uint8Array<ArrayBuffer>;
    handshakeHash: Uint8Array<ArrayBuffer>;
    remoteStatic: Uint8Array<ArrayBuffer> | null;
  }) {
    this.sendKey = parts.sendKey;
    this.receiveKey = parts.receiveKey;
    this.chain = parts.chain;
    this.handshakeHash = parts.handshakeHash;
    this.remoteStatic = parts.remoteStatic;
  }

  /** Overwrites all three secrets. */
  wipe(): void {
    wipe(this.sendKey, this.receiveKey, this.chain);
  }
}
