/**
 * Keeps the routing table worth having: joins, looks up ranges nobody asked about, asks silent peers for a sign of
 * life, and tries lost ones again, so that two halves of a network find each other after a partition.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { Contact, PeerAddress } from "./contact.ts";
import type { DhtContext } from "./dht_context.ts";
import type { LookupRunner } from "./lookup_runner.ts";
import { ID_BITS, randomPointSharing } from "./node_id.ts";
import type { DhtAnswer } from "./rpc.ts";

export interface MaintenanceSettings {
  /** A range that has not been looked up for this long is. */
  readonly refreshMs: number;
  /** A peer unheard for this long is asked for a sign of life. */
  readonly silenceMs: number;
  /** How often a lost peer is tried again. */
  readonly retryLostMs: number;
  /** d: disjoint paths of the lookups by which the table is filled, so that liars at the entrance do not fill it. */
  readonly paths: number;
}

export class Maintenance {
  readonly #context: DhtContext;
  readonly #lookups: LookupRunner;
  readonly #settings: MaintenanceSettings;
  readonly #onAnswer: (now: Instant, from: PeerAddress, answer: DhtAnswer) => void;
  /** Where the network was entered, and peers that stopped answering: the latest last. */
  #seeds: readonly PeerAddress[] = [];
  readonly #lost = new Map<string, PeerAddress>();
  #joinStartedAt: Instant | null = null;
  #hasJoined = false;
  #isJoining = false;
  #joinFailures = 0;
  /** First peers asked what our address is. */
  #greeted = 0;
  /** Depths of ranges to look up one after the other. */
  #refreshQueue: number[] = [];
  #isRefreshing = false;
  #joinAt: Instant | null = null;
  #probeAt: Instant | null = null;
  #retryLostAt: Instant | null = null;
  #refreshAt: Instant | null = null;

  /** @param onAnswer told of each answer to a PING. */
  constructor(
    context: DhtContext,
    lookups: LookupRunner,
    settings: MaintenanceSettings,
    onAnswer: (now: Instant, from: PeerAddress, answer: DhtAnswer) => void,
  ) {
    this.#context = context;
    this.#lookups = lookups;
    this.#settings = settings;
    this.#onAnswer = onAnswer;
  }

