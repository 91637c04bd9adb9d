/**
 * Keeps a peer from filling the log: lines that a stranger can cause have a budget for each source and one
 * for all sources together. What is held back is counted, and the count is written.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";
import { sourceKeyOf } from "../detect/source_key.ts";
import type { NodeEvent } from "../events.ts";

/** A token bucket: `burst` lines at once, `perSecond` in the long run. */
interface Budget {
  readonly burst: number;
  readonly perSecond: number;
}

interface BudgetPair {
  readonly perSource: Budget;
  readonly overall: Budget;
}

interface Bucket {
  tokens: number;
  refilledAt: Instant;
}

/** Decides which lines are written. Memory is fixed: the source unseen for longest is forgotten first. */
export class LineLimiter {
  readonly #perSource = new Map<string, Bucket>();
  readonly #overall = new Map<NodeEvent["type"], Bucket>();
  readonly #unreported = new Map<NodeEvent["type"], number>();
  #heldBackTotal = 0;

  /** Lines held back since the start. */
  get heldBackTotal(): number {
    return this.#heldBackTotal;
  }

  /** Whether a line about `event` may be written now; if not, it is counted as held back. */
  admit(event: NodeEvent, now: Instant): boolean {
    const budget = BUDGETS[event.type];
    if (budget === undefined) return true;
    const overall = bucketOf(this.#overall, event.type, budget.overall, now);
    const source = bucketOf(this.#perSource, `${event.type} ${sourceOf(event)}`, budget.perSource, now);
    if (this.#perSource.size > MAX_SOURCES) this.#forgetOldest();
    if (source.tokens < 1 || overall.tokens < 1) {
      this.#unreported.set(event.type, (this.#unreported.get(event.type) ?? 0) + 1);
      this.#heldBackTotal++;
      return false;
    }
    source.tokens--;
    overall.tokens--;
    return true;
  }

  /** Takes the counts of lines held back since the last call, by event type. */
  takeHeldBack(): readonly (readonly [NodeEvent["type"], number])[] {
    const counts = [...this.#unreported];
    this.#unreported.clear();
    return counts;
  }

  #forgetOldest(): void {
    const oldest = this.#perSource.keys().next().value;
    if (oldest !== undefined) this.#perSource.delete(oldest);
  }
}

/** The bucket under `key`, filled up to now and moved to the young end of the map. */
function bucketOf<K>(buckets: Map<K, Bucket>, key: K, budget: Budget, now: Instant): Bucket {
  const bucket = buckets.get(key) ?? { tokens: budget.burst, refilledAt: now };
  buckets.delete(key);
  buckets.set(key, bucket);
  const gained = (now - bucket.refilledAt) / 1000 * budget.perSecond;
  bucket.tokens = Math.min(budget.burst, bucket.tokens + gained);
  bucket.refilledAt = now;
  return bucket;
}

/** Who caused it: an IPv4 address or an IPv6 /64 (a stranger has all of it, and 65,535 ports), else the peer. */
function sourceOf(event: NodeEvent): string {
  if ("remoteAddr" in event && event.remoteAddr !== undefined) {
    return sourceKeyOf(event.remoteAddr);
  }
  if ("source" in event) return event.source;
  return "peerId" in event && event.peerId !== undefined ? event.peerId : "";
}

const MAX_SOURCES = 1024;

/** A refusal says the same again and again; the fifth line tells no more than the count does. */
const REFUSAL: BudgetPair = {
  perSource: { burst: 5, perSecond: 0.1 },
  overall: { burst: 100, perSecond: 20 },
};

/** Normal work of a busy node passes; a peer that connects in a loop does not. */
const PEER_ACTION: BudgetPair = {
  perSource: { burst: 200, perSecond: 20 },
  overall: { burst: 2000, perSecond: 500 },
};

/** Diagnostics someone switched on to see much. */
const DIAGNOSTIC: BudgetPair = {
  perSource: { burst: 1000, perSecond: 200 },
  overall: { burst: 4000, perSecond: 2000 },
};

/** Event types that a peer can cause. Every other type is ours alone and is never held back. */
const BUDGETS: { readonly [T in NodeEvent["type"]]?: BudgetPair } = {
  "handshake.failed": REFUSAL,
  "security.authentication_failed": REFUSAL,
  "session.replay_burst": REFUSAL,
  "transfer.chunk_rejected": REFUSAL,
  "handshake.started": DIAGNOSTIC,
  "handshake.retried": DIAGNOSTIC,
  "session.established": PEER_ACTION,
  "session.closed": PEER_ACTION,
  "session.path_changed": PEER_ACTION,
  "session.rekeyed": DIAGNOSTIC,
  "session.state": DIAGNOSTIC,
  "transfer.offered": PEER_ACTION,
  "transfer.started": PEER_ACTION,
  "transfer.paused": PEER_ACTION,
  "transfer.resumed": PEER_ACTION,
  "transfer.verifying": PEER_ACTION,
  "transfer.verified": PEER_ACTION,
  "transfer.progress": DIAGNOSTIC,
  "transfer.completed": PEER_ACTION,
  "transfer.failed": PEER_ACTION,
  // What a fault inside one session makes us say.
  "node.error": PEER_ACTION,
  // As many as the attacker has addresses.
  "security.detected": PEER_ACTION,
  "security.banned": PEER_ACTION,
  "security.unbanned": PEER_ACTION,
  "dht.contact_added": DIAGNOSTIC,
  "dht.contact_removed": DIAGNOSTIC,
  "dht.query.received": DIAGNOSTIC,
  "dht.rpc.finished": DIAGNOSTIC,
  "dht.refused": DIAGNOSTIC,
};
