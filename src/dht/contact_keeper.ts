/**
 * Who gets into the routing table, and who falls out of it: contacts live and die by whether they speak and answer,
 * whatever the question was for.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { Contact, Located } from "./contact.ts";
import type { DhtContext } from "./dht_context.ts";
import type { Maintenance } from "./maintenance.ts";
import type { NodeId } from "./node_id.ts";
import type { RpcEnd } from "./rpc_book.ts";

export class ContactKeeper {
  readonly #context: DhtContext;
  readonly #maintenance: Maintenance;
  /** Contacts asked for a sign of life because somebody waits for their place. */
  readonly #challenged = new Set<NodeId>();

  constructor(context: DhtContext, maintenance: Maintenance) {
    this.#context = context;
    this.#maintenance = maintenance;
  }

  /** A peer spoke that others can reach. */
  onHeard(now: Instant, { id, peerId, address }: Located): void {
    const outcome = this.#context.table.seen(now, id, peerId, address);
    if (outcome.kind === "waiting") return this.#challenge(now, outcome.challenge);
    if (outcome.kind !== "added") return;
    this.#report("dht.contact_added", outcome.contact);
    this.#maintenance.onHeard(now, outcome.contact);
  }

  /** A peer said goodbye. */
  onLeave(now: Instant, { id }: Located): void {
    const { table } = this.#context;
    const contact = table.find(id);
    if (contact !== undefined) this.#remove(now, contact);
    else table.removeWaiting(id);
  }

  /** A question ended, with an answer or without. */
  onRpcEnd(now: Instant, { to, result, durationMs }: RpcEnd): void {
    const { table } = this.#context;
    const contact = table.find(to.id);
    if (contact === undefined) return;
    if (result === "success" || result === "refused") {
      // The shortest one measured: others hold a handshake, or a lost datagram.
      contact.rttMs = contact.rttMs < 0 ? durationMs : Math.min(contact.rttMs, durationMs);
      return;
    }
    contact.failures++;
    if (!table.hasWaiting(contact.id) && contact.failures < MAX_FAILURES) return;
    this.#remove(now, contact, true);
  }

  /** Somebody waits for this peer's place: it must show that it is alive, unless it just has. */
  #challenge(now: Instant, contact: Contact): void {
    if (now - contact.lastSeenAt < CHALLENGE_AFTER_MS || this.#challenged.has(contact.id)) return;
    this.#challenged.add(contact.id);
    const settle = () => this.#challenged.delete(contact.id);
    this.#maintenance.ping(now, contact, settle, settle);
  }

  #remove(now: Instant, contact: Contact, isLost = false): void {
    const { table } = this.#context;
    const successor = table.remove(contact);
    this.#report("dht.contact_removed", contact);
    if (isLost) this.#maintenance.onLost(contact);
    if (successor !== null) this.#report("dht.contact_added", successor);
    if (table.size === 0) this.#maintenance.onAlone(now);
  }

  #report(type: "dht.contact_added" | "dht.contact_removed", { peerId, address }: Contact): void {
    this.#context.output({ kind: "event", event: { type, peerId, remoteAddr: address } });
  }
}

/** A peer heard within this has shown that it is alive. */
const CHALLENGE_AFTER_MS = 60_000;
/** A peer nobody waits to replace may fail once: the datagrams may have been lost. */
const MAX_FAILURES = 2;
