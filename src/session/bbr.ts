/**
 * BBR, version 1 (draft-cardwell-iccrg-bbr-congestion-control-00): sends at the rate the path delivers, measured,
 * instead of backing off at every loss. For long lossy paths, where CUBIC starves.
 *
 * Section numbers below are the draft's.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { Prng } from "../entropy.ts";
import { type AckSample, type CongestionController, initialWindowBytes } from "./congestion.ts";
import type { RttEstimator } from "./rtt_estimator.ts";

/** 2/ln 2: doubles the delivered data each round (§4.1.1.1). */
const HIGH_GAIN = 2.885;
/** Window over the bandwidth-delay product: room for delayed and stretched acknowledgements (§4.2.3). */
const WINDOW_GAIN = 2;
/** One probe up, one drain, six cruises (§4.3.4). */
const PACING_CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1] as const;
/** Rounds that the bandwidth filter remembers (§4.1.1.3). */
const BANDWIDTH_ROUNDS = 10;
/** How long a round-trip minimum stays believable, and how long it is then measured anew (§4.1.2). */
const MIN_RTT_WINDOW_MS = 10_000;
const PROBE_RTT_MS = 200;
const PROBE_RTT_DATAGRAMS = 4;
/** Rounds with less than a quarter of growth that end start-up (§4.3.2.2). */
const FULL_PIPE_ROUNDS = 3;
const FULL_PIPE_GROWTH = 1.25;
/** Bytes a socket takes in one run: the window must not choke on bursts of this size (§4.2.2). */
const SEND_QUANTUM_BYTES = 65_536;

type Phase = "startup" | "drain" | "probe_bandwidth" | "probe_rtt";

export class Bbr implements CongestionController {
  readonly name = "bbr";
  readonly #prng: Prng;
  #datagramBytes: number;
  #phase: Phase = "startup";
  #window: number;
  #pacingGain = HIGH_GAIN;
  #windowGain = HIGH_GAIN;
  readonly #bandwidth = new MaxFilter(BANDWIDTH_ROUNDS);
  #round = 0;
  #nextRoundDelivered = 0;
  #minRttMs = Infinity;
  #minRttAt: Instant = 0 as Instant;
  #fullBandwidth = 0;
  #fullRounds = 0;
  #pipeIsFull = false;
  #cycleIndex = 0;
  #cycleAt: Instant = 0 as Instant;
  #probeRttDoneAt: Instant | null = null;
  #probeRttRoundDone = false;
  #windowBeforeProbe = 0;

  /** @param prng chooses where the probing cycle starts, so that flows do not probe in step. */
  constructor(datagramBytes: number, prng: Prng) {
    this.#datagramBytes = datagramBytes;
    this.#window = initialWindowBytes(datagramBytes);
    this.#prng = prng;
  }

  get windowBytes(): number {
    return this.#window;
  }

  get pacingRate(): number {
    return this.#pacingGain * this.#bandwidth.value;
  }

  get state(): string {
    return this.#phase;
  }

  onSent(): void {}

  onAck(sample: AckSample, rtt: RttEstimator): void {
    const roundStarted = this.#updateRound(sample);
    this.#updateBandwidth(sample);
    if (roundStarted) this.#checkFullPipe(sample);
    const rttExpired = this.#updateMinRtt(sample.now, rtt);
    this.#advancePhase(sample, rttExpired, roundStarted);
    this.#updateWindow(sample);
  }

  onLoss(_now: Instant, _newestLostSentAt: Instant, lostBytes: number, persistent: boolean): void {
    if (persistent) {
      this.#window = this.#minimum;
      return;
    }
    // Loss is no signal of congestion here; what was lost just is in flight no more.
    if (this.#phase === "startup") return;
    this.#window = Math.max(this.#window - lostBytes, this.#minimum);
  }

  onDatagramSize(bytes: number): void {
    this.#datagramBytes = bytes;
    this.#window = Math.max(this.#window, this.#minimum);
  }

  reset(): void {
    this.#phase = "startup";
    this.#pacingGain = this.#windowGain = HIGH_GAIN;
    this.#window = initialWindowBytes(this.#datagramBytes);
    this.#bandwidth.reset();
    this.#minRttMs = Infinity;
    this.#fullBandwidth = 0;
    this.#fullRounds = 0;
    this.#pipeIsFull = false;
    this.#probeRttDoneAt = null;
  }

  get #minimum(): number {
    return PROBE_RTT_DATAGRAMS * this.#datagramBytes;
  }

  /** A round trip is over when something sent after its start is acknowledged (§4.1.1.3). */
  #updateRound(sample: AckSample): boolean {
    if (sample.priorDelivered < this.#nextRoundDelivered) return false;
    this.#nextRoundDelivered = sample.delivered;
    this.#round++;
    return true;
  }

  /** Samples that the application limited count only when they show more than is known (§4.1.1.2). */
  #updateBandwidth(sample: AckSample): void {
    if (sample.deliveryRate <= 0) return;
    if (sample.rateAppLimited && sample.deliveryRate < this.#bandwidth.value) return;
    this.#bandwidth.add(this.#round, sample.deliveryRate);
  }

