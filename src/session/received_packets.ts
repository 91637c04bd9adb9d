/**
 * Which packets arrived and what to acknowledge when (RFC 9000 section 13.2).
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import { later } from "../clock.ts";
import type { RangesToAck } from "../wire/frame_encoding.ts";

/** Ranges remembered: older ones are forgotten, and what they held is acknowledged no more. */
const MAX_RANGES = 64;
/** Ack-eliciting packets that make an acknowledgement due at once (RFC 9000 §13.2.2). */
const ELICITING_LIMIT = 2;

/** The receiver's half of acknowledgements. */
export class ReceivedPackets implements RangesToAck {
  // Ascending: the newest range is the last, so that the common case only moves one number.
  readonly #lows: number[] = [];
  readonly #highs: number[] = [];
  #elicitingSinceAck = 0;
  #due = false;
  #deadline: Instant | null = null;
  #largestAt: Instant = 0 as Instant;

  get count(): number {
    return this.#lows.length;
  }

  highAt(index: number): number {
    return this.#highs[this.#highs.length - 1 - index];
  }

  lowAt(index: number): number {
    return this.#lows[this.#lows.length - 1 - index];
  }

  /** Whether an acknowledgement should leave with this turn. */
  isDue(now: Instant): boolean {
    return this.#due || (this.#deadline !== null && now >= this.#deadline);
  }

  /** Whether there is anything that the peer has not been told, due or not. */
  get hasNews(): boolean {
    return this.#elicitingSinceAck > 0 || this.#due;
  }

  /** When an acknowledgement becomes due by itself. */
  get deadline(): Instant | null {
    return this.#due ? null : this.#deadline;
  }

  /** Records packet `number`, new and authenticated. */
  record(now: Instant, number: number, ackEliciting: boolean, maxAckDelayMs: number): void {
    const largest = this.#highs.length > 0 ? this.#highs[this.#highs.length - 1] : -1;
    this.#insert(number);
    if (number > largest) this.#largestAt = now;
    if (!ackEliciting) return;
    this.#elicitingSinceAck++;
    // A gap or a late packet is news the sender waits for (RFC 9000 §13.2.1).
    const outOfOrder = largest >= 0 && number !== largest + 1;
    if (this.#elicitingSinceAck >= ELICITING_LIMIT || outOfOrder) this.#due = true;
    else this.#deadline ??= later(now, maxAckDelayMs);
  }

  /** Makes an acknowledgement due now, as after a probe or a path challenge. */
  demand(): void {
    if (this.#highs.length > 0) this.#due = true;
  }

  /** Microseconds since the largest number arrived: the ACK's delay field. */
  delayUs(now: Instant): number {
    return Math.max(0, Math.round((now - this.#largestAt) * 1000));
  }

  /** An ACK of everything known has been written. */
  onAckSent(): void {
    this.#elicitingSinceAck = 0;
    this.#due = false;
    this.#deadline = null;
  }

  /** The peer has seen our ACK up to `largest`: older ranges need not be repeated (RFC 9000 §13.2.4). */
  onAckAcked(largest: number): void {
    let drop = 0;
    // The newest range stays, so that there is always something to acknowledge.
    while (drop < this.#highs.length - 1 && this.#highs[drop] <= largest) drop++;
    if (drop > 0) {
      this.#lows.splice(0, drop);
      this.#highs.splice(0, drop);
    }
  }

  #insert(number: number): void {
    const lows = this.#lows;
    const highs = this.#highs;
    let index = highs.length - 1;
    while (index >= 0 && lows[index] > number + 1) index--;
    if (index >= 0 && number <= highs[index] && number >= lows[index]) return;
    if (index >= 0 && number === highs[index] + 1) {
      highs[index] = number;
      if (index + 1 < lows.length && lows[index + 1] === number + 1) this.#join(index);
    } else if (index >= 0 && number + 1 === lows[index]) {
      lows[index] = number;
      if (index > 0 && highs[index - 1] === number - 1) this.#join(index - 1);
    } else {
      lows.splice(index + 1, 0, number);
      highs.splice(index + 1, 0, number);
      if (lows.length > MAX_RANGES) {
        lows.shift();
        highs.shift();
      }
    }
  }

  #join(index: number): void {
    this.#highs[index] = this.#highs[index + 1];
    this.#lows.splice(index + 1, 1);
    this.#highs.splice(index + 1, 1);
  }
}
