/**
 * Keeps our own records where others look for them: signs them anew every hour and stores them with the k closest
 * peers of that hour.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { Located } from "./contact.ts";
import type { DhtContext } from "./dht_context.ts";
import type { LookupRunner } from "./lookup_runner.ts";
import type { NodeId } from "./node_id.ts";
import { type DhtRecord, RECORD_LIFETIME_MS, signRecord } from "./record.ts";

/** The record's content at this moment, or null while there is nothing to say. */
export type RecordDraft = () => DistributiveOmit<DhtRecord, "subject" | "sequence" | "expiresAtS"> | null;

export class Publisher {
  readonly #context: DhtContext;
  readonly #lookups: LookupRunner;
  readonly #intervalMs: number;
  readonly #paths: number;
  readonly #publications = new Map<string, Publication>();
  #underWay = 0;
  #lastSequence = 0;

  /** @param paths disjoint paths on which the places to store at are found. */
  constructor(context: DhtContext, lookups: LookupRunner, intervalMs: number, paths: number) {
    this.#context = context;
    this.#lookups = lookups;
    this.#intervalMs = intervalMs;
    this.#paths = paths;
  }

  /** Publishes under `key` now and every hour, until {@link withdraw}. */
  publish(now: Instant, kind: DhtRecord["kind"], key: NodeId, draft: RecordDraft): void {
    const name = `${kind}:${key}`;
    const known = this.#publications.get(name);
    if (known === undefined) {
      this.#publications.set(name, { key, draft, dueAt: now, firstAt: null, isUnderWay: false });
    } else known.dueAt = now;
    this.handleTimeout(now);
  }

  /** Publishes no more; what is out there expires by itself. */
  withdraw(kind: DhtRecord["kind"], key: NodeId): void {
    this.#publications.delete(`${kind}:${key}`);
  }

  handleTimeout(now: Instant): void {
    for (const publication of this.#publications.values()) {
      if (this.#underWay >= CONCURRENT_PUBLICATIONS) return;
      if (publication.dueAt <= now && !publication.isUnderWay) this.#publishNow(now, publication);
    }
  }

  nextTimeout(): Instant | null {
    if (this.#underWay >= CONCURRENT_PUBLICATIONS) return null;
    let next = Infinity;
    for (const { dueAt, isUnderWay } of this.#publications.values()) {
      if (!isUnderWay) next = Math.min(next, dueAt);
    }
    return next === Infinity ? null : next as Instant;
  }

  #publishNow(now: Instant, publication: Publication): void {
    // A tenth of the interval at random, so that what was announced together is not renewed together.
    // One round comes early: a node that has just joined knows few peers, and may not find the closest.
    const isFresh = publication.firstAt === null || now - publication.firstAt < EARLY_ROUND_MS / 2;
    const intervalMs = isFresh ? Math.min(EARLY_ROUND_MS, this.#intervalMs) : this.#intervalMs;
    publication.dueAt = later(now, intervalMs * (0.9 + 0.1 * this.#context.prng.next()));
    if (publication.draft() === null) return;
    publication.isUnderWay = true;
    this.#underWay++;
    this.#lookups.start(now, "node", publication.key, {
      paths: this.#paths,
      onFinished: (now, lookup) => this.#storeAt(now, publication, lookup.closest()),
    });
  }

  #storeAt(now: Instant, publication: Publication, places: readonly Located[]): void {
    const draft = publication.draft();
    if (draft === null) return this.#finish(now, publication, 0);
    const { self, seed, suite, store, table, rpcs, replication, rttOf } = this.#context;
    const epochMs = Math.floor(this.#context.epochMs(now));
    // A clock that was set back must not make our newer record the older one.
    this.#lastSequence = Math.max(epochMs, this.#lastSequence + 1);
    const signed = signRecord(suite, seed, {
      ...draft,
      subject: self.peerId,
      sequence: this.#lastSequence,
      expiresAtS: Math.floor((epochMs + RECORD_LIFETIME_MS) / 1000),
    });
    if (table.isAmongClosest(publication.key, replication)) store.put(signed, self);
    let open = places.length;
    let stored = 0;
    if (open === 0) {
      // Nobody there to store at: try again soon rather than in an hour.
      publication.dueAt = later(now, RETRY_MS);
      return this.#finish(now, publication, 0);
    }
    publication.firstAt ??= now;
    const settle = (now: Instant, isStored: boolean) => {
      if (isStored) stored++;
      if (--open === 0) this.#finish(now, publication, stored);
    };
    for (const place of places) {
      rpcs.ask(now, place, rttOf(place.id), { kind: "store", record: signed.bytes }, {
        onAnswer: (now, answer) =>
          settle(now, answer.kind === "store" && (answer.status === "stored" || answer.status === "known")),
        onFailure: (now) => settle(now, false),
      });
    }
  }

  #finish(now: Instant, publication: Publication, stored: number): void {
    publication.isUnderWay = false;
    this.#underWay--;
    this.#context.output({ kind: "published", key: publication.key, stored });
    this.handleTimeout(now);
  }
}

interface Publication {
  readonly key: NodeId;
  readonly draft: RecordDraft;
  dueAt: Instant;
  /** When it first went out to anybody, or null. */
  firstAt: Instant | null;
  isUnderWay: boolean;
}

/** A node that shares a thousand contents must not ask a thousand lookups at once. */
const CONCURRENT_PUBLICATIONS = 4;
const RETRY_MS = 15_000;
const EARLY_ROUND_MS = 10 * 60_000;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
