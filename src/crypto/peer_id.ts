/**
 * The name of a node: its Ed25519 identity key, spelled out.
 *
 * @module
 */

import { fromHex, toHex } from "../bytes.ts";

/** `ed25519:` and 64 lower-case hexadecimal digits of the identity's public key. */
export type PeerId = `ed25519:${string}`;

/** The peer id of a 32-byte Ed25519 public key. */
export function peerIdOf(identityPublicKey: Uint8Array): PeerId {
  return `ed25519:${toHex(identityPublicKey)}`;
}

/** `text` as a peer id, or null when it is none. Upper-case digits are accepted and folded. */
export function parsePeerId(text: string): PeerId | null {
  const match = /^ed25519:([0-9a-fA-F]{64})$/.exec(text);
  return match ? `ed25519:${match[1].toLowerCase()}` : null;
}

/** The 32-byte public key that `peerId` spells. */
export function identityKeyOf(peerId: PeerId): Uint8Array<ArrayBuffer> {
  return fromHex(peerId.slice("ed25519:".length));
}
