/**
 * Where we say that we are: what the operator knows, what other peers see, and who introduces others to us.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerAddress } from "./contact.ts";
import type { DhtContext } from "./dht_context.ts";
import { scopeOf } from "./endpoint_address.ts";
import { OwnAddress } from "./own_address.ts";
import type { Publisher } from "./publisher.ts";
import { MAX_RECORD_ADDRESSES } from "./record.ts";
import type { DhtAnswer } from "./rpc.ts";

export class Whereabouts {
  readonly #context: DhtContext;
  readonly #publisher: Publisher;
  readonly #observed = new OwnAddress();
  #configured: readonly string[] = [];
  #introducers: readonly PeerAddress[] = [];
  #learned: string | null = null;
  #addressVaries = false;

  constructor(context: DhtContext, publisher: Publisher) {
    this.#context = context;
    this.#publisher = publisher;
  }

  /** The address that observers agree on, or null. */
  get learned(): string | null {
    return this.#learned;
  }

  /** Sets what the operator says, and who introduces others to us. */
  advertise(now: Instant, addresses: readonly string[], introducers: readonly PeerAddress[]): void {
    const before = JSON.stringify([this.#configured, this.#introducers]);
    this.#configured = addresses;
    this.#introducers = introducers;
    if (JSON.stringify([addresses, introducers]) !== before) this.publish(now);
  }

  /** Best first. */
  addresses(): string[] {
    const all = this.#learned === null ? this.#configured : [...this.#configured, this.#learned];
    return [...new Set(all)].slice(0, MAX_RECORD_ADDRESSES);
  }

  /** A peer answered a PING, and said where it sees us. */
  onPong(now: Instant, from: PeerAddress, answer: DhtAnswer): void {
    if (answer.kind !== "ping") return;
    this.#observed.observe(now, from.peerId, from.address, answer.observed);
    this.reconsider(now);
  }

  /** Draws conclusions from what observers say, which also ages. */
  reconsider(now: Instant): void {
    const { table, output } = this.#context;
    const quorum = Math.max(1, Math.min(OBSERVERS_NEEDED, table.size));
    const agreed = this.#observed.agreed(now, quorum);
    const varies = agreed === null && this.#observed.mapping(now) === "varying";
    if (varies && !this.#addressVaries) output({ kind: "address_varies" });
    this.#addressVaries = varies;
    if (agreed === this.#learned) return;
    this.#learned = agreed;
    output({ kind: "own_address", address: agreed });
    if (agreed !== null) this.publish(now);
  }

  /** Publishes our peer record, now and from then on; nothing goes out while there is nothing to say. */
  publish(now: Instant): void {
    const { self, rpcs } = this.#context;
    this.#publisher.publish(now, "peer", self.id, () => {
      const addresses = rpcs.isClient ? this.#introducedAddresses() : this.addresses();
      if (addresses.length === 0 && this.#introducers.length === 0) return null;
      return { kind: "peer", addresses, introducers: this.#introducers };
    });
  }

  /** Behind a NAT the outer address is still worth saying: it is what a hole is punched to. */
  #introducedAddresses(): string[] {
    return this.addresses().filter((address) => scopeOf(address) !== "loopback");
  }
}

/** How many peers of different networks must agree on our address, where we know that many. */
const OBSERVERS_NEEDED = 3;
