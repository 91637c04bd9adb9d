/**
 * Stateless proof that an initiator receives at the address it claims.
 *
 * `token = issue time (8 bytes, ms) || BLAKE2s-keyed(secret, issue time || e || address)`
 *
 * @module
 */

import { concatBytes, equalBytes, wipe } from "../bytes.ts";
import type { Instant } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { type Entropy, randomBytes } from "../entropy.ts";
import type { Address } from "../net/address.ts";

export const RETRY_TOKEN_LENGTH = 8 + 32;
/** How long a secret issues tokens; the one before it still verifies. */
const ROTATE_MS = 120_000;
/** How long a token is good for. */
const VALID_MS = 15_000;

export class RetryTokens {
  readonly #suite: CipherSuite;
  readonly #entropy: Entropy;
  #secret: Uint8Array<ArrayBuffer>;
  #previous: Uint8Array<ArrayBuffer> | null = null;
  #issuedFrom: Instant | null = null;

  constructor(suite: CipherSuite, entropy: Entropy) {
    this.#suite = suite;
    this.#entropy = entropy;
    this.#secret = randomBytes(entropy, 32);
  }

  /** A token for the initiator at `address` with the ephemeral key `e`. */
  issue(now: Instant, address: Address, e: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#rotate(now);
    const time = encodeTime(now);
    return concatBytes(time, this.#mac(this.#secret, time, address, e));
  }

  /** Whether `token` was issued here, lately, for just this address and ephemeral key. */
  verify(now: Instant, address: Address, e: Uint8Array, token: Uint8Array): boolean {
    if (token.length !== RETRY_TOKEN_LENGTH) return false;
    this.#rotate(now);
    const time = token.subarray(0, 8);
    const ageMs = now - decodeTime(time);
    if (ageMs < -1 || ageMs > VALID_MS) return false;
    const mac = token.subarray(8);
    if (equalBytes(mac, this.#mac(this.#secret, time, address, e))) return true;
    return this.#previous !== null && equalBytes(mac, this.#mac(this.#previous, time, address, e));
  }

  #mac(secret: Uint8Array, time: Uint8Array, address: Address, e: Uint8Array): Uint8Array {
    return this.#suite.blake2s([time, e, new TextEncoder().encode(address.text)], secret);
  }

  #rotate(now: Instant): void {
    this.#issuedFrom ??= now;
    if (now - this.#issuedFrom < ROTATE_MS) return;
    if (this.#previous !== null) wipe(this.#previous);
    this.#previous = this.#secret;
    this.#secret = randomBytes(this.#entropy, 32);
    this.#issuedFrom = now;
  }
}

function encodeTime(now: Instant): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, now);
  return bytes;
}

function decodeTime(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
}
