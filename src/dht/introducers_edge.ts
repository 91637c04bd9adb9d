/**
 * A node behind a NAT, and the peers that introduce others to it: keeps sessions with a few that strangers can reach.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { PeerAddress } from "./contact.ts";
import type { DhtCore } from "./dht_core.ts";
import { mayMention } from "./endpoint_address.ts";

export interface IntroducersOptions {
  readonly core: DhtCore;
  readonly hasSession: (peerId: PeerId) => boolean;
  /** Gives the core an input and carries out what follows. */
  readonly turn: (input: (now: Instant) => void) => void;
  readonly onChanged: (introducers: readonly PeerAddress[]) => void;
}

export class Introducers {
  readonly #options: IntroducersOptions;
  #chosen: readonly PeerAddress[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: IntroducersOptions) {
    this.#options = options;
  }

  /** We are out of strangers' reach: others must introduce them. */
  hide(): void {
    const { core } = this.#options;
    if (core.isClient) return;
    core.isClient = true;
    this.#timer = setInterval(() => this.#tend(), TEND_INTERVAL_MS);
    // Whoever calls is in the middle of a turn: the first round waits for its end.
    queueMicrotask(() => this.#tend());
  }

  /** We can be reached after all. */
  show(): void {
    this.stop();
    this.#options.core.isClient = false;
    this.#change([]);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tend(): void {
    if (this.#timer === undefined) return;
    const { core, hasSession, turn } = this.#options;
    const own = core.ownAddress;
    const eligible = core.closest(core.id, CONSIDERED)
      .filter(({ address }) => own === null || mayMention(own, address));
    // Those there is a session with stay: a change would have to be published first.
    const chosen = eligible
      .toSorted((a, b) => Number(hasSession(b.peerId)) - Number(hasSession(a.peerId)))
      .slice(0, INTRODUCERS)
      .map(({ peerId, address }) => ({ peerId, address }));
    turn((now) => {
      for (const introducer of chosen) core.ping(now, introducer);
    });
    this.#change(chosen);
  }

  #change(introducers: readonly PeerAddress[]): void {
    if (namesOf(introducers) === namesOf(this.#chosen)) return;
    this.#chosen = introducers;
    this.#options.onChanged(introducers);
  }
}

function namesOf(peers: readonly PeerAddress[]): string {
  return peers.map(({ peerId }) => peerId).sort().join();
}

/** Below the shortest lifetime of a NAT's UDP mapping that is at all common. */
const TEND_INTERVAL_MS = 20_000;
const INTRODUCERS = 3;
const CONSIDERED = 20;
