/**
 * Packet numbers left out on purpose: who acknowledges one acknowledges blindly, to be sent more than the path
 * carries (the optimistic ACK attack, RFC 9000 section 21.4).
 *
 * @module
 */

import { type Entropy, randomBytes } from "../entropy.ts";
import { type AckRanges, includesNumber } from "../wire/frames.ts";
import { ProtocolError } from "./protocol_error.ts";

/** On average one number in this many is left out at first: the attack pays early. */
const FIRST_PERIOD = 128;
/** The period doubles up to this: a long session costs its honest peer next to nothing. */
const LAST_PERIOD = 65_536;
/** Left-out numbers remembered. */
const REMEMBERED = 4;

export class SkippedNumbers {
  readonly #entropy: Entropy;
  readonly #numbers: number[] = [];
  #period = FIRST_PERIOD;
  #next: number;

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
    this.#next = this.#draw();
  }

  /** Whether packet number `number`, the next to be used, is to be left out. Says so once. */
  isDue(number: number): boolean {
    if (number < this.#next) return false;
    this.#numbers.push(number);
    if (this.#numbers.length > REMEMBERED) this.#numbers.shift();
    this.#period = Math.min(LAST_PERIOD, 2 * this.#period);
    this.#next = number + 1 + this.#draw();
    return true;
  }

  /** @throws {ProtocolError} when `ranges` acknowledges a number that was left out. */
  checkAck(ranges: AckRanges): void {
    for (let i = 0; i < this.#numbers.length; i++) {
      if (!includesNumber(ranges, this.#numbers[i])) continue;
      throw new ProtocolError(
        "protocol_violation",
        `ACK of packet ${this.#numbers[i]}, which was never sent`,
      );
    }
  }

  /** From 1 to twice the period. */
  #draw(): number {
    const bytes = randomBytes(this.#entropy, 4);
    const fraction = ((bytes[0] << 16) | (bytes[1] << 8) | bytes[2]) / 0x100_0000;
    return 1 + Math.floor(2 * this.#period * fraction);
  }
}
