/**
 * Sources that are never banned: those where a peer that the operator named has a session.
 *
 * @module
 */

import type { PeerId } from "../../crypto/peer_id.ts";
import type { NodeEvent } from "../events.ts";
import { sourceKeyOf } from "./source_key.ts";

export class AllowList {
  #peers: ReadonlySet<PeerId>;
  /** Sessions of every peer, since the list of names may change while they live. */
  readonly #sessions = new Map<number, { readonly peerId: PeerId; readonly source: string }>();

  constructor(peers: Iterable<PeerId>) {
    this.#peers = new Set(peers);
  }

  /** Replaces the names. */
  allow(peers: Iterable<PeerId>): void {
    this.#peers = new Set(peers);
  }

  isAllowed(peerId: PeerId): boolean {
    return this.#peers.has(peerId);
  }

  /** Whether an allowed peer has a session from `source`. Walks the sessions: asked only before a ban. */
  covers(source: string): boolean {
    for (const session of this.#sessions.values()) {
      if (session.source === source && this.#peers.has(session.peerId)) return true;
    }
    return false;
  }

  /** Follows sessions as they come, move and go. */
  handle(event: NodeEvent): void {
    switch (event.type) {
      case "session.established":
        this.#sessions.set(event.sessionId, { peerId: event.peerId, source: sourceKeyOf(event.remoteAddr) });
        break;
      case "session.path_changed":
        this.#sessions.set(event.sessionId, { peerId: event.peerId, source: sourceKeyOf(event.to) });
        break;
      case "session.closed":
        this.#sessions.delete(event.sessionId);
        break;
    }
  }
}
