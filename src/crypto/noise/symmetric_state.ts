/**
 * `SymmetricState` of the Noise specification (revision 34, section 5.2).
 *
 * @module
 */

import { wipe } from "../../bytes.ts";
import { AEAD_TAG_LENGTH, type CipherSuite } from "../cipher_suite.ts";
import { hkdf } from "../key_schedule.ts";
import { CipherState } from "./cipher_state.ts";

/** The chaining key, the transcript hash and the cipher that a handshake builds up token by token. */
export class SymmetricState {
  readonly #suite: CipherSuite;
  readonly #cipher: CipherState;
  #chainingKey: Uint8Array<ArrayBuffer>;
  #hash: Uint8Array<ArrayBuffer>;

  private constructor(
    suite: CipherSuite,
    cipher: CipherState,
    chainingKey: Uint8Array<ArrayBuffer>,
    hash: Uint8Array<ArrayBuffer>,
  ) {
    this.#suite = suite;
    this.#cipher = cipher;
    this.#chainingKey = chainingKey;
    this.#hash = hash;
  }

  /** `InitializeSymmetric(protocol_name)`. */
  static initialize(suite: CipherSuite, protocolName: string): SymmetricState {
    const name = new TextEncoder().encode(protocolName);
    let hash = new Uint8Array(HASH_LENGTH);
    if (name.length <= HASH_LENGTH) hash.set(name);
    else hash = suite.blake2s([name]);
    return new SymmetricState(suite, new CipherState(suite), hash.slice(), hash);
  }

  /** The transcript so far: 32 bytes, a copy. */
  get handshakeHash(): Uint8Array<ArrayBuffer> {
    return this.#hash.slice();
  }

  /** The chaining key: 32 bytes, a copy that the caller wipes. */
  get chainingKey(): Uint8Array<ArrayBuffer> {
    return this.#chainingKey.slice();
  }

  get hasKey(): boolean {
    return this.#cipher.hasKey;
  }

  /** Bytes that {@link encryptAndHash} adds at this point. */
  get overhead(): number {
    return this.#cipher.hasKey ? AEAD_TAG_LENGTH : 0;
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = hkdf(this.#suite, this.#chainingKey, input, 2);
    this.#replaceChainingKey(chainingKey);
    this.#cipher.initializeKey(key);
    wipe(key);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#suite.blake2s([this.#hash, data]);
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hashInput, key] = hkdf(this.#suite, this.#chainingKey, input, 3);
    this.#replaceChainingKey(chainingKey);
    this.mixHash(hashInput);
    this.#cipher.initializeKey(key);
    wipe(hashInput, key);
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
    const ciphertext = this.#cipher.encryptWithAd(this.#hash, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** The plaintext, or null when it does not authenticate. */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array<ArrayBuffer> | null {
    const plaintext = this.#cipher.decryptWithAd(this.#hash, ciphertext);
    if (plaintext !== null) this.mixHash(ciphertext);
    return plaintext;
  }

  /** The two transport keys: the initiator's sending key first. The caller wipes them. */
  split(): { initiatorKey: Uint8Array<ArrayBuffer>; responderKey: Uint8Array<ArrayBuffer> } {
    const [initiatorKey, responderKey] = hkdf(this.#suite, this.#chainingKey, EMPTY, 2);
    return { initiatorKey, responderKey };
  }

  /** An independent copy. */
  clone(): SymmetricState {
    return new SymmetricState(
      this.#suite,
      this.#cipher.clone(),
      this.#chainingKey.slice(),
      this.#hash.slice(),
    );
  }

  /** Overwrites the secrets. The transcript hash is none and stays. */
  wipe(): void {
    this.#cipher.wipe();
    wipe(this.#chainingKey);
  }

  #replaceChainingKey(chainingKey: Uint8Array<ArrayBuffer>): void {
    wipe(this.#chainingKey);
    this.#chainingKey = chainingKey;
  }
}

const HASH_LENGTH = 32;
const EMPTY = new Uint8Array(0);
