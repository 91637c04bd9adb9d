/**
 * `CipherState` of the Noise specification (revision 34, section 5.1), for the few messages of a handshake.
 * A session's packets go through {@link AeadKey} directly: they carry their counter and arrive in any order.
 *
 * @module
 */

import { wipe } from "../../bytes.ts";
import { AEAD_KEY_LENGTH, AEAD_TAG_LENGTH, type AeadKey, type CipherSuite } from "../cipher_suite.ts";

/** A key and a nonce, or no key yet. */
export class CipherState {
  readonly #suite: CipherSuite;
  readonly #key = new Uint8Array(AEAD_KEY_LENGTH);
  #hasKey = false;
  #nonce = 0;

  constructor(suite: CipherSuite) {
    this.#suite = suite;
  }

  get hasKey(): boolean {
    return this.#hasKey;
  }

  /** Takes a copy of the 32-byte `key` and starts at nonce 0. */
  initializeKey(key: Uint8Array): void {
    this.#key.set(key);
    this.#hasKey = true;
    this.#nonce = 0;
  }

  /** The ciphertext and its tag; the plaintext itself while there is no key. */
  encryptWithAd(ad: Uint8Array, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
    if (!this.#hasKey) return plaintext.slice();
    const slab = new Uint8Array(ad.length + plaintext.length + AEAD_TAG_LENGTH);
    slab.set(ad);
    slab.set(plaintext, ad.length);
    this.#withAead((aead) => aead.seal(this.#nonce, slab, 0, ad.length, plaintext.length));
    this.#nonce++;
    return slab.slice(ad.length);
  }

  /** The plaintext, or null when it does not authenticate; the nonce then stays where it was. */
  decryptWithAd(ad: Uint8Array, ciphertext: Uint8Array): Uint8Array<ArrayBuffer> | null {
    if (!this.#hasKey) return ciphertext.slice();
    const slab = new Uint8Array(ad.length + ciphertext.length);
    slab.set(ad);
    slab.set(ciphertext, ad.length);
    const length = this.#withAead((aead) => aead.open(this.#nonce, slab, 0, ad.length, ciphertext.length));
    if (length < 0) return null;
    this.#nonce++;
    return slab.slice(ad.length, ad.length + length);
  }

  /** An independent copy. */
  clone(): CipherState {
    const copy = new CipherState(this.#suite);
    copy.#key.set(this.#key);
    copy.#hasKey = this.#hasKey;
    copy.#nonce = this.#nonce;
    return copy;
  }

  wipe(): void {
    wipe(this.#key);
    this.#hasKey = false;
  }

  /** A native suite's AEAD holds memory outside the engine, so none is kept between messages. */
  #withAead<T>(use: (aead: AeadKey) => T): T {
    const aead = this.#suite.aead(this.#key);
    try {
      return use(aead);
    } finally {
      aead.wipe();
    }
  }
}
