/**
 * One of the disjoint paths of a lookup: the peers it has heard of, closest to the target first, and how far each
 * has been asked.
 *
 * @module
 */

import type { Located } from "./contact.ts";
import { networkOf } from "./endpoint_address.ts";
import { compareDistance, type NodeId } from "./node_id.ts";

/** `stalled`: asked, and slower than it should be. */
export type CandidateState = "new" | "asked" | "stalled" | "answered" | "failed";

/** A peer that a path has heard of. */
export interface Candidate {
  readonly peer: Located;
  /** 1 for peers of our own table, one more for each telling. */
  readonly hop: number;
  /** Who told, or null for our own table. */
  toldBy: Teller | null;
  state: CandidateState;
}

/** What came of the peers that somebody told us of. */
export interface Teller {
  /** Of those told, how many answered, and how many did not. */
  good: number;
  bad: number;
}

export class LookupPath {
  /** Sorted by distance. */
  readonly candidates: Candidate[] = [];
  readonly #target: NodeId;
  readonly #width: number;
  readonly #perNetwork: number;
  readonly #known = new Set<NodeId>();
  readonly #networks = new Map<string, number>();

  /** @param width how many of the closest peers must have been asked before the path ends: k. */
  constructor(target: NodeId, width: number, perNetwork: number) {
    this.#target = target;
    this.#width = width;
    this.#perNetwork = perNetwork;
  }

  /** Adds a peer that was told of. Too many of one network are not worth asking: they may all be one attacker's. */
  add(peer: Located, hop: number, toldBy: Teller | null): void {
    if (this.#known.has(peer.id)) {
      this.#vouch(peer, toldBy);
      return;
    }
    const network = networkOf(peer.address);
    if (network !== null) {
      const count = this.#networks.get(network) ?? 0;
      if (count >= this.#perNetwork) return;
      this.#networks.set(network, count + 1);
    }
    this.#known.add(peer.id);
    const at = this.#positionOf(peer.id);
    this.candidates.splice(at, 0, { peer, hop, toldBy, state: "new" });
  }

  /** Whether the path has heard of `id`. */
  knows(id: NodeId): boolean {
    return this.#known.has(id);
  }

  find(id: NodeId): Candidate | undefined {
    return this.candidates.find((candidate) => candidate.peer.id === id);
  }

  /** Questions under way whose answer is not overdue. */
  get asking(): number {
    return this.candidates.reduce((count, { state }) => count + (state === "asked" ? 1 : 0), 0);
  }

  /** The closest peer worth asking next, or null. `isTaken`: another path asks it, so this one does not. */
  next(isTaken: (id: NodeId) => boolean): Candidate | null {
    for (const candidate of this.#window()) {
      if (candidate.state === "new" && !isTaken(candidate.peer.id)) return candidate;
    }
    return null;
  }

  /** Whether the closest peers have all had their say. */
  isDone(isTaken: (id: NodeId) => boolean): boolean {
    for (const { state, peer } of this.#window()) {
      if (state === "asked" || state === "stalled") return false;
      if (state === "new" && !isTaken(peer.id)) return false;
    }
    return true;
  }

  /** Notes a candidate's end, and what that says about whoever told of it. */
  settle(candidate: Candidate, state: "answered" | "failed"): void {
    candidate.state = state;
    if (candidate.toldBy === null) return;
    if (state === "answered") candidate.toldBy.good++;
    else candidate.toldBy.bad++;
  }

  /** The closest peers that may still matter: neither failed nor told of by a liar. */
  *#window(): Generator<Candidate> {
    let count = 0;
    for (const candidate of this.candidates) {
      if (candidate.state === "failed" || (candidate.state === "new" && isLiar(candidate.toldBy))) continue;
      yield candidate;
      if (++count >= this.#width) return;
    }
  }

  #vouch(peer: Located, toldBy: Teller | null): void {
    const candidate = this.find(peer.id);
    if (candidate !== undefined && isLiar(candidate.toldBy)) candidate.toldBy = toldBy;
  }

  #positionOf(id: NodeId): number {
    let low = 0;
    let high = this.candidates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareDistance(this.#target, this.candidates[middle].peer.id, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Somebody whose every peer so far was dead: inventing peers close to the target costs nothing but hashing. */
function isLiar(teller: Teller | null): boolean {
  return teller !== null && teller.good === 0 && teller.bad >= LIES_TOLERATED;
}

/** With a third of all contacts dead from churn, an honest peer is taken for a liar once in 27 times. */
const LIES_TOLERATED = 3;
