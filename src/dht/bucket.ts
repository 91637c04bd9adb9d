/**
 * One bucket of the routing table: up to k peers, in order of when they were last heard, and a few that wait
 * for a place.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { Contact } from "./contact.ts";
import { isInNetwork, networkOf } from "./endpoint_address.ts";
import type { NodeId } from "./node_id.ts";

/** How many peers a bucket may hold. */
export interface BucketLimits {
  /** k. */
  readonly contacts: number;
  /** Peers that wait for a place. */
  readonly replacements: number;
  /** Peers of one /24 (IPv4) or /48 (IPv6), waiting ones counted apart. */
  readonly perNetwork: number;
}

export class Bucket {
  /** Least recently heard first. */
  readonly contacts: Contact[] = [];
  /** Waiting for a place, the most recently heard last. */
  readonly replacements: Contact[] = [];
  /** When the bucket's range was last looked up. */
  refreshedAt: Instant;
  readonly #limits: BucketLimits;

  constructor(limits: BucketLimits, now: Instant) {
    this.#limits = limits;
    this.refreshedAt = now;
  }

  get isFull(): boolean {
    return this.contacts.length >= this.#limits.contacts;
  }

  find(id: NodeId): Contact | undefined {
    return this.contacts.find((contact) => contact.id === id);
  }

  findReplacement(id: NodeId): Contact | undefined {
    return this.replacements.find((contact) => contact.id === id);
  }

  /** Moves a peer of this bucket to the most recently heard end. */
  touch(contact: Contact): void {
    moveToEnd(this.contacts, contact);
  }

  /** Whether one more peer at `address` keeps the limit of peers per network. */
  admits(address: string, except?: Contact): boolean {
    return belowNetworkLimit(this.contacts, address, this.#limits.perNetwork, except);
  }

  /** Keeps `contact` for when a place becomes free; the one that waited longest unheard makes room. */
  keepForLater(contact: Contact): void {
    const known = this.replacements.indexOf(contact);
    if (known >= 0) this.replacements.splice(known, 1);
    if (!belowNetworkLimit(this.replacements, contact.address, this.#limits.perNetwork)) return;
    if (this.replacements.length >= this.#limits.replacements) this.replacements.shift();
    this.replacements.push(contact);
  }

  /** Removes a peer and lets the most recently heard one that waits, and may, take its place. */
  replace(contact: Contact): Contact | null {
    const at = this.contacts.indexOf(contact);
    if (at < 0) return null;
    this.contacts.splice(at, 1);
    for (let i = this.replacements.length - 1; i >= 0; i--) {
      const candidate = this.replacements[i];
      if (!this.admits(candidate.address)) continue;
      this.replacements.splice(i, 1);
      this.contacts.push(candidate);
      return candidate;
    }
    return null;
  }
}

function belowNetworkLimit(
  contacts: readonly Contact[],
  address: string,
  limit: number,
  except?: Contact,
): boolean {
  const network = networkOf(address);
  if (network === null) return true;
  let count = 0;
  for (const contact of contacts) {
    if (contact !== except && isInNetwork(contact.address, network) && ++count >= limit) return false;
  }
  return true;
}

function moveToEnd(contacts: Contact[], contact: Contact): void {
  const at = contacts.indexOf(contact);
  if (at < 0 || at === contacts.length - 1) return;
  contacts.splice(at, 1);
  contacts.push(contact);
}
