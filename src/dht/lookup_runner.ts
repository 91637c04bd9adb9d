/**
 * Runs lookups: puts their questions, feeds them the answers, checks every record before it counts, and says when
 * they end.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Located, PeerAddress } from "./contact.ts";
import type { DhtContext } from "./dht_context.ts";
import { mayMention } from "./endpoint_address.ts";
import { Lookup, type LookupKind, type LookupShape, type LookupStep } from "./lookup.ts";
import type { NodeId } from "./node_id.ts";
import { readRecord, type RecordKind, type SignedRecord, verifyRecord } from "./record.ts";
import type { DhtAnswer, DhtRequest } from "./rpc.ts";

export interface LookupOptions {
  /** Peers to start from besides those of the routing table. */
  readonly seeds?: readonly PeerAddress[];
  /** Whether to go on after the first record that is recent enough, in case there is a newer one. */
  readonly thorough?: boolean;
  /** Disjoint paths; default: as configured for values, one otherwise. */
  readonly paths?: number;
  /** Records after which a search for providers may stop. */
  readonly wanted?: number;
  /** Told when the lookup ends, before the outside is. */
  readonly onFinished?: (now: Instant, lookup: Lookup) => void;
}

export class LookupRunner {
  readonly #context: DhtContext;
  readonly #shape: LookupShape;
  readonly #active = new Map<number, Running>();
  #nextId = 1;

  /** @param shape as for values; other lookups use one path of it. */
  constructor(context: DhtContext, shape: LookupShape) {
    this.#context = context;
    this.#shape = shape;
  }

  get active(): number {
    return this.#active.size;
  }

