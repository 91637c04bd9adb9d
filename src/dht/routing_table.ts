/**
 * The peers a node knows: many of its own neighbourhood, few of the far ends of the space.
 *
 * Peers get in only after they have spoken over an authenticated session, and those that are there and answer
 * stay: newcomers wait. That is Kademlia's own defence (a peer that has been up for long will stay up, and an
 * attacker cannot flush a table with fresh identities).
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { Bucket, type BucketLimits } from "./bucket.ts";
import { Contact, type Located } from "./contact.ts";
import { commonPrefixBits, compareDistance, ID_BITS, type NodeId } from "./node_id.ts";

/**
 * What hearing a peer did. `known`: it was there. `added`: it is now. `waiting`: its bucket is full, and `challenge`
 * is the peer to ask for a sign of life before the newcomer may have its place. `refused`: too many peers of its
 * network are in the bucket. `self`: that is us.
 */
export type SeenOutcome =
  | { readonly kind: "known" | "added"; readonly contact: Contact }
  | { readonly kind: "waiting"; readonly challenge: Contact }
  | { readonly kind: "refused" | "self" };

export class RoutingTable {
  readonly self: NodeId;
  readonly #limits: BucketLimits;
  /** Bucket i holds peers sharing exactly i leading bits with us; the last holds all that share more. */
  readonly #buckets: Bucket[];
  #size = 0;

  constructor(self: NodeId, limits: BucketLimits, now: Instant) {
    this.self = self;
    this.#limits = limits;
    this.#buckets = [new Bucket(limits, now)];
  }

  /** Peers in the table, those waiting not counted. */
  get size(): number {
    return this.#size;
  }

  get buckets(): readonly Bucket[] {
    return this.#buckets;
  }

  find(id: NodeId): Contact | undefined {
    return this.#bucketOf(id).find(id);
  }

  /** Every peer, in no order that means anything. */
  *contacts(): Generator<Contact> {
    for (const bucket of this.#buckets) yield* bucket.contacts;
  }

  /** A peer spoke to us. It is added, moved to the fresh end, or put in line. */
  seen(now: Instant, id: NodeId, peerId: PeerId, address: string): SeenOutcome {
    if (id === this.self) return { kind: "self" };
    const known = this.#bucketOf(id).find(id);
    if (known !== undefined) return this.#seenAgain(now, known, address);

    while (this.#mustSplitFor(id)) this.#split(now);
    const bucket = this.#bucketOf(id);
    if (!bucket.admits(address)) return { kind: "refused" };
    const newcomer = this.#newcomer(now, bucket, id, peerId, address);
    if (bucket.isFull) {
      bucket.keepForLater(newcomer);
      return { kind: "waiting", challenge: bucket.contacts[0] };
    }
    bucket.contacts.push(newcomer);
    this.#size++;
    return { kind: "added", contact: newcomer };
  }

  /**
   * Takes a peer out that no longer answers, or has left.
   *
   * @returns the peer that waited for the place and now has it, or null.
   */
  remove(contact: Contact): Contact | null {
    const bucket = this.#bucketOf(contact.id);
    const before = bucket.contacts.length;
    const successor = bucket.replace(contact);
    this.#size += bucket.contacts.length - before;
    return successor;
  }

  /** Whether somebody waits for a place in the bucket of `id`. */
  hasWaiting(id: NodeId): boolean {
    return this.#bucketOf(id).replacements.length > 0;
  }

  /** Forgets that `id` waits for a place. */
  removeWaiting(id: NodeId): void {
    const { replacements } = this.#bucketOf(id);
    const at = replacements.findIndex((contact) => contact.id === id);
    if (at >= 0) replacements.splice(at, 1);
  }

  /** The up to `count` peers closest to `target`, closest first. */
  closest(target: NodeId, count: number): Contact[] {
    const chosen: Contact[] = [];
    const home = this.#indexOf(target);
    this.#take(chosen, this.#buckets[home].contacts, target, count);
    // All of the deeper buckets differ from the target in one and the same bit: one group, next in distance.
    if (chosen.length < count && home + 1 < this.#buckets.length) {
      const deeper = this.#buckets.slice(home + 1).flatMap((bucket) => bucket.contacts);
      this.#take(chosen, deeper, target, count);
    }
    // Then the shallower ones, each farther than the one before.
    for (let i = home - 1; i >= 0 && chosen.length < count; i--) {
      this.#take(chosen, this.#buckets[i].contacts, target, count);
    }
    return chosen;
  }

  /** Notes that the range of `target` has been looked up. */
  refreshed(now: Instant, target: NodeId): void {
    this.#bucketOf(target).refreshedAt = now;
  }

  /** Whether fewer than `count` known peers are closer to `target` than we are. */
  isAmongClosest(target: NodeId, count: number): boolean {
    const closest = this.closest(target, count);
    return closest.length < count || compareDistance(target, this.self, closest[count - 1].id) < 0;
  }

  #seenAgain(now: Instant, contact: Contact, address: string): SeenOutcome {
    const bucket = this.#bucketOf(contact.id);
    // A peer that moves must not bring its bucket over the limit of its new network.
    if (contact.address !== address && bucket.admits(address, contact)) contact.address = address;
    contact.lastSeenAt = now;
    contact.failures = 0;
    bucket.touch(contact);
    return { kind: "known", contact };
  }

  #newcomer(now: Instant, bucket: Bucket, id: NodeId, peerId: PeerId, address: string): Contact {
    const waiting = bucket.findReplacement(id);
    if (waiting === undefined) return new Contact(id, peerId, address, now);
    waiting.address = address;
    waiting.lastSeenAt = now;
    if (!bucket.isFull) this.removeWaiting(id);
    return waiting;
  }

  #take(chosen: Contact[], group: readonly Contact[], target: NodeId, count: number): void {
    const sorted = [...group].sort((a, b) => compareDistance(target, a.id, b.id));
    for (let i = 0; i < sorted.length && chosen.length < count; i++) chosen.push(sorted[i]);
  }

  /** Only the bucket that holds our own point splits: far ranges stay coarse. */
  #mustSplitFor(id: NodeId): boolean {
    const last = this.#buckets.length - 1;
    return this.#buckets[last].isFull && this.#indexOf(id) === last && last < ID_BITS - 1;
  }

  #split(now: Instant): void {
    const depth = this.#buckets.length - 1;
    const near = new Bucket(this.#limits, now);
    const far = this.#buckets[depth];
    near.refreshedAt = far.refreshedAt;
    // Nobody waits for a place in a bucket that can still split, so only the peers move.
    moveIf(far.contacts, near.contacts, (contact) => this.#shared(contact) > depth);
    this.#buckets.push(near);
  }

  #shared(located: Pick<Located, "id">): number {
    return commonPrefixBits(this.self, located.id);
  }

  #indexOf(id: NodeId): number {
    return Math.min(commonPrefixBits(this.self, id), this.#buckets.length - 1);
  }

  #bucketOf(id: NodeId): Bucket {
    return this.#buckets[this.#indexOf(id)];
  }
}

function moveIf(from: Contact[], to: Contact[], moves: (contact: Contact) => boolean): void {
  to.push(...from.filter(moves));
  const staying = from.filter((contact) => !moves(contact));
  from.splice(0, from.length, ...staying);
}