  #checkFullPipe(sample: AckSample): void {
    if (this.#pipeIsFull || sample.rateAppLimited) return;
    if (this.#bandwidth.value >= this.#fullBandwidth * FULL_PIPE_GROWTH) {
      this.#fullBandwidth = this.#bandwidth.value;
      this.#fullRounds = 0;
    } else if (++this.#fullRounds >= FULL_PIPE_ROUNDS) this.#pipeIsFull = true;
  }

  /** Returns whether the minimum had grown too old to believe. */
  #updateMinRtt(now: Instant, rtt: RttEstimator): boolean {
    const expired = now > this.#minRttAt + MIN_RTT_WINDOW_MS;
    if (rtt.hasSample && (rtt.latestMs <= this.#minRttMs || expired)) {
      const wasKnown = this.#minRttMs !== Infinity;
      this.#minRttMs = rtt.latestMs;
      this.#minRttAt = now;
      return expired && wasKnown;
    }
    return false;
  }

  #advancePhase(sample: AckSample, rttExpired: boolean, roundStarted: boolean): void {
    const { now, inFlightBytes } = sample;
    if (this.#phase === "startup" && this.#pipeIsFull) {
      this.#phase = "drain";
      this.#pacingGain = 1 / HIGH_GAIN;
      this.#windowGain = HIGH_GAIN;
    }
    if (this.#phase === "drain" && inFlightBytes <= this.#productBytes(1)) this.#enterProbeBandwidth(now);
    if (this.#phase === "probe_bandwidth") this.#advanceCycle(sample);
    if (rttExpired && this.#phase !== "probe_rtt") this.#enterProbeRtt();
    if (this.#phase === "probe_rtt") this.#advanceProbeRtt(now, inFlightBytes, roundStarted);
  }

  #enterProbeBandwidth(now: Instant): void {
    this.#phase = "probe_bandwidth";
    this.#windowGain = WINDOW_GAIN;
    // Anywhere but in the drain that must follow a probe.
    const start = Math.floor(this.#prng.next() * (PACING_CYCLE.length - 1));
    this.#cycleIndex = start === 0 ? 0 : start + 1;
    this.#cycleAt = now;
    this.#pacingGain = PACING_CYCLE[this.#cycleIndex];
  }

  /** §4.3.4.3: each gain lasts a round trip; the probe until it shows, the drain until it has worked. */
  #advanceCycle({ now, inFlightBytes, priorInFlightBytes, lostBytes }: AckSample): void {
    const elapsed = now - this.#cycleAt > this.#minRttMs;
    const gain = this.#pacingGain;
    let done = elapsed;
    if (gain > 1) done = elapsed && (lostBytes > 0 || priorInFlightBytes >= this.#productBytes(gain));
    else if (gain < 1) done = elapsed || inFlightBytes <= this.#productBytes(1);
    if (!done) return;
    this.#cycleIndex = (this.#cycleIndex + 1) % PACING_CYCLE.length;
    this.#cycleAt = now;
    this.#pacingGain = PACING_CYCLE[this.#cycleIndex];
  }

  #enterProbeRtt(): void {
    this.#phase = "probe_rtt";
    this.#pacingGain = 1;
    this.#windowGain = 1;
    this.#windowBeforeProbe = this.#window;
    this.#probeRttDoneAt = null;
  }

  /** Holds four datagrams in flight for 200 ms and a round, so that queues of our making are gone (§4.3.5). */
  #advanceProbeRtt(now: Instant, inFlightBytes: number, roundStarted: boolean): void {
    if (this.#probeRttDoneAt === null) {
      if (inFlightBytes > this.#minimum) return;
      this.#probeRttDoneAt = (now + PROBE_RTT_MS) as Instant;
      this.#probeRttRoundDone = false;
      return;
    }
    if (roundStarted) this.#probeRttRoundDone = true;
    if (!this.#probeRttRoundDone || now < this.#probeRttDoneAt) return;
    this.#minRttAt = now;
    this.#window = Math.max(this.#window, this.#windowBeforeProbe);
    if (this.#pipeIsFull) this.#enterProbeBandwidth(now);
    else {
      this.#phase = "startup";
      this.#pacingGain = this.#windowGain = HIGH_GAIN;
    }
  }

  /** §4.2.3. */
  #updateWindow(sample: AckSample): void {
    if (this.#phase === "probe_rtt") {
      this.#window = Math.min(this.#window, this.#minimum);
      return;
    }
    const target = this.#productBytes(this.#windowGain) + this.#quantum;
    if (this.#pipeIsFull) this.#window = Math.min(this.#window + sample.ackedBytes, target);
    else if (this.#window < target || sample.delivered < initialWindowBytes(this.#datagramBytes)) {
      this.#window += sample.ackedBytes;
    }
    this.#window = Math.max(this.#window, this.#minimum);
  }

  /** `gain` times bandwidth times the smallest round trip. */
  #productBytes(gain: number): number {
    if (this.#minRttMs === Infinity || this.#bandwidth.value === 0) {
      return initialWindowBytes(this.#datagramBytes);
    }
    return gain * this.#bandwidth.value * this.#minRttMs;
  }

  /** A few datagrams on slow paths, whole offloaded runs on fast ones. */
  get #quantum(): number {
    return 3 * Math.min(SEND_QUANTUM_BYTES, Math.max(this.#datagramBytes, this.#bandwidth.value));
  }
}

/** The largest of the samples of the last few rounds. */
class MaxFilter {
  readonly #rounds: number;
  #samples: { readonly round: number; readonly value: number }[] = [];

  constructor(rounds: number) {
    this.#rounds = rounds;
  }

  get value(): number {
    return this.#samples.length > 0 ? this.#samples[0].value : 0;
  }

  add(round: number, value: number): void {
    // Only samples larger than all later ones can become the maximum again.
    while (this.#samples.length > 0 && this.#samples[this.#samples.length - 1].value <= value) {
      this.#samples.pop();
    }
    this.#samples.push({ round, value });
    while (this.#samples[0].round <= round - this.#rounds) this.#samples.shift();
  }

  reset(): void {
    this.#samples = [];
  }
}
