/**
 * Loss detection and probe timeouts (RFC 9002 sections 5 and 6), feeding a congestion controller.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { AckRanges } from "../wire/frames.ts";
import type { AckSample, CongestionController } from "./congestion.ts";
import type { ConnectionTotals } from "./endpoint_stats.ts";
import { ProtocolError } from "./protocol_error.ts";
import { Reordering } from "./reordering.ts";
import { RttEstimator } from "./rtt_estimator.ts";
import { type DeliveryState, type FrameFate, SentPackets } from "./sent_packets.ts";

/** RFC 9002 §7.6.1. */
const PERSISTENT_CONGESTION_THRESHOLD = 3;
/** Probes per timeout (RFC 9002 §6.2.4). */
const PROBES = 2;
/** 2^this is the largest backoff: beyond it the idle timeout decides. */
const MAX_BACKOFF = 6;

/** What recovery counts. Plain numbers, read when someone looks. */
export interface RecoveryStats {
  packetsSent: number;
  packetsAcked: number;
  packetsLost: number;
  /** Packets declared lost that were acknowledged after all. */
  spuriousLosses: number;
  probesSent: number;
  persistentCongestions: number;
}

/** Told when timeouts say something about the path rather than about frames. */
export interface PathFeedback {
  /** `count` probe timeouts in a row. */
  onProbeTimeout(count: number): void;
}

