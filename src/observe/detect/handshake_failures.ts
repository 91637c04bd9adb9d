/**
 * Detector `handshake_failure_rate`: inbound handshakes that fail, over all sources.
 *
 * Formula: failures of the last 10 s / 10 > `security.handshake_failure_rate`. While that is so, a validated
 * source that alone makes more than a tenth of that rate is banned.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";
import { Alarm } from "./alarm.ts";
import { BoundedMap } from "./bounded_map.ts";
import type { Finding } from "./detection.ts";
import { SlidingCount } from "./sliding_count.ts";

export class HandshakeFailureDetector {
  readonly #all = new SlidingCount(WINDOW_MS);
  readonly #alarm = new Alarm();
  readonly #validated = new BoundedMap<string, SlidingCount>(MAX_SOURCES);

  /** Validated sources forgotten for want of room. */
  get evictions(): number {
    return this.#validated.evictions;
  }

  /** One inbound handshake failed. `thresholdPerSecond` is `security.handshake_failure_rate`. */
  onFailure(now: Instant, source: string, addressValidated: boolean, thresholdPerSecond: number): Finding {
    this.#all.add(now);
    const ratePerSecond = this.#all.total(now) / WINDOW_SECONDS;
    const report = this.#alarm.update(now, ratePerSecond, thresholdPerSecond);
    const blamed = addressValidated && this.#isHeavy(now, source, thresholdPerSecond);
    return {
      detection: report
        ? {
          detector: "handshake_failure_rate",
          source: "all",
          observed: ratePerSecond,
          threshold: thresholdPerSecond,
          detail: `failed handshakes per second over ${WINDOW_SECONDS} s`,
        }
        : null,
      ban: blamed && this.#alarm.isRaised ? source : null,
    };
  }

  #isHeavy(now: Instant, source: string, thresholdPerSecond: number): boolean {
    const count = this.#validated.take(source, () => new SlidingCount(WINDOW_MS));
    count.add(now);
    return count.total(now) / WINDOW_SECONDS > Math.max(1, thresholdPerSecond / 10);
  }
}

const WINDOW_MS = 10_000;
const WINDOW_SECONDS = WINDOW_MS / 1000;
const MAX_SOURCES = 4096;
