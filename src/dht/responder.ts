/**
 * Answers other peers' questions, from the routing table and the records kept.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { Contact, PeerAddress } from "./contact.ts";
import type { DhtContext } from "./dht_context.ts";
import { mayMention } from "./endpoint_address.ts";
import type { NodeId } from "./node_id.ts";
import { verifyRecord } from "./record.ts";
import { type DhtRequest, encodeAnswer, encodeFound, MAX_ANSWER_CONTACTS, type StoreStatus } from "./rpc.ts";

export class Responder {
  readonly #context: DhtContext;

  constructor(context: DhtContext) {
    this.#context = context;
  }

  /** The datagrams that answer `request`. */
  answer(now: Instant, from: PeerAddress, requestId: number, request: DhtRequest): Uint8Array<ArrayBuffer>[] {
    const { rpcs, store, epochMs } = this.#context;
    const head = { requestId, isClient: rpcs.isClient };
    switch (request.kind) {
      case "ping":
        return [encodeAnswer(head, { kind: "ping", observed: from.address })];
      case "find_node":
        return encodeFound(head, "find_node", this.#closestFor(from, request.target), []);
      case "find_value": {
        const records = store.find(request.of, request.target, epochMs(now)).map(({ bytes }) => bytes);
        return encodeFound(head, "find_value", this.#closestFor(from, request.target), records);
      }
      case "store":
        return [encodeAnswer(head, { kind: "store", status: this.#keep(now, from, request.record) })];
      case "leave":
        return [];
    }
  }

  /** Whom to tell of: peers that answered when last asked, that are not the asker, and that it can reach. */
  #closestFor(from: PeerAddress, target: NodeId): Contact[] {
    return this.#context.table.closest(target, MAX_ANSWER_CONTACTS + SPARE)
      .filter((contact) =>
        contact.failures === 0 && contact.peerId !== from.peerId && mayMention(from.address, contact.address)
      )
      .slice(0, MAX_ANSWER_CONTACTS);
  }

  #keep(now: Instant, from: PeerAddress, bytes: Uint8Array): StoreStatus {
    const { suite, store, epochMs, refuse } = this.#context;
    const verdict = verifyRecord(suite, bytes, epochMs(now));
    const status = verdict.ok ? store.put(verdict.signed, from) : verdict.fault;
    if (status !== "stored" && status !== "known") refuse("record", status, from);
    return status;
  }
}

/** Looked at beyond k, for those that will be left out. */
const SPARE = 8;
