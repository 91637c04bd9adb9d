/**
 * X25519 key pairs: a node's static one and a handshake's ephemeral one.
 *
 * @module
 */

import { type Entropy, randomBytes } from "../entropy.ts";
import { type CipherSuite, DH_LENGTH } from "./cipher_suite.ts";

/** An X25519 key pair, 32 bytes each (RFC 7748). */
export interface KeyPair {
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** A fresh key pair. */
export function generateKeyPair(suite: CipherSuite, entropy: Entropy): KeyPair {
  return keyPairOf(suite, randomBytes(entropy, DH_LENGTH));
}

/** The key pair of a 32-byte secret key, which the pair then holds: wiping one wipes the other. */
export function keyPairOf(suite: CipherSuite, secretKey: Uint8Array): KeyPair {
  return { secretKey, publicKey: suite.x25519PublicKey(secretKey) };
}
