/**
 * Congestion control as a policy: facts in, one window and one rate out. Recovery does not know which
 * algorithm answers.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { RttEstimator } from "./rtt_estimator.ts";

/** The facts of one ACK frame that acknowledged something new. One object serves every ACK: do not keep it. */
export interface AckSample {
  now: Instant;
  /** In-flight bytes that this ACK acknowledged. */
  ackedBytes: number;
  /** Bytes in flight before and after it. */
  priorInFlightBytes: number;
  inFlightBytes: number;
  /** Largest packet number newly acknowledged, and when it was sent. */
  largestAcked: number;
  largestSentAt: Instant;
  /** The number the next packet will have: packets below it end the current round trip. */
  nextPacketNumber: number;
  /** Whether the window, not the application, limited sending. */
  windowLimited: boolean;
  /** Delivery rate over the sampling interval in bytes per millisecond; 0 when there is no valid sample. */
  deliveryRate: number;
  /** Whether that rate was limited by the application. */
  rateAppLimited: boolean;
  /** Bytes delivered when the largest acknowledged packet left, and now: round trips are counted by them. */
  priorDelivered: number;
  delivered: number;
  /** In-flight bytes that this ACK showed to be lost. */
  lostBytes: number;
}

export interface CongestionController {
  readonly name: "cubic" | "bbr";
  /** Bytes that may be in flight. */
  readonly windowBytes: number;
  /** Bytes per millisecond to pace at; 0: not known yet, send the window at once. */
  readonly pacingRate: number;
  /** `slow_start`, `avoidance`, ...: for people. */
  readonly state: string;

  onSent(now: Instant, packetNumber: number, inFlightBytes: number): void;
  onAck(sample: AckSample, rtt: RttEstimator): void;
  /**
   * Packets were lost. Called once per detection, with the send time of the newest of them.
   *
   * @param persistent whether the losses span persistent congestion (RFC 9002 §7.6).
   */
  onLoss(now: Instant, newestLostSentAt: Instant, lostBytes: number, persistent: boolean): void;
  /** Everything lately declared lost has arrived after all: the path reorders, it is not congested. */
  onSpuriousLoss?(): void;
  /** The datagram size changed. */
  onDatagramSize(bytes: number): void;
  /** The path is a new one: forget (RFC 9000 §9.4). */
  reset(): void;
}

/** Makes a controller for a path whose datagrams are `datagramBytes` long. */
export type CongestionFactory = (datagramBytes: number) => CongestionController;

/** RFC 9002 §7.2: ten datagrams, at most 14,720 bytes, at least two datagrams. */
export function initialWindowBytes(datagramBytes: number): number {
  return Math.min(10 * datagramBytes, Math.max(14_720, 2 * datagramBytes));
}