  /** Starts a lookup. With nobody to ask it has ended when this returns; its outcome is in the outputs as ever. */
  start(now: Instant, kind: LookupKind, target: NodeId, options: LookupOptions = {}): number {
    const { table, output } = this.#context;
    const id = this.#nextId++;
    const paths = options.paths ?? (kind === "node" ? 1 : this.#shape.paths);
    const given = (options.seeds ?? []).map((peer) => this.#context.locate(peer));
    const own: Located[] = table.closest(target, this.#shape.width);
    const seeds = [...new Map([...own, ...given].map((peer) => [peer.id, peer])).values()]
      .filter((peer) => peer.id !== this.#context.self.id);
    const shape = { ...this.#shape, paths, maxPaths: paths === 1 ? 1 : this.#shape.maxPaths };
    const lookup = new Lookup({ id, kind, target, startedAt: now }, shape, seeds);
    const running: Running = { lookup, options, located: new Map() };
    this.#active.set(id, running);
    table.refreshed(now, target);
    output({ kind: "event", event: { type: "dht.lookup.started", lookupId: id, kind, target } });
    this.#offerOwn(now, running);
    this.#advance(now, running);
    return id;
  }

  /** Ends a lookup early, with what it has. Returns whether it was under way. */
  cancel(now: Instant, id: number): boolean {
    const running = this.#active.get(id);
    if (running === undefined) return false;
    this.#finish(now, running);
    return true;
  }

  clear(): void {
    this.#active.clear();
  }

  /** What we keep ourselves answers without a question; it was verified when it was stored. */
  #offerOwn(now: Instant, running: Running): void {
    const { lookup } = running;
    if (lookup.kind === "node") return;
    const { store, epochMs, output } = this.#context;
    for (const { key, bytes } of store.find(RECORD_OF[lookup.kind], lookup.target, epochMs(now))) {
      const signed: SignedRecord = { key, record: readRecord(bytes), bytes };
      if (lookup.offer(signed)) output({ kind: "record", lookupId: lookup.id, signed });
    }
    if (this.#hasEnough(now, running)) this.#finish(now, running);
  }

  #advance(now: Instant, running: Running): void {
    const { lookup } = running;
    for (;;) {
      if (!this.#active.has(lookup.id)) return;
      if (lookup.rpcs >= MAX_RPCS) return this.#finish(now, running);
      const step = lookup.next();
      if (step !== null) {
        this.#put(now, running, step);
      } else if (!lookup.isDone) {
        return;
      } else if (!lookup.widen(this.#context.table.closest(lookup.target, 2 * this.#shape.width))) {
        return this.#finish(now, running);
      }
    }
  }

  #put(now: Instant, running: Running, step: LookupStep): void {
    const { rpcs, rttOf } = this.#context;
    const { lookup } = running;
    const { peer } = step.candidate;
    rpcs.ask(now, peer, rttOf(peer.id), requestOf(lookup), {
      onAnswer: (now, answer, isLast) => {
        if (answer.kind !== "find_node" && answer.kind !== "find_value") return;
        const told = this.#told(running, peer, answer.contacts);
        const honest = this.#takeRecords(now, running, step, answer);
        if (honest) lookup.onAnswer(step, isLast, told);
        else lookup.onFailure(step);
        if (this.#hasEnough(now, running)) this.#finish(now, running);
        else this.#advance(now, running);
      },
      onStall: (now) => {
        lookup.onStall(step);
        this.#advance(now, running);
      },
      onFailure: (now) => {
        lookup.onFailure(step);
        this.#advance(now, running);
      },
    }, lookup.id);
  }

  /** The peers told of, without ourselves and without what the teller has no business to mention. */
  #told(running: Running, from: Located, contacts: readonly PeerAddress[]): Located[] {
    const told: Located[] = [];
    for (const contact of contacts) {
      if (contact.peerId === this.#context.self.peerId || !mayMention(from.address, contact.address)) {
        continue;
      }
      let located = running.located.get(contact.peerId);
      if (located === undefined) {
        located = this.#context.locate(contact);
        running.located.set(contact.peerId, located);
      }
      told.push(located);
    }
    return told;
  }

  /** Checks the records of an answer. Returns false when one was forged: nothing else of that peer counts then. */
  #takeRecords(
    now: Instant,
    { lookup }: Running,
    step: LookupStep,
    answer: Extract<DhtAnswer, { contacts: unknown }>,
  ): boolean {
    if (!this.#active.has(lookup.id)) return true;
    const { suite, epochMs, refuse, output } = this.#context;
    for (const bytes of answer.records) {
      const verdict = verifyRecord(suite, bytes, epochMs(now));
      const fault = verdict.ok ? (answers(lookup, verdict.signed) ? null : "malformed") : verdict.fault;
      if (verdict.ok && fault === null) {
        if (lookup.onRecord(step, verdict.signed)) {
          output({ kind: "record", lookupId: lookup.id, signed: verdict.signed });
        }
        continue;
      }
      refuse("record", fault ?? "malformed", step.candidate.peer);
      // Clocks differ: a record that has just expired here is no proof of malice.
      if (fault !== "expired") return false;
    }
    return true;
  }

  #hasEnough(now: Instant, { lookup, options }: Running): boolean {
    if (lookup.kind === "node" || options.thorough === true) return false;
    const { records } = lookup;
    if (lookup.kind === "providers") return records.length >= (options.wanted ?? DEFAULT_WANTED);
    // A living peer publishes every hour, so a record younger than that is its latest unless it has just moved.
    const youngest = Math.max(0, ...records.map(({ record }) => record.sequence));
    return youngest >= this.#context.epochMs(now) - RECENT_MS;
  }

  #finish(now: Instant, running: Running): void {
    const { lookup, options } = running;
    if (!this.#active.delete(lookup.id)) return;
    const closest = lookup.closest();
    const found = lookup.kind === "node" ? closest.length > 0 : lookup.records.length > 0;
    this.#context.output({
      kind: "event",
      event: {
        type: "dht.lookup.finished",
        lookupId: lookup.id,
        kind: lookup.kind,
        result: found ? "success" : "failure",
        hops: lookup.kind === "node" || !found ? lookup.depth : lookup.hops,
        rpcs: lookup.rpcs,
        durationMs: now - lookup.startedAt,
      },
    });
    this.#context.output({ kind: "finished", lookupId: lookup.id, found, closest });
    options.onFinished?.(now, lookup);
  }
}

interface Running {
  readonly lookup: Lookup;
  readonly options: LookupOptions;
  /** Peers told of so far, so that each is hashed once. */
  readonly located: Map<PeerId, Located>;
}

function requestOf({ kind, target }: Lookup): DhtRequest {
  return kind === "node"
    ? { kind: "find_node", target }
    : { kind: "find_value", of: RECORD_OF[kind], target };
}

/** Whether the record is one that was asked for. */
function answers(lookup: Lookup, { key, record }: SignedRecord): boolean {
  return lookup.kind !== "node" && record.kind === RECORD_OF[lookup.kind] && key === lookup.target;
}

const RECORD_OF: Readonly<Record<Exclude<LookupKind, "node">, RecordKind>> = {
  peer: "peer",
  providers: "provider",
};
/** A lookup that needs more questions than this is being led around. */
const MAX_RPCS = 200;
const DEFAULT_WANTED = 20;
/** The republishing interval, and a quarter of it for lateness and clocks. */
const RECENT_MS = 75 * 60_000;
