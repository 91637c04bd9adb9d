/**
 * ChaCha20-Poly1305 by OpenSSL, in place in the caller's slab, with nothing allocated per packet.
 *
 * One cipher context serves every key. A context per key would save the 60 ns of setting the key when packets
 * of different sessions alternate; one context for all costs no memory per session, and nothing has to be freed,
 * so nothing can leak or be used after it was freed.
 *
 * @module
 */

import { wipe } from "../../bytes.ts";
import {
  AEAD_KEY_LENGTH,
  AEAD_TAG_LENGTH,
  assertAeadKey,
  assertNonce,
  assertRegions,
  type NonceAeadKey,
  writeCounterNonce,
} from "../cipher_suite.ts";
import { cString, type OpenSsl } from "./library.ts";
import { addressOf } from "./slab_address.ts";

/** Makes the AEAD keys of one thread. */
export class OpenSslAead {
  readonly #symbols: OpenSsl["symbols"];
  readonly #context: bigint;
  /** Nonce, key and one int that OpenSSL writes: read and written by both sides, never moved. */
  readonly #scratch = new Uint8Array(new ArrayBuffer(SCRATCH_LENGTH));
  readonly #nonceAddress: bigint;
  readonly #keyAddress: bigint;
  readonly #writtenAddress: bigint;
  // Addresses change with every packet. Assembled as words here and read as one bigint element, they reach the
  // call in a register; as bigints made by arithmetic they would be allocated (35 ns each, against 9).
  readonly #addresses = new BigUint64Array(3);
  readonly #addressWords = new Uint32Array(this.#addresses.buffer);
  /** The key that the context holds. */
  #current: OpenSslAeadKey | null = null;

