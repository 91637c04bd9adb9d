/**
 * Remembers which packet numbers were accepted, so that no packet counts twice (RFC 6479's ring of blocks,
 * as WireGuard uses it).
 *
 * @module
 */

const WINDOW_BITS = 16_384;
const WORD_BITS = 32;
const WORDS = WINDOW_BITS / WORD_BITS;

/**
 * How far below the largest accepted number a packet may still be: one word of the ring is always being
 * reused. protocol.md asks for 8192 or more.
 */
export const REPLAY_WINDOW = WINDOW_BITS - WORD_BITS;

/** What the window says of a packet number. */
export type ReplayVerdict = "fresh" | "replay" | "too_old";

/** One direction's window. Packet numbers run on across key epochs, so one window serves them all. */
export class ReplayWindow {
  #words: Uint32Array | null = null;
  #largest = -1;

  /** The largest number committed, or -1. */
  get largest(): number {
    return this.#largest;
  }

  /** Judges `number` before the AEAD is spent on it. Changes nothing. */
  check(number: number): ReplayVerdict {
    if (number > this.#largest) return "fresh";
    if (number + REPLAY_WINDOW <= this.#largest) return "too_old";
    const words = this.#words!;
    const word = words[wordOf(number)];
    return (word >>> (number % WORD_BITS)) & 1 ? "replay" : "fresh";
  }

  /** Records `number`, which {@link check} called fresh and the AEAD authenticated. */
  commit(number: number): void {
    const words = (this.#words ??= new Uint32Array(WORDS));
    if (number > this.#largest) {
      this.#clearBetween(words, Math.floor(this.#largest / WORD_BITS), Math.floor(number / WORD_BITS));
      this.#largest = number;
    }
    words[wordOf(number)] |= 1 << (number % WORD_BITS);
  }

  #clearBetween(words: Uint32Array, oldBlock: number, newBlock: number): void {
    const blocks = Math.min(newBlock - oldBlock, WORDS);
    for (let i = 1; i <= blocks; i++) words[(newBlock - blocks + i) % WORDS] = 0;
  }
}

function wordOf(number: number): number {
  return Math.floor(number / WORD_BITS) % WORDS;
}
