/**
 * Which Init is worth a key exchange, and which initiator must prove its address first.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import type { Entropy } from "../entropy.ts";
import { type Address, addressPrefix } from "../net/address.ts";
import { SourceLimiter, TokenBucket } from "./rate_limiter.ts";
import { RETRY_TOKEN_LENGTH, RetryTokens } from "./retry_token.ts";

export interface AdmissionSettings {
  /** `auto`: ask for proof above {@link handshakesPerSecond} or when half-open handshakes pile up. */
  readonly retry: "auto" | "always" | "never";
  /** Handshakes of unproven sources begun per second, over all sources, before proof is asked for. */
  readonly handshakesPerSecond: number;
  readonly handshakeBurst: number;
  /** The same per source: an IPv4 address or an IPv6 /64. */
  readonly sourceHandshakesPerSecond: number;
  readonly sourceHandshakeBurst: number;
  /** Half-open handshakes at once; the oldest goes first. */
  readonly maxHalfOpen: number;
}

export const DEFAULT_ADMISSION: AdmissionSettings = {
  retry: "auto",
  // Portable cryptography takes about 5 ms a handshake: a quarter of one core.
  handshakesPerSecond: 50,
  handshakeBurst: 100,
  sourceHandshakesPerSecond: 20,
  sourceHandshakeBurst: 5,
  maxHalfOpen: 1_024,
};

/** Sources remembered; the one unseen longest goes first. */
const MAX_SOURCES = 4_096;

export type AdmissionVerdict =
  | { readonly kind: "admit"; readonly addressValidated: boolean }
  /** Answer with this token and keep nothing. */
  | { readonly kind: "retry"; readonly token: Uint8Array }
  | { readonly kind: "refuse"; readonly reason: "rate_limited" };

export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #tokens: RetryTokens;
  readonly #load: TokenBucket;
  readonly #unproven: SourceLimiter;
  readonly #proven: SourceLimiter;

  constructor(settings: AdmissionSettings, suite: CipherSuite, entropy: Entropy) {
    this.#settings = settings;
    this.#tokens = new RetryTokens(suite, entropy);
    this.#load = new TokenBucket(settings.handshakesPerSecond, settings.handshakeBurst);
    const { sourceHandshakesPerSecond: rate, sourceHandshakeBurst: burst } = settings;
    this.#unproven = new SourceLimiter(rate, burst, MAX_SOURCES);
    this.#proven = new SourceLimiter(rate, burst, MAX_SOURCES);
  }

  /**
   * Judges an Init with ephemeral key `e` and `token` (empty when it carries none).
   *
   * Sources that have proven their address have buckets of their own: whoever spoofs an address can use up the
   * unproven one, not lock its owner out.
   */
  judge(now: Instant, from: Address, e: Uint8Array, token: Uint8Array, halfOpen: number): AdmissionVerdict {
    const { retry, maxHalfOpen } = this.#settings;
    const source = addressPrefix(from);
    if (token.length === RETRY_TOKEN_LENGTH && this.#tokens.verify(now, from, e, token)) {
      if (!this.#proven.take(now, source)) return { kind: "refuse", reason: "rate_limited" };
      return { kind: "admit", addressValidated: true };
    }
    if (retry === "always") return this.#askForProof(now, from, e);
    const sourceWithinRate = this.#unproven.take(now, source);
    if (retry === "never") {
      return sourceWithinRate
        ? { kind: "admit", addressValidated: false }
        : { kind: "refuse", reason: "rate_limited" };
    }
    if (!sourceWithinRate || 2 * halfOpen >= maxHalfOpen || !this.#load.take(now)) {
      return this.#askForProof(now, from, e);
    }
    return { kind: "admit", addressValidated: false };
  }

  #askForProof(now: Instant, from: Address, e: Uint8Array): AdmissionVerdict {
    return { kind: "retry", token: this.#tokens.issue(now, from, e) };
  }
}
