/**
 * Peers and addresses as people write them.
 *
 * @module
 */

import { parsePeerId, type PeerId } from "../crypto/peer_id.ts";

/** A peer, and where to reach it when that was said. */
export interface PeerAddress {
  readonly peerId: PeerId;
  /** `host:port`, or null to look it up. */
  readonly address: string | null;
}

/** A host (without brackets) and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `ed25519:<hex>` or `ed25519:<hex>@host:port`; null when `text` is neither. */
export function parsePeerAddress(text: string): PeerAddress | null {
  const [id, address, ...rest] = text.split("@");
  const peerId = parsePeerId(id);
  if (peerId === null || rest.length > 0) return null;
  if (address === undefined) return { peerId, address: null };
  const hostPort = parseHostPort(address);
  return hostPort && hostPort.port > 0 ? { peerId, address } : null;
}

/** `192.0.2.1:41641`, `[2001:db8::1]:41641` or `node.example:41641`; null when `text` is none of them. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([\w.-]{1,253})):(\d{1,5})$/.exec(text);
  if (!match || Number(match[3]) > 65_535) return null;
  return { host: match[1] ?? match[2], port: Number(match[3]) };
}

/** `host:port` with the brackets that an IPv6 address needs. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
