/**
 * Detector `auth_failures`: one source that fails to authenticate again and again.
 *
 * Formula: failures (`decrypt`, `invalid_signature`, `identity_mismatch`, `not_allowed`) of one source in the
 * last 5 min >= `security.auth_failure_limit`.
 *
 * Sources that proved their address are counted one by one, up to a number; all others share a sketch, so
 * that forged senders can neither use up memory nor push out the real ones.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";
import { Alarm } from "./alarm.ts";
import { BoundedMap } from "./bounded_map.ts";
import { CountMinSketch } from "./count_min_sketch.ts";
import type { Finding } from "./detection.ts";
import { SlidingCount } from "./sliding_count.ts";

interface SourceRecord {
  readonly count: SlidingCount;
  readonly alarm: Alarm;
}

/** What the audit line says beside the finding. */
export interface AuthFinding extends Finding {
  readonly attemptCount: number;
}

export class AuthFailureDetector {
  readonly #validated = new BoundedMap<string, SourceRecord>(MAX_SOURCES);
  readonly #alarmsOfUnproven = new BoundedMap<string, Alarm>(MAX_UNPROVEN_ALARMS);
  readonly #unproven: CountMinSketch;

  /** @param seed see {@link CountMinSketch}. */
  constructor(seed: number) {
    this.#unproven = new CountMinSketch(WINDOW_MS, seed);
  }

  /** Validated sources forgotten for want of room. */
  get evictions(): number {
    return this.#validated.evictions;
  }

  /** One authentication failed. `limit` is `security.auth_failure_limit`. */
  onFailure(now: Instant, source: string, addressValidated: boolean, limit: number): AuthFinding {
    return addressValidated ? this.#onValidated(now, source, limit) : this.#onUnproven(now, source, limit);
  }

  #onValidated(now: Instant, source: string, limit: number): AuthFinding {
    const record = this.#validated.take(source, newRecord);
    record.count.add(now);
    const attemptCount = record.count.total(now);
    return {
      ...finding(now, record.alarm, source, attemptCount, limit),
      ban: attemptCount >= limit ? source : null,
      attemptCount,
    };
  }

  #onUnproven(now: Instant, source: string, limit: number): AuthFinding {
    const attemptCount = this.#unproven.add(now, source);
    // Most forged senders stay below the limit and never get an alarm of their own.
    if (attemptCount < limit) return { detection: null, ban: null, attemptCount };
    const alarm = this.#alarmsOfUnproven.take(source, () => new Alarm());
    return { ...finding(now, alarm, source, attemptCount, limit), ban: null, attemptCount };
  }
}

function newRecord(): SourceRecord {
  return { count: new SlidingCount(WINDOW_MS), alarm: new Alarm() };
}

function finding(
  now: Instant,
  alarm: Alarm,
  source: string,
  attemptCount: number,
  limit: number,
): Pick<Finding, "detection"> {
  // The limit itself counts as an attack; the alarm wants a value above its threshold.
  if (!alarm.update(now, attemptCount, limit - 1)) return { detection: null };
  return {
    detection: {
      detector: "auth_failures",
      source,
      observed: attemptCount,
      threshold: limit,
      detail: "failed authentications of one source in 5 minutes",
    },
  };
}

const WINDOW_MS = 5 * 60_000;
const MAX_SOURCES = 4096;
const MAX_UNPROVEN_ALARMS = 256;
