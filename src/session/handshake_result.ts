/**
 * How a handshake message was taken.
 *
 * @module
 */

import { type PeerId, peerIdOf } from "../crypto/peer_id.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { verifyStaticKey } from "../crypto/identity_binding.ts";
import type { FinishedHandshake } from "../crypto/noise/mod.ts";
import type { HandshakeFailureReason } from "../observe/events.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { decodeHandshakePayload, type TransportParameters } from "../wire/transport_parameters.ts";

/** Who the other side turned out to be. */
export interface AuthenticatedPeer {
  readonly peerId: PeerId;
  readonly parameters: TransportParameters;
}

export type HandshakeResult =
  | { readonly kind: "established"; readonly peer: AuthenticatedPeer; readonly keys: FinishedHandshake }
  /** Not the genuine message: dropped, and the handshake stands where it stood. */
  | { readonly kind: "dropped"; readonly reason: "malformed" | "decrypt" }
  /** Genuine, and the end. `peerId` is what was claimed. */
  | { readonly kind: "failed"; readonly reason: HandshakeFailureReason; readonly peerId: PeerId | null };

/** Checks a decrypted payload: whose it is, and that the identity vouches for the static key. */
export function authenticatePeer(
  suite: CipherSuite,
  payload: Uint8Array,
  staticKey: Uint8Array,
): AuthenticatedPeer | { readonly failure: HandshakeFailureReason; readonly peerId: PeerId | null } {
  let decoded;
  try {
    decoded = decodeHandshakePayload(payload);
  } catch (error) {
    if (error instanceof DecodeError) return { failure: "malformed", peerId: null };
    throw error;
  }
  const peerId = peerIdOf(decoded.identityKey);
  if (!verifyStaticKey(suite, decoded.identityKey, staticKey, decoded.staticKeySignature)) {
    return { failure: "invalid_signature", peerId };
  }
  return { peerId, parameters: decoded.parameters };
}
