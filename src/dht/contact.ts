/**
 * A peer as the routing table knows it.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { NodeId } from "./node_id.ts";

/** A peer that someone may ask: what an answer carries and a lookup works with. */
export interface PeerAddress {
  readonly peerId: PeerId;
  /** Canonical `host:port` text. */
  readonly address: string;
}

/** A peer's place in the space, and where to reach it. */
export interface Located extends PeerAddress {
  readonly id: NodeId;
}

/** An entry of the routing table. Exists only for peers that have spoken to us over an authenticated session. */
export class Contact implements Located {
  address: string;
  lastSeenAt: Instant;
  /** The shortest round trip of a question and its answer, or -1 before the first. */
  rttMs = -1;
  /** Questions in a row that found no answer. */
  failures = 0;

  constructor(
    readonly id: NodeId,
    readonly peerId: PeerId,
    address: string,
    readonly firstSeenAt: Instant,
  ) {
    this.address = address;
    this.lastSeenAt = firstSeenAt;
  }
}
