/**
 * Control routes about the DHT: its contacts, and lookups.
 *
 * @module
 */

import { fromHex } from "../bytes.ts";
import { parsePeerId, type PeerId } from "../crypto/peer_id.ts";
import type { DhtContact, DhtService } from "../dht/dht_service.ts";
import { type NodeId, parsePoint } from "../dht/node_id.ts";
import { ControlError, type ControlRoute } from "./control_server.ts";

export interface DhtPeersDocument {
  /** What several peers say this node's address is. */
  readonly own_address: string | null;
  readonly peers: readonly DhtPeerDocument[];
}

export interface DhtPeerDocument {
  readonly peer_id: PeerId;
  readonly remote_addr: string;
  /** SHA-256 of the identity key: the peer's place in the DHT. */
  readonly node_id: string;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly rtt_ms: number | null;
}

/** Where a peer is, or who has a content. */
export interface DhtLookupDocument {
  readonly kind: "peer" | "providers";
  readonly found: boolean;
  readonly duration_ms: number;
  readonly peers: readonly {
    readonly peer_id: PeerId;
    readonly addresses: readonly string[];
    /** Peers that introduce others to it, where it is behind a NAT. */
    readonly introducers: readonly string[];
  }[];
}

export function dhtRoutes(dht: DhtService | null): ControlRoute[] {
  return [
    {
      method: "GET",
      path: "/v1/dht/peers",
      handle: () => {
        const running = required(dht);
        const peers = running.peers().map(peerDocument);
        return Response.json({ own_address: running.ownAddress, peers } satisfies DhtPeersDocument);
      },
    },
    {
      method: "GET",
      path: "/v1/dht/lookup",
      handle: async ({ query, stopping }) => {
        const target = lookupTargetOf(query.get("target") ?? "");
        return Response.json(await lookUp(required(dht), target, stopping));
      },
    },
  ];
}

/** What may be looked up: a peer, or a content by its link. */
export type LookupTarget =
  | { readonly kind: "peer"; readonly peerId: PeerId }
  | { readonly kind: "providers"; readonly root: NodeId };

/** `text` as a peer id or a `wraith:<root>` link, or null when it is neither. */
export function parseLookupTarget(text: string): LookupTarget | null {
  const peerId = parsePeerId(text);
  if (peerId !== null) return { kind: "peer", peerId };
  const root = text.startsWith("wraith:") ? parsePoint(text.slice("wraith:".length)) : null;
  return root === null ? null : { kind: "providers", root };
}

async function lookUp(
  dht: DhtService,
  target: LookupTarget,
  signal: AbortSignal,
): Promise<DhtLookupDocument> {
  const startedAt = performance.now();
  const peers: DhtLookupDocument["peers"][number][] = [];
  if (target.kind === "peer") {
    const found = await dht.lookupPeer(target.peerId, { signal });
    if (found !== null) {
      const introducers = found.introducers.map(({ peerId, address }) => `${peerId}@${address}`);
      peers.push({ peer_id: found.peerId, addresses: found.addresses, introducers });
    }
  } else {
    for await (const { peerId, addresses } of dht.findProviders(fromHex(target.root), signal)) {
      peers.push({ peer_id: peerId, addresses, introducers: [] });
    }
  }
  return { kind: target.kind, found: peers.length > 0, duration_ms: performance.now() - startedAt, peers };
}

function lookupTargetOf(text: string): LookupTarget {
  const target = parseLookupTarget(text);
  if (target === null) {
    throw new ControlError(
      400,
      "bad_request",
      "target: expected ed25519:<64 hex digits> or wraith:<64 hex digits>",
    );
  }
  return target;
}

function required(dht: DhtService | null): DhtService {
  if (dht === null) throw new ControlError(409, "dht_off", "the DHT is off: set dht.enabled = true");
  return dht;
}

function peerDocument(
  { peerId, remoteAddr, id, firstSeenMs, lastSeenMs, rttMs }: DhtContact,
): DhtPeerDocument {
  return {
    peer_id: peerId,
    remote_addr: remoteAddr,
    node_id: id,
    first_seen: new Date(firstSeenMs).toISOString(),
    last_seen: new Date(lastSeenMs).toISOString(),
    rtt_ms: rttMs,
  };
}
