/**
 * Peers as people write them.
 *
 * @module
 */

import { parsePeerId, type PeerId } from "../crypto/peer_id.ts";
import { parseHostPort } from "../net/address.ts";

/** A peer, and where to reach it when that was said. */
export interface PeerAddress {
  readonly peerId: PeerId;
  /** `host:port`, or null to look it up. */
  readonly address: string | null;
}

/** `ed25519:<hex>` or `ed25519:<hex>@host:port`; null when `text` is neither. */
export function parsePeerAddress(text: string): PeerAddress | null {
  const [id, address, ...rest] = text.split("@");
  const peerId = parsePeerId(id);
  if (peerId === null || rest.length > 0) return null;
  if (address === undefined) return { peerId, address: null };
  return isHostPort(address) && parseHostPort(address).port > 0 ? { peerId, address } : null;
}

/** Whether `text` is `host:port` or `[v6]:port`. */
export function isHostPort(text: string): boolean {
  try {
    parseHostPort(text);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