  /** Enters the network through any of `seeds`. Without any, waits for others to come. */
  join(now: Instant, seeds: readonly PeerAddress[]): void {
    this.#seeds = seeds.filter(({ peerId }) => peerId !== this.#context.self.peerId);
    this.#joinStartedAt = now;
    this.#probeAt = later(now, MAX_PROBE_GAP_MS);
    this.#retryLostAt = later(now, this.#settings.retryLostMs);
    this.#refreshAt = later(now, this.#settings.refreshMs);
    if (this.#seeds.length > 0) this.#enter(now);
  }

  /** A peer was taken out of the table because it did not answer. */
  onLost(contact: Contact): void {
    this.#lost.delete(contact.peerId);
    if (this.#lost.size >= REMEMBERED_LOST) this.#lost.delete(this.#lost.keys().next().value!);
    this.#lost.set(contact.peerId, { peerId: contact.peerId, address: contact.address });
  }

  /** A peer spoke and is new in the table. */
  onHeard(now: Instant, contact: Contact): void {
    this.#lost.delete(contact.peerId);
    if (this.#joinStartedAt === null || this.#greeted >= FIRST_PINGS) return;
    this.#greeted++;
    this.ping(now, contact);
  }

  /** The table has run empty: enter again. */
  onAlone(now: Instant): void {
    if (this.#joinStartedAt !== null && !this.#isJoining) this.#joinAt ??= later(now, FIRST_RETRY_MS);
  }

  stop(): void {
    this.#joinStartedAt = null;
    this.#joinAt =
      this.#probeAt =
      this.#retryLostAt =
      this.#refreshAt =
        null;
    this.#refreshQueue = [];
  }

  handleTimeout(now: Instant): void {
    if (isDue(this.#joinAt, now)) {
      this.#joinAt = null;
      this.#enter(now);
    }
    if (isDue(this.#probeAt, now)) this.#probeSilent(now);
    if (isDue(this.#retryLostAt, now)) this.#retryLost(now);
    if (isDue(this.#refreshAt, now)) this.#queueStaleRanges(now);
  }

  nextTimeout(): Instant | null {
    const times = [this.#joinAt, this.#probeAt, this.#retryLostAt, this.#refreshAt];
    return times.reduce<Instant | null>(
      (next, at) => at !== null && (next === null || at < next) ? at : next,
      null,
    );
  }

  /** Asks `peer` for a sign of life. */
  ping(now: Instant, peer: PeerAddress, onFailure = () => {}, onAlive = () => {}): void {
    const { rpcs, locate, rttOf } = this.#context;
    const located = locate(peer);
    rpcs.ask(now, located, rttOf(located.id), { kind: "ping" }, {
      onAnswer: (now, answer) => {
        onAlive();
        this.#onAnswer(now, located, answer);
      },
      onFailure,
    });
  }

  /** Kademlia's join: look up ourselves, then every range farther away than our neighbours. */
  #enter(now: Instant): void {
    this.#isJoining = true;
    const { self } = this.#context;
    const lost = [...this.#lost.values()].slice(-LOST_SEEDS);
    this.#lookups.start(now, "node", self.id, {
      seeds: [...this.#seeds, ...lost],
      paths: this.#settings.paths,
      onFinished: (now) => this.#entered(now),
    });
  }

  #entered(now: Instant): void {
    this.#isJoining = false;
    const { table, output } = this.#context;
    if (this.#joinStartedAt === null) return;
    if (table.size === 0) {
      const delayMs = Math.min(FIRST_RETRY_MS * 2 ** this.#joinFailures++, LAST_RETRY_MS);
      this.#joinAt = later(now, delayMs);
      return;
    }
    this.#joinFailures = 0;
    if (!this.#hasJoined) {
      this.#hasJoined = true;
      const durationMs = now - this.#joinStartedAt;
      output({ kind: "event", event: { type: "dht.joined", peers: table.size, durationMs } });
    }
    this.#refreshQueue = table.buckets.map((_, depth) => depth).slice(0, -1);
    this.#refreshNext(now);
  }

  #refreshNext(now: Instant): void {
    if (this.#isRefreshing) return;
    const depth = this.#refreshQueue.shift();
    if (depth === undefined) return;
    this.#isRefreshing = true;
    const { self, prng } = this.#context;
    const target = randomPointSharing(self.id, Math.min(depth, ID_BITS - 1), prng);
    this.#lookups.start(now, "node", target, {
      paths: this.#settings.paths,
      onFinished: (now) => {
        this.#isRefreshing = false;
        this.#refreshNext(now);
      },
    });
  }

  #queueStaleRanges(now: Instant): void {
    const { refreshMs } = this.#settings;
    let oldest = now;
    for (const [depth, { refreshedAt }] of this.#context.table.buckets.entries()) {
      if (refreshedAt + refreshMs <= now) {
        if (!this.#refreshQueue.includes(depth)) this.#refreshQueue.push(depth);
      } else if (refreshedAt < oldest) oldest = refreshedAt;
    }
    this.#refreshAt = later(oldest, refreshMs * (1 + 0.1 * this.#context.prng.next()));
    this.#refreshNext(now);
  }

  /** The peer unheard for longest, one at a time, at a pace that comes round within the allowed silence. */
  #probeSilent(now: Instant): void {
    const { table } = this.#context;
    const { silenceMs } = this.#settings;
    const gapMs = Math.max(MIN_PROBE_GAP_MS, Math.min(MAX_PROBE_GAP_MS, silenceMs / (table.size + 1)));
    this.#probeAt = later(now, gapMs);
    let silent: Contact | null = null;
    for (const { contacts } of table.buckets) {
      if (contacts.length > 0 && (silent === null || contacts[0].lastSeenAt < silent.lastSeenAt)) {
        silent = contacts[0];
      }
    }
    if (silent !== null && now - silent.lastSeenAt >= silenceMs / 2) this.ping(now, silent);
  }

  #retryLost(now: Instant): void {
    const { prng, table, locate } = this.#context;
    this.#retryLostAt = later(now, this.#settings.retryLostMs * (0.5 + prng.next()));
    const candidates = [...this.#lost.values(), ...this.#seeds]
      .filter((peer) => table.find(locate(peer).id) === undefined);
    if (candidates.length === 0) return;
    const chosen = candidates[Math.floor(prng.next() * candidates.length)];
    this.ping(now, chosen, () => this.#lost.delete(chosen.peerId));
  }
}

function isDue(at: Instant | null, now: Instant): boolean {
  return at !== null && at <= now;
}

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;
/** Asked as soon as they are heard, so that several say what our address is. */
const FIRST_PINGS = 8;
const REMEMBERED_LOST = 64;
const LOST_SEEDS = 20;
const MIN_PROBE_GAP_MS = 2000;
const MAX_PROBE_GAP_MS = 60_000;
