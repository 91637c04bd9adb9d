/**
 * The DHT's edge: timers, promises, the contacts file, and sessions as the node provides them. Decides nothing
 * about the protocol.
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Prng } from "../entropy.ts";
import type { EmitEvent } from "../observe/events.ts";
import type { PeerAddress } from "./contact.ts";
import type { DhtOutput } from "./dht_context.ts";
import { DhtCore, type DhtIdentity } from "./dht_core.ts";
import type { DhtSettings } from "./dht_settings.ts";
import { hasOwnAddress, isCanonicalAddress } from "./endpoint_address.ts";
import type { LookupKind } from "./lookup.ts";
import { type NodeId, nodeIdOf, pointOf } from "./node_id.ts";
import type { DhtRecord, RecordSuite } from "./record.ts";
import { Introducers } from "./introducers_edge.ts";
import { KeptContacts } from "./kept_contacts_edge.ts";
import { Outbound } from "./outbound_edge.ts";
import { Search } from "./search_edge.ts";

/** A session as the DHT sees it. */
export interface DhtSession {
  readonly id: number;
  readonly peerId: PeerId;
  /** `host:port`, as it is now. */
  readonly remoteAddr: string;
  /** Who established it. */
  readonly direction?: "inbound" | "outbound";
}

/** What the DHT needs of the node. */
export interface DhtNetwork {
  /** The session with `peerId`, or null while there is none. */
  sessionWith(peerId: PeerId): DhtSession | null;
  /** Establishes a session, or joins an attempt under way. Rejects when that fails or `signal` aborts. */
  connect(peerId: PeerId, address: string, signal: AbortSignal): Promise<DhtSession>;
  /** Sends one DATAGRAM frame; unreliable. The bytes are copied. Returns whether it was accepted. */
  sendDatagram(sessionId: number, bytes: Uint8Array): boolean;
}

export interface DhtServiceOptions {
  readonly identity: DhtIdentity;
  readonly suite: RecordSuite;
  readonly prng: Prng;
  readonly clock: Clock;
  readonly network: DhtNetwork;
  readonly emit: EmitEvent;
  readonly settings?: Partial<DhtSettings>;
  readonly bootstrap: readonly PeerAddress[];
  /** `host:port` forms that the operator says we are reached at. */
  readonly advertise?: readonly string[];
  /** Where contacts are kept across restarts; none are when absent. */
  readonly contactsFile?: string;
  /** Addresses of this machine's interfaces: seen at another one, the node is behind a NAT. Default: it never is. */
  readonly localHosts?: () => readonly string[];
  /** Told whom we ask to introduce others to us, whenever that changes; nobody while we can be reached directly. */
  readonly onIntroducers?: (introducers: readonly PeerAddress[]) => void;
}

/** Where a peer was found. */
export interface FoundPeer {
  readonly peerId: PeerId;
  /** Best first. */
  readonly addresses: readonly string[];
  /** Peers that will introduce others to it. */
  readonly introducers: readonly PeerAddress[];
}

/** A provider of some content. */
export interface FoundProvider {
  readonly peerId: PeerId;
  readonly addresses: readonly string[];
}

/** One contact as people see it. */
export interface DhtContact {
  readonly peerId: PeerId;
  readonly remoteAddr: string;
  readonly id: NodeId;
  /** Milliseconds since the Unix epoch. */
  readonly lastSeenMs: number;
  readonly firstSeenMs: number;
  /** Null before the first measurement. */
  readonly rttMs: number | null;
}

export class DhtService {
  readonly #options: DhtServiceOptions;
  readonly #core: DhtCore;
  readonly #searches = new Map<number, Search>();
  readonly #announced = new Map<NodeId, PromiseWithResolvers<void>>();
  readonly #outbound: Outbound;
  readonly #kept: KeptContacts | null;
  readonly #stopping = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt: Instant | null = null;
  readonly #introducers: Introducers;
  #isRunning = false;

