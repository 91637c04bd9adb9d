/**
 * Whether the node has started, lives, and is ready: three questions with three different consequences.
 *
 * Liveness means "a restart would help" and therefore looks at the event loop alone: a lost network or an
 * empty routing table is not cured by a restart. Readiness means "send work here" and names the check that
 * says no. Start-up is readiness' first success and never goes back.
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { NodeView } from "./node_view.ts";

export type CheckName = "lifecycle" | "dht_peers";

/** One readiness check as it stands. */
export interface CheckReport {
  readonly name: CheckName;
  readonly passing: boolean;
  /** Why, for people: one clause. */
  readonly reason: string;
  /** What was compared with the limit, where it is a number. */
  readonly observed: number | null;
  /** Milliseconds since the Unix epoch; null when it never passed. */
  readonly lastSuccessMs: number | null;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly reason: string;
  readonly checks: readonly CheckReport[];
}

/** Judges the node. Every answer comes from memory. */
export class Health {
  readonly #view: NodeView;
  readonly #clock: Clock;
  readonly #heartbeat: Heartbeat;
  #minDhtPeers: number;
  readonly #checks = new Map<CheckName, CheckState>([
    ["lifecycle", new CheckState(0)],
    ["dht_peers", new CheckState(DHT_PEERS_GRACE_MS)],
  ]);
  #freshBeats = BEATS_TO_RECOVER;
  #hasStarted = false;
  #isStopping = false;

  constructor(view: NodeView, clock: Clock, minDhtPeers: number, onLag: (lagMs: number) => void) {
    this.#view = view;
    this.#clock = clock;
    this.#minDhtPeers = minDhtPeers;
    this.#heartbeat = new Heartbeat(clock, (lagMs) => {
      this.#freshBeats = lagMs > STALL_LIMIT_MS ? 0 : this.#freshBeats + 1;
      this.#evaluate();
      onLag(lagMs);
    });
  }

  get heartbeat(): Heartbeat {
    return this.#heartbeat;
  }

  /** From now on the node is not ready, whatever its checks say. */
  stopping(): void {
    this.#isStopping = true;
  }

  get isStopping(): boolean {
    return this.#isStopping || this.#view.phase === "stopping";
  }

  /** Asks for this many DHT peers from now on. */
  requireDhtPeers(count: number): void {
    this.#minDhtPeers = count;
  }

  /** Whether the event loop turns. A stalled one must turn in time twice before it counts as well again. */
  live(): HealthReport {
    const { ageMs } = this.#heartbeat;
    const seconds = (ageMs / 1000).toFixed(1);
    if (ageMs > STALL_LIMIT_MS) return report(false, `event loop stalled: last heartbeat ${seconds} s ago`);
    if (this.#freshBeats < BEATS_TO_RECOVER) return report(false, "event loop recovering from a stall");
    return report(true, "event loop turns");
  }

  /** Whether the node should be sent work. */
  ready(): HealthReport {
    const checks = this.#evaluate();
    const failing = checks.filter((check) => !check.passing);
    const reason = failing.map((check) => check.reason).join("; ");
    return { ok: failing.length === 0, reason: reason || "all checks pass", checks };
  }

  /** Whether the node has finished starting, once. */
  started(): HealthReport {
    this.#hasStarted ||= this.#view.phase !== "starting";
    return report(this.#hasStarted, this.#hasStarted ? "node has started" : "node is starting");
  }

  #evaluate(): CheckReport[] {
    return [this.#lifecycle(), this.#dhtPeers()];
  }

  #lifecycle(): CheckReport {
    const phase = this.isStopping ? "stopping" : this.#view.phase;
    return this.#judge("lifecycle", phase === "running", `node is ${phase}`, null);
  }

  #dhtPeers(): CheckReport {
    const dht = this.#view.dht();
    if (dht === null) return this.#judge("dht_peers", true, "DHT is off", null);
    const enough = dht.peers >= this.#minDhtPeers;
    // The first nodes of a fleet have nobody to know: waiting for peers would keep them out for ever.
    if (!enough && dht.isBootstrapOfNobody) {
      return this.#judge("dht_peers", true, "bootstrap node: no peers required", dht.peers);
    }
    const counted = `${dht.peers} DHT peers, ${this.#minDhtPeers} required`;
    return this.#judge("dht_peers", enough, counted, dht.peers);
  }

  #judge(name: CheckName, passes: boolean, reason: string, observed: number | null): CheckReport {
    const state = this.#checks.get(name)!;
    const passing = state.update(passes, this.#clock.now(), this.#clock.epochMs());
    const held = passing && !passes ? `${reason} (tolerated for now)` : reason;
    return { name, passing, reason: held, observed, lastSuccessMs: state.lastSuccessMs };
  }
}

/** A check's memory: after a success it tolerates failures for its grace, so that it does not flap. */
class CheckState {
  readonly #graceMs: number;
  #lastSuccessAt: Instant | null = null;
  lastSuccessMs: number | null = null;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  update(passes: boolean, now: Instant, epochMs: number): boolean {
    if (passes) {
      this.#lastSuccessAt = now;
      this.lastSuccessMs = epochMs;
      return true;
    }
    return this.#lastSuccessAt !== null && now - this.#lastSuccessAt < this.#graceMs;
  }
}

function report(ok: boolean, reason: string): HealthReport {
  return { ok, reason, checks: [] };
}

/** Longer than any garbage collection or disk wait; shorter than three probe periods of ten seconds. */
const STALL_LIMIT_MS = 10_000;
const BEATS_TO_RECOVER = 2;
/** Two refreshes of the readiness probe: one lost peer that comes back unreadies nothing. */
const DHT_PEERS_GRACE_MS = 10_000;
