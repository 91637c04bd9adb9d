/**
 * The keys with which this node meets others.
 *
 * @module
 */

import type { KeyPair } from "../crypto/key_pair.ts";

/** A Noise static key and the identity that vouches for it. The identity's own secret is not needed here. */
export interface SessionIdentity {
  /** Ed25519 public key, 32 bytes. */
  readonly identityKey: Uint8Array;
  readonly staticKeys: KeyPair;
  /** The identity's signature of the static public key, 64 bytes. */
  readonly staticKeySignature: Uint8Array;
}
