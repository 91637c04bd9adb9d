/**
 * How one secret becomes the next ones: Noise's HKDF and the ratchet of a session's rekeying.
 *
 * @module
 */

import { wipe } from "../bytes.ts";
import type { CipherSuite } from "./cipher_suite.ts";

/** What a new key epoch of a session starts from. 32 bytes each; the holder wipes them. */
export interface EpochKeys {
  /** Seals what the session's initiator sends. */
  readonly initiatorKey: Uint8Array;
  /** Seals what the session's responder sends. */
  readonly responderKey: Uint8Array;
  /** Replaces the chain secret that led here, which is to be wiped. */
  readonly chain: Uint8Array;
}

/**
 * Noise's HKDF (revision 34, section 4.3): RFC 5869 with HMAC-BLAKE2s, the chaining key as salt and no info.
 *
 * @returns `count` outputs of 32 bytes, the caller's to wipe.
 */
export function hkdf(
  suite: CipherSuite,
  chainingKey: Uint8Array,
  input: Uint8Array,
  count: 1 | 2 | 3,
): Uint8Array<ArrayBuffer>[] {
  const extracted = suite.hmacBlake2s(chainingKey, [input]);
  const outputs = [suite.hmacBlake2s(extracted, [HKDF_COUNTERS[0]])];
  for (let i = 1; i < count; i++) {
    outputs.push(suite.hmacBlake2s(extracted, [outputs[i - 1], HKDF_COUNTERS[i]]));
  }
  wipe(extracted);
  return outputs;
}

/**
 * The secret that a session's rekeying starts from, drawn from the handshake's final chaining key.
 *
 * Noise's `Split` extracts with empty input and this with a label, so neither tells anything about the other
 * (the separation that section 11.4 of the specification asks for).
 */
export function chainSecretOf(suite: CipherSuite, chainingKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return hkdf(suite, chainingKey, CHAIN_LABEL, 1)[0];
}

/**
 * The keys of epoch n+1, from epoch n's chain secret and the shared secret of the fresh X25519 keys that both
 * ends exchanged: `chain, initiatorKey, responderKey = HKDF(chain, sharedSecret)`. The one-way step protects
 * what was sent before; the fresh secret protects what comes after a compromise.
 */
export function nextEpoch(suite: CipherSuite, chain: Uint8Array, sharedSecret: Uint8Array): EpochKeys {
  const [next, initiatorKey, responderKey] = hkdf(suite, chain, sharedSecret, 3);
  return { initiatorKey, responderKey, chain: next };
}

const HKDF_COUNTERS = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)] as const;
const CHAIN_LABEL = new TextEncoder().encode("wraith chain");
