/**
 * How far out of order a path delivers, learnt from packets that were declared lost and then acknowledged. Both
 * thresholds of RFC 9002 section 6.1 start at the recommended values, grow to what the path has shown, and come down
 * again once losses are what they seem.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import { type AckRanges, includesNumber } from "../wire/frames.ts";

/** RFC 9002 §6.1.1: what is assumed until a path shows otherwise. */
const INITIAL_PACKETS = 3;
/** Beyond this the time threshold decides anyway. */
const MAX_PACKETS = 256;
/** RFC 9002 §6.1.2's 9/8 of a round trip, as what is waited beyond one. */
const INITIAL_WAIT = 1 / 8;
/** A whole round trip more, as RFC 8985 §6.2 bounds it: later the probe timeout acts. */
const MAX_WAIT = 1;
/** Losses remembered; an acknowledgement that belies one comes within a round trip. */
const REMEMBERED = 32;
/** Round trips after which a loss that nothing belied is believed for good. */
const DOUBT_ROUND_TRIPS = 2;
/** Losses in a row that nothing belied, after which both thresholds go half way back. */
const GENUINE_LOSSES = 64;

export class Reordering {
  #packets = INITIAL_PACKETS;
  #wait = INITIAL_WAIT;
  /** Packet numbers, when each was sent, when declared lost. Made at the first loss. */
  #lost: Float64Array | null = null;
  #sentAt: Float64Array | null = null;
  #lostAt: Float64Array | null = null;
  #count = 0;
  #next = 0;
  #genuine = 0;

  /** A packet this many numbers below one that was acknowledged counts as lost. */
  get packetThreshold(): number {
    return this.#packets;
  }

  /** A packet sent this many round trips before one that was acknowledged counts as lost. */
  get timeThreshold(): number {
    return 1 + this.#wait;
  }

  /** Whether a packet declared lost within the last two round trips has not been acknowledged since. */
  get hasBelievedLosses(): boolean {
    return this.#count > 0;
  }

  onLost(now: Instant, number: number, sentAt: Instant): void {
    const lost = (this.#lost ??= new Float64Array(REMEMBERED).fill(-1));
    const sentTimes = (this.#sentAt ??= new Float64Array(REMEMBERED));
    const lostTimes = (this.#lostAt ??= new Float64Array(REMEMBERED));
    if (lost[this.#next] >= 0) this.#believe(this.#next);
    this.#count++;
    lost[this.#next] = number;
    sentTimes[this.#next] = sentAt;
    lostTimes[this.#next] = now;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /**
   * Takes in an ACK.
   *
   * @param rttMs what the time threshold is a multiple of.
   * @returns how many packets it shows to have been declared lost too soon.
   */
  onAck(now: Instant, ranges: AckRanges, rttMs: number): number {
    if (this.#count === 0) return 0;
    const lost = this.#lost!;
    let spurious = 0;
    for (let i = 0; i < REMEMBERED; i++) {
      const number = lost[i];
      if (number < 0) continue;
      if (!includesNumber(ranges, number)) {
        if (now - this.#lostAt![i] > DOUBT_ROUND_TRIPS * rttMs) this.#believe(i);
        continue;
      }
      lost[i] = -1;
      this.#count--;
      spurious++;
      this.#packets = Math.min(MAX_PACKETS, Math.max(this.#packets, ranges.high[0] - number + 1));
      const waitedMs = now - this.#sentAt![i];
      this.#wait = Math.min(MAX_WAIT, Math.max(this.#wait, waitedMs / rttMs - 1));
    }
    if (spurious > 0) this.#genuine = 0;
    return spurious;
  }

  /** Starts over, as on a new path. */
  reset(): void {
    this.#packets = INITIAL_PACKETS;
    this.#wait = INITIAL_WAIT;
    this.#lost?.fill(-1);
    this.#count = 0;
    this.#genuine = 0;
  }

  #believe(index: number): void {
    this.#lost![index] = -1;
    this.#count--;
    if (++this.#genuine >= GENUINE_LOSSES) this.#relax();
  }

  #relax(): void {
    this.#packets = Math.max(INITIAL_PACKETS, this.#packets >>> 1);
    this.#wait = Math.max(INITIAL_WAIT, this.#wait / 2);
    this.#genuine = 0;
  }
}
