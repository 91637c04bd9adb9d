/**
 * How far out of order a path delivers, learnt from packets that were declared lost and then acknowledged.
 *
 * @module
 */

import { type AckRanges, includesNumber } from "../wire/frames.ts";

/** RFC 9002 §6.1.1: what is assumed until a path shows otherwise. */
const INITIAL_THRESHOLD = 3;
/** Beyond this the time threshold decides anyway. */
const MAX_THRESHOLD = 256;
/** Losses remembered; an acknowledgement that belies one comes within a round trip. */
const REMEMBERED = 32;

export class Reordering {
  #threshold = INITIAL_THRESHOLD;
  readonly #lost = new Float64Array(REMEMBERED).fill(-1);
  #count = 0;
  #next = 0;

  /** A packet this many numbers below one that was acknowledged counts as lost. */
  get packetThreshold(): number {
    return this.#threshold;
  }

  /** Whether a packet lately declared lost has not been acknowledged since. */
  get hasBelievedLosses(): boolean {
    return this.#count > 0;
  }

  onLost(number: number): void {
    if (this.#lost[this.#next] < 0) this.#count++;
    this.#lost[this.#next] = number;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Takes in an ACK. Returns how many packets it shows to have been declared lost too soon. */
  onAck(ranges: AckRanges): number {
    if (this.#count === 0) return 0;
    let spurious = 0;
    for (let i = 0; i < REMEMBERED; i++) {
      const number = this.#lost[i];
      if (number < 0 || !includesNumber(ranges, number)) continue;
      this.#lost[i] = -1;
      this.#count--;
      spurious++;
      this.#threshold = Math.min(MAX_THRESHOLD, Math.max(this.#threshold, ranges.high[0] - number + 1));
    }
    return spurious;
  }

  /** Starts over, as on a new path. */
  reset(): void {
    this.#threshold = INITIAL_THRESHOLD;
    this.#lost.fill(-1);
    this.#count = 0;
  }
}
