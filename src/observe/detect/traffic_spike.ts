/**
 * Detector `traffic_spike`: datagrams that nobody asked for, far above their own recent mean.
 *
 * Formula: u = (datagrams dropped + inbound handshakes begun) per second, mean of the last 10 s;
 * b = exponential mean of u with a time constant of 5 min, all but standing still while the alarm lasts.
 * Alarm when u > max(500, `security.traffic_spike_factor` * b).
 *
 * What established sessions carry is not in u: a file that starts to move is a spike of traffic and no
 * attack. Nobody is banned: most of such datagrams name a sender who never sent them.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";
import { Alarm } from "./alarm.ts";
import { type Finding, NOTHING_FOUND } from "./detection.ts";
import { SlidingCount } from "./sliding_count.ts";

export class TrafficSpikeDetector {
  readonly #unsolicited = new SlidingCount(WINDOW_MS);
  readonly #alarm = new Alarm();
  #baselinePerSecond = 0;
  #droppedBefore: number | null = null;
  #sampledAt: Instant | null = null;

  /** An inbound handshake began. */
  onHandshakeStarted(now: Instant): void {
    this.#unsolicited.add(now);
  }

  /**
   * Takes the count of datagrams dropped since the node started; call it about once a second. `factor` is
   * `security.traffic_spike_factor`.
   */
  onSample(now: Instant, datagramsDropped: number, factor: number): Finding {
    this.#unsolicited.add(now, Math.max(0, datagramsDropped - (this.#droppedBefore ?? datagramsDropped)));
    this.#droppedBefore = datagramsDropped;
    const ratePerSecond = this.#unsolicited.total(now) / WINDOW_SECONDS;
    const threshold = Math.max(FLOOR_PER_SECOND, factor * this.#baselinePerSecond);
    const report = this.#alarm.update(now, ratePerSecond, threshold);
    this.#learn(now, ratePerSecond);
    if (!report) return NOTHING_FOUND;
    return {
      detection: {
        detector: "traffic_spike",
        source: "all",
        observed: ratePerSecond,
        threshold,
        detail: `unsolicited datagrams per second over ${WINDOW_SECONDS} s`,
      },
      ban: null,
    };
  }

  /** An attack must not become its own normal; a level that stays for hours is normal in the end. */
  #learn(now: Instant, ratePerSecond: number): void {
    const elapsedMs = this.#sampledAt === null ? 0 : now - this.#sampledAt;
    this.#sampledAt = now;
    const constantMs = this.#alarm.isRaised ? RAISED_CONSTANT_MS : BASELINE_CONSTANT_MS;
    const share = 1 - Math.exp(-elapsedMs / constantMs);
    this.#baselinePerSecond += share * (ratePerSecond - this.#baselinePerSecond);
  }
}

const WINDOW_MS = 10_000;
const WINDOW_SECONDS = WINDOW_MS / 1000;
const BASELINE_CONSTANT_MS = 5 * 60_000;
const RAISED_CONSTANT_MS = 20 * BASELINE_CONSTANT_MS;
/** A peer that lost its session sends one congestion window into the void: some hundred datagrams a second. */
const FLOOR_PER_SECOND = 500;
