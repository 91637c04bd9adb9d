/**
 * The two kinds of randomness, kept apart because their failures differ: predictable jitter is harmless, a
 * predictable key is fatal.
 *
 * @module
 */

/** Unpredictable bytes: keys, session indexes, tokens. */
export interface Entropy {
  /** Overwrites all of `out`. */
  fill(out: Uint8Array<ArrayBuffer>): void;
}

/** Repeatable numbers: jitter and sampling, never anything secret. */
export interface Prng {
  /** Uniform in [0, 1). */
  next(): number;
}

/** The operating system's generator. */
export const systemEntropy: Entropy = {
  fill(out) {
    // getRandomValues takes at most 65,536 bytes a call.
    for (let offset = 0; offset < out.length; offset += 65_536) {
      crypto.getRandomValues(out.subarray(offset, offset + 65_536));
    }
  },
};

/** `length` fresh bytes from `entropy`. */
export function randomBytes(entropy: Entropy, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  entropy.fill(bytes);
  return bytes;
}

/**
 * A generator whose whole sequence follows from `seed` (mulberry32: 32 bits of state, which jitter and
 * simulations do not outgrow).
 */
export function seededPrng(seed: number): Prng {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** Deterministic "entropy" for simulations and golden vectors. Never for a node that runs. */
export function seededEntropy(seed: number): Entropy {
  const prng = seededPrng(seed);
  return {
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = Math.floor(prng.next() * 256);
    },
  };
}
