/**
 * An iterative lookup: asks the closest peers known for closer ones until there are none, over several paths that
 * share no peer, so that one liar spoils one path.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { Located } from "./contact.ts";
import { type Candidate, LookupPath, type Teller } from "./lookup_path.ts";
import { compareDistance, type NodeId } from "./node_id.ts";
import type { SignedRecord } from "./record.ts";

export type LookupKind = "node" | "peer" | "providers";

export interface LookupShape {
  /** k: how many closest peers a path must have asked. */
  readonly width: number;
  /** alpha: questions of one path at a time. */
  readonly concurrency: number;
  /** d: paths to begin with. */
  readonly paths: number;
  /** Paths in all, after widening. */
  readonly maxPaths: number;
  /** Peers of one /24 or /48 that a path will ask. */
  readonly perNetwork: number;
}

/** A question to put, and on which path's behalf. */
export interface LookupStep {
  readonly path: LookupPath;
  readonly candidate: Candidate;
}

export class Lookup {
  readonly id: number;
  readonly kind: LookupKind;
  readonly target: NodeId;
  readonly startedAt: Instant;
  /** Questions put so far. */
  rpcs = 0;
  /** Tellings between our own table and the peer that had the answer. */
  hops = 0;
  readonly #shape: LookupShape;
  readonly #paths: LookupPath[] = [];
  /** Which path asks a peer. */
  readonly #taken = new Map<NodeId, LookupPath>();
  readonly #tellers = new Map<NodeId, Teller>();
  /** The newest record of each subject. */
  readonly #records = new Map<string, SignedRecord>();

  constructor(
    about: {
      readonly id: number;
      readonly kind: LookupKind;
      readonly target: NodeId;
      readonly startedAt: Instant;
    },
    shape: LookupShape,
    seeds: readonly Located[],
  ) {
    this.id = about.id;
    this.kind = about.kind;
    this.target = about.target;
    this.startedAt = about.startedAt;
    this.#shape = shape;
    this.#open(Math.max(1, Math.min(shape.paths, seeds.length)), seeds);
  }

  get records(): readonly SignedRecord[] {
    return [...this.#records.values()];
  }

  /** The next question to put now, or null when enough are under way. The caller puts it. */
  next(): LookupStep | null {
    for (const path of this.#paths) {
      if (path.asking >= this.#shape.concurrency) continue;
      const candidate = path.next((id) => this.#taken.has(id));
      if (candidate === null) continue;
      candidate.state = "asked";
      this.#taken.set(candidate.peer.id, path);
      this.rpcs++;
      return { path, candidate };
    }
    return null;
  }

  onAnswer({ path, candidate }: LookupStep, isLast: boolean, told: readonly Located[]): void {
    const teller = this.#tellerOf(candidate.peer.id);
    for (const peer of told) path.add(peer, candidate.hop + 1, teller);
    if (isLast) path.settle(candidate, "answered");
  }

  onStall({ candidate }: LookupStep): void {
    if (candidate.state === "asked") candidate.state = "stalled";
  }

  onFailure({ path, candidate }: LookupStep): void {
    path.settle(candidate, "failed");
  }

  /** Takes a verified record. Returns whether it is news to this lookup. */
  onRecord({ candidate }: LookupStep, signed: SignedRecord): boolean {
    const isNews = this.offer(signed);
    if (isNews) this.hops = Math.max(this.hops, candidate.hop);
    return isNews;
  }

  /** Takes a verified record that cost no question. Returns whether it is news. */
  offer(signed: SignedRecord): boolean {
    const held = this.#records.get(signed.record.subject);
    if (held !== undefined && held.record.sequence >= signed.record.sequence) return false;
    this.#records.set(signed.record.subject, signed);
    return true;
  }

  get isDone(): boolean {
    return this.#paths.every((path) => path.isDone((id) => this.#taken.has(id)));
  }

  /** The up to k closest peers that answered, closest first. */
  closest(): Located[] {
    return this.#answered().slice(0, this.#shape.width).map(({ peer }) => peer);
  }

  /** Hops to the closest peer that answered: how deep the search went. */
  get depth(): number {
    return this.#answered()[0]?.hop ?? 0;
  }

  /**
   * Opens more paths when those there were leave doubt: no value found, or a closest peer that some of them never
   * heard of. `reserve`: peers of our own table to start from.
   *
   * @returns whether there is more to ask now.
   */
  widen(reserve: readonly Located[]): boolean {
    const room = this.#shape.maxPaths - this.#paths.length;
    if (room <= 0 || !this.#leavesDoubt()) return false;
    const fresh = reserve.filter(({ id }) => !this.#taken.has(id));
    const heard = this.#paths.flatMap((path) => path.candidates)
      .filter(({ state, peer }) => state === "new" && !this.#taken.has(peer.id))
      .map(({ peer }) => peer);
    const seeds = [...new Map([...fresh, ...heard].map((peer) => [peer.id, peer])).values()];
    if (seeds.length === 0) return false;
    this.#open(Math.min(room, this.#shape.paths, seeds.length), seeds);
    return true;
  }

  #leavesDoubt(): boolean {
    if (this.kind !== "node") return this.#records.size === 0;
    if (this.#paths.length === 1) return false;
    const best = this.#answered()[0];
    return best === undefined || this.#paths.some((path) => !path.knows(best.peer.id));
  }

  #answered(): Candidate[] {
    return this.#paths.flatMap((path) => path.candidates)
      .filter(({ state }) => state === "answered")
      .sort((a, b) => compareDistance(this.target, a.peer.id, b.peer.id));
  }

  /** Deals the seeds out like cards, so that every path starts with some of the closest. */
  #open(count: number, seeds: readonly Located[]): void {
    const { width, perNetwork } = this.#shape;
    const opened = Array.from({ length: count }, () => new LookupPath(this.target, width, perNetwork));
    for (const [i, seed] of seeds.entries()) opened[i % count].add(seed, 1, null);
    this.#paths.push(...opened);
  }

  #tellerOf(id: NodeId): Teller {
    const known = this.#tellers.get(id);
    if (known !== undefined) return known;
    const teller: Teller = { good: 0, bad: 0 };
    this.#tellers.set(id, teller);
    return teller;
  }
}
