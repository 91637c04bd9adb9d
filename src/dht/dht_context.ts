/**
 * What the parts of the DHT share: who we are, whom we know, what we keep, and where results go.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Prng } from "../entropy.ts";
import type { NodeEvent } from "../observe/events.ts";
import type { Located, PeerAddress } from "./contact.ts";
import type { NodeId } from "./node_id.ts";
import type { RecordSuite, SignedRecord } from "./record.ts";
import type { RecordStore } from "./record_store.ts";
import type { RoutingTable } from "./routing_table.ts";
import type { RpcBook } from "./rpc_book.ts";

/** What the DHT hands out. */
export type DhtOutput =
  | { readonly kind: "event"; readonly event: NodeEvent }
  /** A lookup came upon a record, newer than any it had of that subject. */
  | { readonly kind: "record"; readonly lookupId: number; readonly signed: SignedRecord }
  | {
    readonly kind: "finished";
    readonly lookupId: number;
    readonly found: boolean;
    /** Closest first. */
    readonly closest: readonly PeerAddress[];
  }
  /** A record of ours has gone out to `stored` peers. */
  | { readonly kind: "published"; readonly key: NodeId; readonly stored: number }
  /** Everybody sees us at another port: a symmetric NAT is in between. */
  | { readonly kind: "address_varies" }
  /** Enough peers agree on where we are, or no longer do. */
  | { readonly kind: "own_address"; readonly address: string | null };

export interface DhtContext {
  readonly self: Located;
  /** The 32-byte secret of our identity. */
  readonly seed: Uint8Array;
  readonly suite: RecordSuite;
  readonly prng: Prng;
  readonly table: RoutingTable;
  readonly store: RecordStore;
  readonly rpcs: RpcBook;
  /** k. */
  readonly replication: number;
  /** Calendar time at `now`: records expire by it. */
  epochMs(now: Instant): number;
  locate(peer: PeerAddress): Located;
  output(output: DhtOutput): void;
  /** The round trip known of a peer, or -1. */
  rttOf(id: NodeId): number;
  /** Reports that a peer sent a record or question we will not have. */
  refuse(
    what: "query" | "record",
    reason: RefusalReason,
    from: { readonly peerId: PeerId; readonly address: string },
    count?: number,
  ): void;
}

export type RefusalReason =
  | "rate_limited"
  | "full"
  | "too_large"
  | "bad_signature"
  | "stale"
  | "expired"
  | "malformed";