export class LossRecovery {
  readonly sent = new SentPackets();
  readonly rtt = new RttEstimator();
  readonly stats: RecoveryStats = {
    packetsSent: 0,
    packetsAcked: 0,
    packetsLost: 0,
    spuriousLosses: 0,
    probesSent: 0,
    persistentCongestions: 0,
  };
  readonly #fate: FrameFate;
  readonly #path: PathFeedback;
  readonly #totals: ConnectionTotals;
  readonly #reordering = new Reordering();
  readonly #delivery: DeliveryState = {
    delivered: 0,
    deliveredAt: 0 as Instant,
    firstSentAt: 0 as Instant,
    appLimited: false,
  };
  controller: CongestionController;
  /** The peer's, from its transport parameters. */
  peerMaxAckDelayMs = 25;
  #inFlightBytes = 0;
  #largestAcked = -1;
  #lastElicitingAt: Instant = 0 as Instant;
  #lossTime: Instant | null = null;
  #probeCount = 0;
  #probesOwed = 0;
  #firstSampleAt: Instant | null = null;
  #windowLimited = false;

  constructor(
    controller: CongestionController,
    fate: FrameFate,
    path: PathFeedback,
    totals: ConnectionTotals,
  ) {
    this.#totals = totals;
    this.controller = controller;
    this.#fate = fate;
    this.#path = path;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Bytes the window still allows. */
  get availableBytes(): number {
    return Math.max(0, this.controller.windowBytes - this.#inFlightBytes);
  }

  /** Probe packets to send regardless of the window. */
  get probesOwed(): number {
    return this.#probesOwed;
  }

  get probeCount(): number {
    return this.#probeCount;
  }

  get largestAcked(): number {
    return this.#largestAcked;
  }

  /** The current probe timeout, with backoff, in milliseconds. */
  get probeTimeoutMs(): number {
    return this.rtt.probeTimeoutMs(this.peerMaxAckDelayMs) * 2 ** Math.min(this.#probeCount, MAX_BACKOFF);
  }

  /** When {@link onTimeout} wants to be called. */
  get deadline(): Instant | null {
    if (this.#lossTime !== null) return this.#lossTime;
    if (this.sent.elicitingInFlight === 0) return null;
    return later(this.#lastElicitingAt, this.probeTimeoutMs);
  }

  /** The window ran out (true) or there was nothing to send (false). */
  setWindowLimited(limited: boolean): void {
    this.#windowLimited = limited;
    this.#delivery.appLimited = !limited;
  }

  /** Records the packet that `sent` holds as pending. */
  onSent(now: Instant, bytes: number, ackEliciting: boolean, inFlight: boolean): number {
    if (this.#inFlightBytes === 0) {
      this.#delivery.firstSentAt = now;
      this.#delivery.deliveredAt = now;
    }
    const number = this.sent.commit(now, bytes, ackEliciting, inFlight, this.#delivery);
    this.stats.packetsSent++;
    if (ackEliciting) {
      this.#lastElicitingAt = now;
      if (this.#probesOwed > 0) {
        this.#probesOwed--;
        this.stats.probesSent++;
      }
    }
    if (inFlight) {
      this.#inFlightBytes += bytes;
      this.controller.onSent(now, number, this.#inFlightBytes);
    }
    return number;
  }

  /**
   * Takes in an ACK frame.
   *
   * @returns whether it acknowledged anything new.
   * @throws {ProtocolError} when it acknowledges a packet never sent (RFC 9000 §13.1).
   */
  onAck(now: Instant, ranges: AckRanges, ackDelayMs: number): boolean {
    const largest = ranges.high[0];
    if (largest >= this.sent.next) {
      throw new ProtocolError("protocol_violation", `ACK of packet ${largest}, which was never sent`);
    }
    beginSample(now, this.#inFlightBytes);
    const largestIsNew = this.sent.isOutstanding(largest);
    this.#acknowledgeRanges(ranges);
    const spurious = this.#reordering.onAck(now, ranges, this.rtt.lossBaseMs);
    this.stats.spuriousLosses += spurious;
    if (spurious > 0 && !this.#reordering.hasBelievedLosses) this.controller.onSpuriousLoss?.();
    if (sample.largestAcked < 0) return false;
    this.#largestAcked = Math.max(this.#largestAcked, largest);
    if (largestIsNew) {
      this.#firstSampleAt ??= now;
      this.rtt.addSample(
        Math.max(0.001, now - sample.largestSentAt),
        Math.min(ackDelayMs, this.peerMaxAckDelayMs),
      );
    }
    this.#probeCount = 0;
    this.#probesOwed = 0;
    this.#sampleRate(now);
    const lost = this.#detectLosses(now);
    sample.lostBytes = lost;
    sample.inFlightBytes = this.#inFlightBytes;
    sample.nextPacketNumber = this.sent.next;
    sample.windowLimited = this.#windowLimited;
    if (sample.ackedBytes > 0) this.controller.onAck(sample, this.rtt);
    return true;
  }

  /** Runs what is due at {@link deadline}. */
  onTimeout(now: Instant): void {
    if (this.#lossTime !== null) {
      this.#detectLosses(now);
      return;
    }
    if (this.sent.elicitingInFlight === 0) return;
    this.#probeCount++;
    this.#probesOwed = PROBES;
    this.#path.onProbeTimeout(this.#probeCount);
    // What is oldest is what the peer most likely lacks: send it again inside the probes (RFC 9002 §6.2.4).
    let repeated = 0;
    for (let number = this.sent.lowest; number < this.sent.next && repeated < PROBES; number++) {
      if (!this.sent.isOutstanding(number)) continue;
      this.sent.repeatFrames(number, this.#fate);
      repeated++;
    }
  }

  /** The path is a new one (RFC 9002 §5.2, RFC 9000 §9.4). */
  onNewPath(): void {
    this.rtt.reset();
    this.#reordering.reset();
    this.controller.reset();
    this.#firstSampleAt = null;
    this.#probeCount = 0;
  }

  #acknowledgeRanges(ranges: AckRanges): void {
    for (let i = 0; i < ranges.count; i++) {
      const low = Math.max(ranges.low[i], this.sent.lowest);
      for (let number = ranges.high[i]; number >= low; number--) {
        if (this.sent.isOutstanding(number)) this.#acknowledgeOne(number);
      }
    }
  }

  #acknowledgeOne(number: number): void {
    const sent = this.sent;
    const bytes = sent.bytesOf(number);
    if (sample.largestAcked < number) {
      sample.largestAcked = number;
      sample.largestSentAt = sent.sentAt(number);
      sample.priorDelivered = sent.deliveredWhenSent(number);
      sample.rateAppLimited = sent.wasAppLimited(number);
      rate.priorDeliveredAt = sent.deliveredAtWhenSent(number);
      rate.firstSentAt = sent.firstSentAtWhenSent(number);
    }
    if (sent.isInFlight(number)) {
      this.#inFlightBytes -= bytes;
      this.#delivery.delivered += bytes;
      sample.ackedBytes += bytes;
    }
    sent.acknowledge(number, this.#fate);
    this.stats.packetsAcked++;
  }

  /** Delivery rate: the slower of how fast data left and how fast it was acknowledged. */
  #sampleRate(now: Instant): void {
    this.#delivery.deliveredAt = now;
    this.#delivery.firstSentAt = sample.largestSentAt;
    sample.delivered = this.#delivery.delivered;
    const interval = Math.max(sample.largestSentAt - rate.firstSentAt, now - rate.priorDeliveredAt);
    // An interval below the smallest round trip cannot be right (delivery-rate draft §3.3).
    const valid = interval > 0 && interval >= this.rtt.minMs * 0.999;
    sample.deliveryRate = valid ? (sample.delivered - sample.priorDelivered) / interval : 0;
  }

  /** RFC 9002 §6.1 and appendix A.10. Returns the in-flight bytes lost. */
  #detectLosses(now: Instant): number {
    this.#lossTime = null;
    const sent = this.sent;
    const { packetThreshold, timeThreshold } = this.#reordering;
    const lossDelayMs = this.rtt.lossDelayMs(timeThreshold);
    const lostBefore = now - lossDelayMs;
    let lostBytes = 0;
    let newest = -1;
    let newestSentAt = 0;
    let spanStart = -1;
    let spanMs = 0;
    for (let number = sent.lowest; number < this.#largestAcked; number++) {
      if (!sent.isOutstanding(number)) {
        // An acknowledged packet in between ends the span (RFC 9002 §7.6.2).
        if (sent.wasAcknowledged(number)) spanStart = -1;
        continue;
      }
      const sentAt = sent.sentAt(number);
      if (sentAt > lostBefore && this.#largestAcked < number + packetThreshold) {
        this.#lossTime = later(sentAt, lossDelayMs);
        break;
      }
      if (this.#firstSampleAt !== null && sentAt > this.#firstSampleAt) {
        if (spanStart < 0) spanStart = sentAt;
        spanMs = Math.max(spanMs, sentAt - spanStart);
      }
      newest = number;
      newestSentAt = sentAt;
      lostBytes += this.#loseOne(now, number);
    }
    if (newest >= 0 && lostBytes > 0) {
      const persistent = spanMs > this.#persistentCongestionMs;
      if (persistent) this.stats.persistentCongestions++;
      this.controller.onLoss(now, newestSentAt as Instant, lostBytes, persistent);
    }
    return lostBytes;
  }

  /** RFC 9002 §7.6.1. */
  get #persistentCongestionMs(): number {
    return this.rtt.probeTimeoutMs(this.peerMaxAckDelayMs) * PERSISTENT_CONGESTION_THRESHOLD;
  }

  #loseOne(now: Instant, number: number): number {
    const inFlight = this.sent.isInFlight(number);
    const bytes = this.sent.bytesOf(number);
    if (inFlight) this.#inFlightBytes -= bytes;
    if (inFlight) this.#reordering.onLost(now, number, this.sent.sentAt(number));
    this.sent.lose(number, this.#fate);
    this.stats.packetsLost++;
    this.#totals.packetsLost++;
    return inFlight ? bytes : 0;
  }
}

// Filled and read within one onAck call, never re-entrantly.
const sample: AckSample = {
  now: 0 as Instant,
  ackedBytes: 0,
  priorInFlightBytes: 0,
  inFlightBytes: 0,
  largestAcked: -1,
  largestSentAt: 0 as Instant,
  nextPacketNumber: 0,
  windowLimited: false,
  deliveryRate: 0,
  rateAppLimited: false,
  priorDelivered: 0,
  delivered: 0,
  lostBytes: 0,
};
const rate = { priorDeliveredAt: 0 as Instant, firstSentAt: 0 as Instant };

function beginSample(now: Instant, inFlightBytes: number): void {
  sample.now = now;
  sample.ackedBytes = 0;
  sample.priorInFlightBytes = inFlightBytes;
  sample.largestAcked = -1;
  sample.lostBytes = 0;
  sample.deliveryRate = 0;
}
