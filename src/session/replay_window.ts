/**
 * Remembers which packet numbers were accepted, so that no packet counts twice (RFC 6479's ring of blocks,
 * as WireGuard uses it).
 *
 * @module
 */

const WINDOW_BITS = 16_384;
const WORD_BITS = 32;
const WORDS = WINDOW_BITS / WORD_BITS;
/** Words of a session that has seen few packets: small enough for V8 to keep them within the object. */
const INITIAL_WORDS = 16;

/**
 * How far below the largest accepted number a packet may still be: one word of the ring is always being
 * reused. protocol.md asks for 8192 or more.
 */
export const REPLAY_WINDOW = WINDOW_BITS - WORD_BITS;

/** What the window says of a packet number. */
export type ReplayVerdict = "fresh" | "replay" | "too_old";

/** One direction's window. Packet numbers run on across key epochs, so one window serves them all. */
export class ReplayWindow {
  #words = new Uint32Array(INITIAL_WORDS);
  #largest = -1;

  /** The largest number committed, or -1. */
  get largest(): number {
    return this.#largest;
  }

  /** Judges `number` before the AEAD is spent on it. Changes nothing. */
  check(number: number): ReplayVerdict {
    if (number > this.#largest) return "fresh";
    if (number + REPLAY_WINDOW <= this.#largest) return "too_old";
    const word = this.#words[this.#wordOf(number)];
    return (word >>> (number % WORD_BITS)) & 1 ? "replay" : "fresh";
  }

  /** Records `number`, which {@link check} called fresh and the AEAD authenticated. */
  commit(number: number): void {
    if (number > this.#largest) {
      if (number >= this.#words.length * WORD_BITS && this.#words.length < WORDS) this.#grow(number);
      this.#clearBetween(Math.floor(this.#largest / WORD_BITS), Math.floor(number / WORD_BITS));
      this.#largest = number;
    }
    this.#words[this.#wordOf(number)] |= 1 << (number % WORD_BITS);
  }

  /** Below the full size every number from 0 has its place, so that growing keeps places as they are. */
  #grow(number: number): void {
    let words = this.#words.length;
    while (words < WORDS && number >= words * WORD_BITS) words *= 2;
    const grown = new Uint32Array(words);
    grown.set(this.#words);
    this.#words = grown;
  }

  #clearBetween(oldBlock: number, newBlock: number): void {
    const words = this.#words;
    const blocks = Math.min(newBlock - oldBlock, words.length);
    for (let i = 1; i <= blocks; i++) words[(newBlock - blocks + i) % words.length] = 0;
  }

  #wordOf(number: number): number {
    return Math.floor(number / WORD_BITS) % this.#words.length;
  }
}
