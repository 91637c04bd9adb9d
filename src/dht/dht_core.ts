/**
 * The DHT as a state machine: messages of authenticated peers and the time go in; messages to send, results and
 * the next deadline come out.
 *
 * After any input or command: drain {@link DhtCore.pollTransmit} and {@link DhtCore.pollOutput}, then read
 * {@link DhtCore.nextTimeout}.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Prng } from "../entropy.ts";
import type { DhtQueryReceived, NodeEvent } from "../observe/events.ts";
import { DecodeError } from "../wire/decode_error.ts";
import type { Contact, Located, PeerAddress } from "./contact.ts";
import { ContactKeeper } from "./contact_keeper.ts";
import type { DhtContext, DhtOutput } from "./dht_context.ts";
import { type DhtSettings, dhtSettings } from "./dht_settings.ts";
import { FloodGuard } from "./flood_guard.ts";
import type { LookupKind } from "./lookup.ts";
import { type LookupOptions, LookupRunner } from "./lookup_runner.ts";
import { Maintenance } from "./maintenance.ts";
import { type NodeId, nodeIdOf } from "./node_id.ts";
import { Publisher } from "./publisher.ts";
import type { RecordSuite } from "./record.ts";
import { RecordStore } from "./record_store.ts";
import { Responder } from "./responder.ts";
import { RoutingTable } from "./routing_table.ts";
import { decodeMessage, type DhtAnswer, type DhtMessage, type DhtRequest } from "./rpc.ts";
import { RpcBook, type RpcEnd } from "./rpc_book.ts";
import { Whereabouts } from "./whereabouts.ts";

export interface DhtIdentity {
  readonly peerId: PeerId;
  /** The 32-byte Ed25519 secret. */
  readonly seed: Uint8Array;
}

export interface DhtCoreOptions {
  readonly identity: DhtIdentity;
  readonly suite: RecordSuite;
  readonly prng: Prng;
  readonly settings?: Partial<DhtSettings>;
  /** Calendar time, in milliseconds since the Unix epoch, at an instant. */
  readonly epochMs: (now: Instant) => number;
  /** A peer's point, for simulations that share a memory of them. Default: computed each time. */
  readonly idOf?: (peerId: PeerId) => NodeId;
}

export class DhtCore {
  readonly #context: DhtContext;
  readonly #settings: DhtSettings;
  readonly #table: RoutingTable;
  readonly #store: RecordStore;
  readonly #rpcs: RpcBook;
  readonly #lookups: LookupRunner;
  readonly #publisher: Publisher;
  readonly #maintenance: Maintenance;
  readonly #responder: Responder;
  readonly #guard: FloodGuard;
  readonly #contacts: ContactKeeper;
  readonly #whereabouts: Whereabouts;
  readonly #outputs: DhtOutput[] = [];
  #sweepAt: Instant;
  #unsolicited = 0;

