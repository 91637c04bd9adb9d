/**
 * CUBIC (RFC 9438) with HyStart++ (RFC 9406).
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import { type AckSample, type CongestionController, initialWindowBytes } from "./congestion.ts";
import { HyStart } from "./hystart.ts";
import type { RttEstimator } from "./rtt_estimator.ts";

/** RFC 9438 §5: aggressiveness (segments per second cubed) and multiplicative decrease. */
const C = 0.4;
const BETA = 0.7;
/** Additive increase that makes Reno with {@link BETA} as fast as Reno (RFC 9438 §4.3). */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
/** Paced rates above window/RTT, so that pacing never is what limits (RFC 9002 §7.7; 2 in slow start). */
const PACING_GAIN = 1.25;
const SLOW_START_PACING_GAIN = 2;

export class Cubic implements CongestionController {
  readonly name = "cubic";
  #datagramBytes: number;
  #window: number;
  #threshold = Infinity;
  #smoothedRttMs = 0;
  #hystart = new HyStart();
  /** Losses of packets sent before this belong to a congestion event already answered (RFC 9002 §7.3.2). */
  #recoveryStart = -Infinity;
  #epochStart: Instant | null = null;
  /** Since when the application sends less than the window, or null. */
  #unusedSince: Instant | null = null;
  #windowMax = 0;
  /** The window that the latest reduction began from (RFC 9438's cwnd_prior). */
  #windowPrior = 0;
  #beforeReduction:
    | {
      readonly window: number;
      readonly threshold: number;
      readonly windowMax: number;
      readonly hystartWasDone: boolean;
    }
    | null = null;
  #plateauSeconds = 0;
  #renoWindow = 0;

  constructor(datagramBytes: number) {
    this.#datagramBytes = datagramBytes;
    this.#window = initialWindowBytes(datagramBytes);
  }

  get windowBytes(): number {
    return this.#window;
  }

  get pacingRate(): number {
    if (this.#smoothedRttMs === 0) return 0;
    const gain = this.#inSlowStart ? SLOW_START_PACING_GAIN : PACING_GAIN;
    return (gain * this.#window) / this.#smoothedRttMs;
  }

  get state(): string {
    if (this.#inSlowStart) {
      return this.#hystart.phase === "conservative" ? "conservative_slow_start" : "slow_start";
    }
    return "avoidance";
  }

  onSent(): void {}

  onAck(sample: AckSample, rtt: RttEstimator): void {
    this.#smoothedRttMs = Math.max(rtt.smoothedMs, 0.001);
    const inRecovery = sample.largestSentAt <= this.#recoveryStart;
    // Only the first slow start ends by rising delay; later ones know their threshold (RFC 9406 §4.3).
    if (this.#inSlowStart && !this.#hystart.done) {
      this.#hystart.onAck(sample.largestAcked, sample.nextPacketNumber, rtt.latestMs);
      if (this.#hystart.done) this.#threshold = this.#window;
    }
    if (!sample.windowLimited) this.#unusedSince ??= sample.now;
    if (inRecovery || !sample.windowLimited) return;
    this.#leaveUnusedTimeOut(sample.now);
    if (this.#inSlowStart) this.#window += sample.ackedBytes * this.#hystart.growth;
    else this.#grow(sample);
  }

  onLoss(now: Instant, newestLostSentAt: Instant, _lostBytes: number, persistent: boolean): void {
    if (newestLostSentAt > this.#recoveryStart) this.#reduce(now);
    // RFC 9002 §7.6.2: what was known of the path is void, but the slow start that follows has a threshold.
    if (persistent) this.#window = this.#minimum;
  }

  /** RFC 9438 §4.9.2: a reduction that losses did not justify is taken back. */
  onSpuriousLoss(): void {
    if (this.#beforeReduction === null) return;
    const { window, threshold, windowMax, hystartWasDone } = this.#beforeReduction;
    if (!hystartWasDone) this.#hystart.resume();
    this.#window = Math.max(this.#window, window);
    this.#threshold = threshold;
    this.#windowMax = windowMax;
    this.#epochStart = null;
    this.#beforeReduction = null;
  }

  #reduce(now: Instant): void {
    this.#beforeReduction = {
      window: this.#window,
      threshold: this.#threshold,
      windowMax: this.#windowMax,
      hystartWasDone: this.#hystart.done,
    };
    this.#recoveryStart = now;
    this.#windowPrior = this.#window;
    this.#hystart.finish();
    // Fast convergence (RFC 9438 §4.7): give room to newcomers when the plateau falls.
    this.#windowMax = this.#window < this.#windowMax ? (this.#window * (1 + BETA)) / 2 : this.#window;
    this.#window = Math.max(this.#window * BETA, this.#minimum);
    this.#threshold = this.#window;
    this.#epochStart = null;
    this.#unusedSince = null;
  }

  onDatagramSize(bytes: number): void {
    this.#datagramBytes = bytes;
    this.#window = Math.max(this.#window, this.#minimum, this.#fresh ? initialWindowBytes(bytes) : 0);
  }

  reset(): void {
    this.#window = initialWindowBytes(this.#datagramBytes);
    this.#threshold = Infinity;
    this.#smoothedRttMs = 0;
    this.#hystart = new HyStart();
    this.#recoveryStart = -Infinity;
    this.#epochStart = null;
    this.#unusedSince = null;
    this.#windowMax = this.#windowPrior = 0;
    this.#beforeReduction = null;
  }

  get #inSlowStart(): boolean {
    return this.#window < this.#threshold;
  }

  get #fresh(): boolean {
    return this.#threshold === Infinity;
  }

  get #minimum(): number {
    return 2 * this.#datagramBytes;
  }

  /** Time in which the application did not use the window does not count (RFC 9438 §5.8). */
  #leaveUnusedTimeOut(now: Instant): void {
    if (this.#unusedSince !== null && this.#epochStart !== null) {
      this.#epochStart = later(this.#epochStart, now - this.#unusedSince);
    }
    this.#unusedSince = null;
  }

  /** Congestion avoidance (RFC 9438 §4.2 to §4.5). */
  #grow(sample: AckSample): void {
    const segment = this.#datagramBytes;
    if (this.#epochStart === null) this.#startEpoch(sample.now);
    const seconds = (sample.now - this.#epochStart!) / 1000;
    // The window a round trip from now, so that growth is spread over this one.
    const target = this.#cubicWindow(seconds + this.#smoothedRttMs / 1000);
    // Back where it was reduced, Reno's increase counts in full.
    const alpha = this.#renoWindow < this.#windowPrior ? ALPHA : 1;
    this.#renoWindow += (alpha * segment * sample.ackedBytes) / this.#window;
    if (this.#cubicWindow(seconds) < this.#renoWindow) {
      this.#window = Math.max(this.#window, this.#renoWindow);
      return;
    }
    const bounded = Math.min(Math.max(target, this.#window), 1.5 * this.#window);
    this.#window += ((bounded - this.#window) * sample.ackedBytes) / this.#window;
  }

  #startEpoch(now: Instant): void {
    this.#epochStart = now;
    this.#renoWindow = this.#window;
    if (this.#windowMax <= this.#window) {
      this.#windowMax = this.#window;
      this.#plateauSeconds = 0;
    } else {
      this.#plateauSeconds = Math.cbrt((this.#windowMax - this.#window) / this.#datagramBytes / C);
    }
  }

  #cubicWindow(seconds: number): number {
    const distance = seconds - this.#plateauSeconds;
    return C * distance * distance * distance * this.#datagramBytes + this.#windowMax;
  }
}
