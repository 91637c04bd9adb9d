/**
 * Notices when the system refuses what the node sends: an interface that is down, no route, a firewall. UDP tells
 * nobody else, and to the protocol it looks like loss.
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";
import type { EmitEvent } from "../observe/events.ts";

/** Cumulative, in datagrams. */
export interface SendCounts {
  readonly accepted: number;
  readonly refused: number;
}

export class SendWatch implements Disposable {
  readonly #counts: () => SendCounts;
  readonly #emit: EmitEvent;
  readonly #clock: Clock;
  #before: SendCounts;
  #reportedAt: Instant | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(counts: () => SendCounts, clock: Clock, emit: EmitEvent) {
    this.#counts = counts;
    this.#emit = emit;
    this.#clock = clock;
    this.#before = counts();
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), WINDOW_MS);
  }

  /** Judges what happened since the last look; called by the timer. */
  look(): void {
    const before = this.#before;
    const counts = this.#before = this.#counts();
    const refused = counts.refused - before.refused;
    const accepted = counts.accepted - before.accepted;
    // A search for the largest datagram is refused a few times on a path that is well.
    if (refused < MIN_REFUSED || refused <= accepted) return;
    const now = this.#clock.now();
    if (this.#reportedAt !== null && now - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = now;
    this.#emit({
      type: "node.error",
      errorType: "network",
      component: "network",
      message: "The system refuses most datagrams: is the network up, and may this program use it?",
    });
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

const WINDOW_MS = 10_000;
const MIN_REFUSED = 5;
/** An outage that lasts is told once a minute. */
const REPORT_INTERVAL_MS = 60_000;