  constructor(now: Instant, options: DhtCoreOptions) {
    const { identity, suite, prng, settings, epochMs } = options;
    const idOf = options.idOf ?? ((peerId) => nodeIdOf(suite, peerId));
    this.#settings = dhtSettings(settings);
    const self: Located = { peerId: identity.peerId, address: "", id: idOf(identity.peerId) };
    const { bucket, records, flood, timeouts, maintenance, lookup, replication } = this.#settings;
    this.#table = new RoutingTable(self.id, bucket, now);
    this.#store = new RecordStore(self.id, records);
    this.#guard = new FloodGuard(flood);
    this.#rpcs = new RpcBook(timeouts, prng, (now, end) => this.#onRpcEnd(now, end));
    this.#context = {
      self,
      seed: identity.seed,
      suite,
      prng,
      table: this.#table,
      store: this.#store,
      rpcs: this.#rpcs,
      replication,
      epochMs,
      locate: ({ peerId, address }) => ({ peerId, address, id: idOf(peerId) }),
      output: (output) => this.#outputs.push(output),
      rttOf: (id) => this.#table.find(id)?.rttMs ?? -1,
      refuse: (what, reason, { peerId, address }, count) =>
        this.#emit({
          type: "dht.refused",
          what,
          reason,
          peerId,
          remoteAddr: address,
          ...(count === undefined ? {} : { count }),
        }),
    };
    this.#lookups = new LookupRunner(this.#context, lookup);
    this.#publisher = new Publisher(this.#context, this.#lookups, this.#settings.republishMs, lookup.paths);
    this.#whereabouts = new Whereabouts(this.#context, this.#publisher);
    this.#maintenance = new Maintenance(
      this.#context,
      this.#lookups,
      maintenance,
      (now, from, answer) => this.#whereabouts.onPong(now, from, answer),
    );
    this.#contacts = new ContactKeeper(this.#context, this.#maintenance);
    this.#responder = new Responder(this.#context);
    this.#sweepAt = later(now, SWEEP_MS);
  }

  get id(): NodeId {
    return this.#context.self.id;
  }

  get peers(): number {
    return this.#table.size;
  }

  get storedValues(): number {
    return this.#store.count;
  }

  get storedBytes(): number {
    return this.#store.bytes;
  }

  get activeLookups(): number {
    return this.#lookups.active;
  }

  /** Answers that nobody waited for. */
  get unsolicitedAnswers(): number {
    return this.#unsolicited;
  }

  /** Whether we are behind something that keeps strangers out, so that others must not count on reaching us. */
  get isClient(): boolean {
    return this.#rpcs.isClient;
  }

  set isClient(value: boolean) {
    this.#rpcs.isClient = value;
  }

  /** Every peer of the routing table. */
  contacts(): readonly Readonly<Contact>[] {
    return [...this.#table.contacts()];
  }

  /** Up to `count` peers of the routing table closest to `target`. */
  closest(target: NodeId, count: number): readonly Readonly<Contact>[] {
    return this.#table.closest(target, count);
  }

  /** The address that observers agree on, or null. */
  get ownAddress(): string | null {
    return this.#whereabouts.learned;
  }

  /** Enters the network through any of `seeds`, and publishes where we are. */
  join(now: Instant, seeds: readonly PeerAddress[]): void {
    this.#maintenance.join(now, seeds);
    this.#whereabouts.publish(now);
  }

  /** Tells the peers there is a session with that we go, and stops asking. */
  leave(now: Instant): void {
    for (const contact of this.#table.contacts()) this.#rpcs.tell(contact, { kind: "leave" });
    this.#maintenance.stop();
    this.#lookups.clear();
    this.#rpcs.clear();
    this.#sweepAt = later(now, SWEEP_MS);
  }

  /** Searches for the closest peers to `target`, a peer's record, or a content's providers. */
  lookup(now: Instant, kind: LookupKind, target: NodeId, options: LookupOptions = {}): number {
    return this.#lookups.start(now, kind, target, options);
  }

  /** Asks a peer for a sign of life, and keeps the session with it open. */
  ping(now: Instant, peer: PeerAddress): void {
    this.#maintenance.ping(now, peer);
  }

  /** Ends a lookup early, with what it has found so far. */
  cancelLookup(now: Instant, id: number): void {
    this.#lookups.cancel(now, id);
  }

  /** Sets where we can be reached besides what observers say, and who introduces others to us. */
  advertise(now: Instant, addresses: readonly string[], introducers: readonly PeerAddress[] = []): void {
    this.#whereabouts.advertise(now, addresses, introducers);
  }

  /** Says, now and every hour, that we have the content `root`. */
  announce(now: Instant, root: NodeId): void {
    this.#publisher.publish(
      now,
      "provider",
      root,
      () => ({ kind: "provider", root, addresses: this.addresses() }),
    );
  }

  withdraw(root: NodeId): void {
    this.#publisher.withdraw("provider", root);
  }

  /** Where we say that we are. */
  addresses(): string[] {
    return this.#whereabouts.addresses();
  }

  /** A DATAGRAM frame of type 1 arrived on a session with `from`. The bytes are borrowed. */
  handleDatagram(now: Instant, from: PeerAddress, bytes: Uint8Array): void {
    let message: DhtMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if (this.#admits(now, from, "unknown")) this.#context.refuse("query", "malformed", from);
      this.#rpcs.handleMalformed(now, from.peerId);
      return;
    }
    if (message.is === "request") this.#handleRequest(now, from, message, message.request);
    else this.#handleAnswer(now, from, message, message.answer);
  }

  /** No session with `peerId` could be established. */
  handleUnreachable(now: Instant, peerId: PeerId): void {
    this.#rpcs.handleUnreachable(now, peerId);
  }

  handleTimeout(now: Instant): void {
    this.#rpcs.handleTimeout(now);
    this.#maintenance.handleTimeout(now);
    this.#publisher.handleTimeout(now);
    for (const { count, ...from } of this.#guard.takeOverdue(now)) {
      this.#context.refuse("query", "rate_limited", from, count);
    }
    if (this.#sweepAt <= now) {
      this.#sweepAt = later(now, SWEEP_MS);
      this.#store.sweep(this.#context.epochMs(now));
      this.#whereabouts.reconsider(now);
    }
  }

  pollTransmit(): ReturnType<RpcBook["pollTransmit"]> {
    return this.#rpcs.pollTransmit();
  }

  pollOutput(): DhtOutput | null {
    return this.#outputs.shift() ?? null;
  }

  nextTimeout(): Instant {
    const times = [
      this.#rpcs.nextTimeout(),
      this.#maintenance.nextTimeout(),
      this.#publisher.nextTimeout(),
      this.#guard.nextTimeout(),
    ];
    return times.reduce<Instant>((next, at) => at !== null && at < next ? at : next, this.#sweepAt);
  }

  #handleRequest(
    now: Instant,
    from: PeerAddress,
    { requestId, isClient }: DhtMessage,
    request: DhtRequest,
  ): void {
    if (!this.#admits(now, from, request.kind)) return;
    if (request.kind === "leave") return this.#contacts.onLeave(now, this.#context.locate(from));
    // Answer first: the asker needs no telling of itself, and a full table is none of its concern.
    for (const bytes of this.#responder.answer(now, from, requestId, request)) this.#rpcs.send(from, bytes);
    if (!isClient) this.#contacts.onHeard(now, this.#context.locate(from));
  }

  #handleAnswer(
    now: Instant,
    from: PeerAddress,
    { requestId, isClient }: DhtMessage,
    answer: DhtAnswer,
  ): void {
    if (!this.#rpcs.awaits(from.peerId, requestId, answer)) {
      this.#unsolicited++;
      if (!this.#admits(now, from, "answer")) return;
    }
    if (!isClient) this.#contacts.onHeard(now, this.#context.locate(from));
    this.#rpcs.handleAnswer(now, from.peerId, requestId, answer);
  }

  /** Charges a message that nobody asked for to its sender; what is above the limit is counted and goes unheard. */
  #admits(now: Instant, from: PeerAddress, rpc: DhtQueryReceived["rpc"]): boolean {
    this.#emit({ type: "dht.query.received", rpc, peerId: from.peerId, remoteAddr: from.address });
    const verdict = this.#guard.admit(now, from.peerId, from.address);
    if (!verdict.admitted && verdict.report > 0) {
      this.#context.refuse("query", "rate_limited", from, verdict.report);
    }
    return verdict.admitted;
  }

  #onRpcEnd(now: Instant, end: RpcEnd): void {
    const { to, kind, result, durationMs, lookupId } = end;
    if (kind !== "leave") {
      this.#emit({
        type: "dht.rpc.finished",
        rpc: kind,
        peerId: to.peerId,
        result,
        durationMs,
        ...(lookupId === null ? {} : { lookupId }),
      });
    }
    this.#contacts.onRpcEnd(now, end);
  }

  #emit(event: NodeEvent): void {
    this.#outputs.push({ kind: "event", event });
  }
}

const SWEEP_MS = 5 * 60_000;