  constructor(options: DhtServiceOptions) {
    this.#options = options;
    const { identity, suite, prng, settings, clock } = options;
    this.#core = new DhtCore(clock.now(), {
      identity,
      suite,
      prng,
      ...(settings === undefined ? {} : { settings }),
      epochMs: (now) => clock.epochMs() + (now - clock.now()),
    });
    this.#outbound = new Outbound(
      options.network,
      (peerId) => this.#turn((now) => this.#core.handleUnreachable(now, peerId)),
    );
    this.#kept = options.contactsFile === undefined ? null : new KeptContacts({
      path: options.contactsFile,
      contacts: () => this.#core.contacts(),
      onFailure: (error) => this.#notice(error),
    });
    this.#introducers = new Introducers({
      core: this.#core,
      hasSession: (peerId) => options.network.sessionWith(peerId) !== null,
      turn: (input) => this.#turn(input),
      onChanged: (introducers) => {
        options.onIntroducers?.(introducers);
        this.#turn((now) => this.#core.advertise(now, this.#advertised, introducers));
      },
    });
  }

  /** Enters the network through saved contacts and bootstrap peers; returns before that is done. */
  async start(): Promise<void> {
    const saved = await this.#kept?.start() ?? [];
    this.#isRunning = true;
    this.#turn((now) => {
      this.#core.advertise(now, this.#advertised);
      this.#core.join(now, [...this.#options.bootstrap, ...saved]);
    });
  }

  /** Says goodbye to the peers there are sessions with, and saves the contacts. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#turn((now) => this.#core.leave(now));
    this.#isRunning = false;
    this.#introducers.stop();
    clearTimeout(this.#timer);
    const gone = new Error("The DHT has stopped");
    this.#stopping.abort(gone);
    this.#outbound.stop(gone);
    for (const search of this.#searches.values()) search.fail(gone);
    for (const { reject } of this.#announced.values()) reject(gone);
    this.#searches.clear();
    this.#announced.clear();
    await this.#kept?.stop();
  }

  /** A DATAGRAM frame of type 1 arrived. The bytes are borrowed until the call returns. */
  onDatagram(session: DhtSession, bytes: Uint8Array): void {
    // A relayed session has no address of its own to remember its peer by.
    if (!this.#isRunning || !hasOwnAddress(session)) return;
    const from = { peerId: session.peerId, address: session.remoteAddr };
    this.#turn((now) => this.#core.handleDatagram(now, from, bytes));
  }

  /**
   * Where `peerId` says it is, or null when nobody knows.
   *
   * @param options.thorough asks on after a record that is recent enough: for when its addresses no longer answer.
   * @throws what `signal` aborts with, or an error when the DHT stops.
   */
  async lookupPeer(
    peerId: PeerId,
    { thorough = false, signal }: { thorough?: boolean; signal?: AbortSignal } = {},
  ): Promise<FoundPeer | null> {
    let newest: DhtRecord | null = null;
    const id = nodeIdOf(this.#options.suite, peerId);
    for await (const record of this.#search("peer", id, thorough, signal)) newest = record;
    if (newest === null || newest.kind !== "peer") return null;
    return { peerId, addresses: newest.addresses, introducers: newest.introducers };
  }

  /** The peers that say they have the content `root` (32 bytes), each once, as they are found. */
  async *findProviders(root: Uint8Array, signal?: AbortSignal): AsyncGenerator<FoundProvider> {
    const seen = new Set<PeerId>([this.#options.identity.peerId]);
    for await (const record of this.#search("providers", pointOf(root), false, signal)) {
      if (seen.has(record.subject)) continue;
      seen.add(record.subject);
      yield { peerId: record.subject, addresses: record.addresses };
    }
  }

  /** The peers closest to a point that answer now, closest first. */
  async closestPeers(target: NodeId, signal?: AbortSignal): Promise<readonly PeerAddress[]> {
    const search = this.#begin("node", target, false, signal);
    for await (const _ of search.records()) continue;
    return search.closest;
  }

  /**
   * Says that this node has the content `root` (32 bytes), now and every hour until `signal` aborts.
   *
   * Resolves when the first round of stores has ended.
   */
  announce(root: Uint8Array, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const key = pointOf(root);
    const known = this.#announced.get(key);
    if (known !== undefined) return known.promise;
    const announced = Promise.withResolvers<void>();
    this.#announced.set(key, announced);
    signal?.addEventListener("abort", () => {
      this.#core.withdraw(key);
      if (this.#announced.delete(key)) announced.reject(signal.reason);
    }, { once: true });
    this.#turn((now) => this.#core.announce(now, key));
    return announced.promise;
  }

  /** Everything known about every contact. */
  peers(): DhtContact[] {
    const { clock } = this.#options;
    const toEpoch = clock.epochMs() - clock.now();
    return this.#core.contacts().map(({ peerId, address, id, lastSeenAt, firstSeenAt, rttMs }) => ({
      peerId,
      remoteAddr: address,
      id,
      lastSeenMs: Math.round(lastSeenAt + toEpoch),
      firstSeenMs: Math.round(firstSeenAt + toEpoch),
      rttMs: rttMs < 0 ? null : rttMs,
    }));
  }

  /** A stranger established a session with us: nothing keeps others out. */
  onReachedByStranger(): void {
    if (!this.isBehindNat) return;
    this.#introducers.show();
    this.#notice("A stranger reached this node: it is no longer taken to be behind a NAT");
  }

  /** Whether this node takes itself to be out of strangers' reach. */
  get isBehindNat(): boolean {
    return this.#core.isClient;
  }

  /** The address that several peers agree we have, or null. */
  get ownAddress(): string | null {
    return this.#core.ownAddress;
  }

  /** The size of things, for monitoring (`DhtView`). */
  get view(): {
    readonly peers: number;
    readonly storedValues: number;
    readonly storedBytes: number;
    readonly isBootstrapOfNobody: boolean;
    contacts(): DhtContact[];
  } {
    return {
      peers: this.#core.peers,
      storedValues: this.#core.storedValues,
      storedBytes: this.#core.storedBytes,
      isBootstrapOfNobody: this.#options.bootstrap.length === 0,
      contacts: () => this.peers(),
    };
  }

  async *#search(
    kind: LookupKind,
    target: NodeId,
    thorough: boolean,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<DhtRecord> {
    yield* this.#begin(kind, target, thorough, signal).records();
  }

  #begin(kind: LookupKind, target: NodeId, thorough: boolean, signal: AbortSignal | undefined): Search {
    signal?.throwIfAborted();
    this.#stopping.signal.throwIfAborted();
    const search = new Search();
    // A lookup that nobody can answer has ended before its number is known: hence registered inside the turn.
    const id = this.#turn((now) => {
      const id = this.#core.lookup(now, kind, target, { thorough });
      this.#searches.set(id, search);
      return id;
    });
    const giveUp = () => {
      this.#searches.delete(id);
      this.#turn((now) => this.#core.cancelLookup(now, id));
    };
    search.onAbandoned = giveUp;
    const abort = () => {
      search.fail(signal!.reason);
      giveUp();
    };
    signal?.addEventListener("abort", abort, { once: true });
    // The signal may be the node's own, and outlive any number of searches.
    search.onOver = () => signal?.removeEventListener("abort", abort);
    return search;
  }

  get #advertised(): string[] {
    return (this.#options.advertise ?? []).filter(isCanonicalAddress);
  }

  /** Whether we can be reached there: an interface has it, the operator says so, or nobody told us to look. */
  #isLocal(address: string): boolean {
    const { localHosts } = this.#options;
    const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
    return localHosts === undefined || this.#advertised.length > 0 || localHosts().includes(host);
  }

  /** One input to the core, and everything that follows from it. */
  #turn<T>(input: (now: Instant) => T): T {
    const now = this.#options.clock.now();
    const result = input(now);
    for (let out = this.#core.pollTransmit(); out !== null; out = this.#core.pollTransmit()) {
      this.#outbound.send(out);
    }
    for (let output = this.#core.pollOutput(); output !== null; output = this.#core.pollOutput()) {
      this.#take(output);
    }
    this.#arm(now);
    return result;
  }

  #arm(now: Instant): void {
    const at = this.#core.nextTimeout();
    if (!this.#isRunning || at === this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timerAt = null;
      this.#turn((now) => this.#core.handleTimeout(now));
    }, Math.max(1, at - now));
  }

  #take(output: DhtOutput): void {
    switch (output.kind) {
      case "event":
        this.#options.emit(output.event);
        return;
      case "record":
        this.#searches.get(output.lookupId)?.add(output.signed.record);
        return;
      case "finished":
        this.#searches.get(output.lookupId)?.end(output.closest);
        this.#searches.delete(output.lookupId);
        return;
      case "published":
        this.#announced.get(output.key)?.resolve();
        return;
      case "own_address":
        if (output.address === null) return;
        this.#notice(`Peers see this node at ${output.address}`);
        if (this.#isLocal(output.address)) return;
        this.#notice("This node is behind a NAT: other peers will introduce it");
        this.#introducers.hide();
        return;
      case "address_varies":
        if (this.#options.localHosts === undefined || this.#advertised.length > 0) return;
        this.#notice("Every peer sees this node at another port: it is behind a symmetric NAT");
        this.#introducers.hide();
    }
  }

  #notice(what: unknown): void {
    const message = what instanceof Error ? what.message : String(what);
    const severity = what instanceof Error ? "warn" : "info";
    this.#options.emit({ type: "node.notice", severity, component: "dht", message });
  }
}
