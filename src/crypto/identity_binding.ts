/**
 * The bond between a node's identity (Ed25519) and its Noise static key (X25519): a signature that the peer
 * checks during the handshake, so that a peer id cannot be claimed without its private key.
 *
 * @module
 */

import { concatBytes } from "../bytes.ts";
import type { CipherSuite } from "./cipher_suite.ts";

/** The identity's signature (64 bytes) over its Noise static public key. Made once, not per handshake. */
export function signStaticKey(
  suite: CipherSuite,
  identitySeed: Uint8Array,
  staticPublicKey: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return suite.ed25519Sign(identitySeed, concatBytes(CONTEXT, staticPublicKey));
}

/**
 * Whether the holder of `identityPublicKey` vouches for `staticPublicKey`. All three come from the network:
 * malformed ones are false, never an exception.
 */
export function verifyStaticKey(
  suite: CipherSuite,
  identityPublicKey: Uint8Array,
  staticPublicKey: Uint8Array,
  signature: Uint8Array,
): boolean {
  // The context has a fixed length and so must the key, or two pairs could spell one message.
  if (staticPublicKey.length !== 32) return false;
  return suite.ed25519Verify(identityPublicKey, concatBytes(CONTEXT, staticPublicKey), signature);
}

const CONTEXT = new TextEncoder().encode("wraith static key v1");