  /** @throws {Error} when this OpenSSL has no ChaCha20-Poly1305. */
  constructor({ symbols }: OpenSsl) {
    this.#symbols = symbols;
    const scratchAddress = BigInt(addressOf(this.#scratch.buffer));
    this.#nonceAddress = scratchAddress;
    this.#keyAddress = scratchAddress + BigInt(KEY_OFFSET);
    this.#writtenAddress = scratchAddress + BigInt(WRITTEN_OFFSET);
    this.#context = symbols.EVP_CIPHER_CTX_new();
    const cipher = symbols.EVP_CIPHER_fetch(0n, cString("ChaCha20-Poly1305"), 0n);
    if (cipher === 0n || this.#context === 0n) throw new Error("OpenSSL has no ChaCha20-Poly1305");
    if (symbols.EVP_EncryptInit_ex(this.#context, cipher, 0n, this.#keyAddress, this.#nonceAddress) !== 1) {
      throw new Error("OpenSSL cannot start ChaCha20-Poly1305");
    }
  }

  /** An AEAD under a copy of the 32-byte `key`. */
  key(key: Uint8Array): NonceAeadKey {
    assertAeadKey(key);
    return new OpenSslAeadKey(this, key.slice());
  }

  /** The 12 bytes that {@link seal} and {@link open} take as nonce: written before each call. */
  get nonce(): Uint8Array {
    return this.#scratch;
  }

  /** Seals under the nonce in {@link nonce}; the regions have been checked. */
  seal(key: OpenSslAeadKey, slab: Uint8Array, start: number, adLength: number, textLength: number): number {
    const symbols = this.#symbols;
    const context = this.#context;
    this.#place(slab, start, adLength, textLength);
    const keyAddress = key === this.#current ? 0n : this.#install(key);
    const [ad, text, tag] = [0, 1, 2] as const;
    const addresses = this.#addresses;
    const done = symbols.EVP_EncryptInit_ex(context, 0n, 0n, keyAddress, this.#nonceAddress) === 1 &&
      symbols.EVP_EncryptUpdate(context, 0n, this.#writtenAddress, addresses[ad], adLength) === 1 &&
      symbols.EVP_EncryptUpdate(
          context,
          addresses[text],
          this.#writtenAddress,
          addresses[text],
          textLength,
        ) ===
        1 &&
      symbols.EVP_EncryptFinal_ex(context, addresses[tag], this.#writtenAddress) === 1 &&
      symbols.EVP_CIPHER_CTX_ctrl(context, AEAD_GET_TAG, AEAD_TAG_LENGTH, addresses[tag]) === 1;
    if (keyAddress !== 0n) this.#clearKey();
    if (!done) throw this.#broken("seal");
    return start + adLength + textLength + AEAD_TAG_LENGTH;
  }

  /** Opens under the nonce in {@link nonce}; the regions have been checked. */
  open(key: OpenSslAeadKey, slab: Uint8Array, start: number, adLength: number, sealedLength: number): number {
    const symbols = this.#symbols;
    const context = this.#context;
    const textLength = sealedLength - AEAD_TAG_LENGTH;
    this.#place(slab, start, adLength, textLength);
    const keyAddress = key === this.#current ? 0n : this.#install(key);
    const [ad, text, tag] = [0, 1, 2] as const;
    const addresses = this.#addresses;
    const done = symbols.EVP_DecryptInit_ex(context, 0n, 0n, keyAddress, this.#nonceAddress) === 1 &&
      symbols.EVP_CIPHER_CTX_ctrl(context, AEAD_SET_TAG, AEAD_TAG_LENGTH, addresses[tag]) === 1 &&
      symbols.EVP_DecryptUpdate(context, 0n, this.#writtenAddress, addresses[ad], adLength) === 1 &&
      symbols.EVP_DecryptUpdate(
          context,
          addresses[text],
          this.#writtenAddress,
          addresses[text],
          textLength,
        ) === 1;
    if (keyAddress !== 0n) this.#clearKey();
    if (!done) throw this.#broken("open");
    return symbols.EVP_DecryptFinal_ex(context, addresses[tag], this.#writtenAddress) === 1 ? textLength : -1;
  }

  /** Takes `key` out of the context, if it is the one there. */
  forget(key: OpenSslAeadKey): void {
    if (key !== this.#current) return;
    this.#current = null;
    this.#symbols.EVP_EncryptInit_ex(this.#context, 0n, 0n, this.#keyAddress, this.#nonceAddress);
  }

  /** Whatever the context holds now, it is not to be trusted to be the current key. */
  #broken(action: string): Error {
    this.#current = null;
    return new Error(`Invariant: OpenSSL refuses to ${action} what the length checks let through`);
  }

  #place(slab: Uint8Array, start: number, adLength: number, textLength: number): void {
    if (adLength > INT_MAX || textLength > INT_MAX) {
      throw new RangeError(`Cannot use the slab: OpenSSL takes at most ${INT_MAX} bytes at once`);
    }
    const words = this.#addressWords;
    const ad = addressOf(slab.buffer) + slab.byteOffset + start;
    words[0] = ad;
    words[1] = ad / WORD;
    const text = ad + adLength;
    words[2] = text;
    words[3] = text / WORD;
    const tag = text + textLength;
    words[4] = tag;
    words[5] = tag / WORD;
  }

  /** Copies the key to where OpenSSL reads it; {@link #clearKey} takes it away again. */
  #install(key: OpenSslAeadKey): bigint {
    this.#scratch.set(key.bytes, KEY_OFFSET);
    this.#current = key;
    return this.#keyAddress;
  }

  #clearKey(): void {
    this.#scratch.fill(0, KEY_OFFSET, KEY_OFFSET + AEAD_KEY_LENGTH);
  }
}

class OpenSslAeadKey implements NonceAeadKey {
  readonly #aead: OpenSslAead;
  readonly #key: Uint8Array;
  #wiped = false;

  constructor(aead: OpenSslAead, key: Uint8Array) {
    this.#aead = aead;
    this.#key = key;
  }

  get bytes(): Uint8Array {
    return this.#key;
  }

  seal(counter: number, slab: Uint8Array, start: number, adLength: number, plaintextLength: number): number {
    this.#assertUsable();
    assertRegions(slab, start, adLength, plaintextLength, AEAD_TAG_LENGTH);
    writeCounterNonce(counter, this.#aead.nonce);
    return this.#aead.seal(this, slab, start, adLength, plaintextLength);
  }

  open(counter: number, slab: Uint8Array, start: number, adLength: number, sealedLength: number): number {
    this.#assertUsable();
    assertRegions(slab, start, adLength, sealedLength, 0);
    writeCounterNonce(counter, this.#aead.nonce);
    return this.#open(slab, start, adLength, sealedLength);
  }

  sealWithNonce(
    nonce: Uint8Array,
    slab: Uint8Array,
    start: number,
    adLength: number,
    plaintextLength: number,
  ): number {
    this.#assertUsable();
    assertNonce(nonce);
    assertRegions(slab, start, adLength, plaintextLength, AEAD_TAG_LENGTH);
    this.#aead.nonce.set(nonce);
    return this.#aead.seal(this, slab, start, adLength, plaintextLength);
  }

  openWithNonce(
    nonce: Uint8Array,
    slab: Uint8Array,
    start: number,
    adLength: number,
    sealedLength: number,
  ): number {
    this.#assertUsable();
    assertNonce(nonce);
    assertRegions(slab, start, adLength, sealedLength, 0);
    this.#aead.nonce.set(nonce);
    return this.#open(slab, start, adLength, sealedLength);
  }

  wipe(): void {
    wipe(this.#key);
    this.#aead.forget(this);
    this.#wiped = true;
  }

  #open(slab: Uint8Array, start: number, adLength: number, sealedLength: number): number {
    const length = sealedLength < AEAD_TAG_LENGTH
      ? -1
      : this.#aead.open(this, slab, start, adLength, sealedLength);
    if (length < 0) slab.fill(0, start + adLength, start + adLength + sealedLength);
    return length;
  }

  #assertUsable(): void {
    if (this.#wiped) throw new Error("Cannot use the AEAD key: it has been wiped");
  }
}

const KEY_OFFSET = 16;
const WRITTEN_OFFSET = KEY_OFFSET + AEAD_KEY_LENGTH;
const SCRATCH_LENGTH = 64;

/** `EVP_CTRL_AEAD_GET_TAG` and `EVP_CTRL_AEAD_SET_TAG` of `openssl/evp.h`. */
const AEAD_GET_TAG = 0x10;
const AEAD_SET_TAG = 0x11;

const INT_MAX = 0x7fff_ffff;
const WORD = 4_294_967_296;
