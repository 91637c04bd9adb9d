/**
 * The portable cipher suite: Paul Miller's noble libraries (audited, pure JavaScript, no dependencies).
 *
 * @module
 */

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { equalBytes, wipe } from "../bytes.ts";
import {
  AEAD_KEY_LENGTH,
  AEAD_NONCE_LENGTH,
  AEAD_TAG_LENGTH,
  assertAeadKey,
  assertNonce,
  assertRegions,
  type NonceAeadKey,
  type NonceCipherSuite,
  writeCounterNonce,
} from "./cipher_suite.ts";
import { isUsableEd25519Key, isUsableX25519Key } from "./curve_points.ts";

/** The portable suite, which every other one must equal byte for byte. */
export const nobleSuite: NonceCipherSuite = {
  name: "noble",

  x25519PublicKey: (secretKey) => x25519.getPublicKey(secretKey),

  x25519(secretKey, publicKey) {
    if (!isUsableX25519Key(publicKey)) return null;
    return x25519.getSharedSecret(secretKey, publicKey);
  },

  ed25519PublicKey: (seed) => ed25519.getPublicKey(seed),

  ed25519Sign: (seed, message) => ed25519.sign(message, seed),

  ed25519Verify,

  blake2s(parts, key) {
    const hash = blake2s.create(key === undefined ? {} : { key });
    for (const part of parts) hash.update(part);
    return hash.digest();
  },

  hmacBlake2s(key, parts) {
    const mac = hmac.create(blake2s, key);
    for (const part of parts) mac.update(part);
    return mac.digest();
  },

  sha256(parts) {
    const hash = sha256.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  },

  aead: (key) => new NobleAeadKey(key),
};

/**
 * RFC 8032 §5.1.7 with the equation that needs no cofactor, `[S]B = R + [k]A`, compared as encodings: what
 * OpenSSL and the runtime do. noble's own `verify` multiplies by the cofactor, so a signer who adds a
 * small-order point to `R` would pass here and fail on a peer with a native suite.
 */
function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64 || !isUsableEd25519Key(publicKey)) return false;
  const encodedR = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  const { Point } = ed25519;
  if (s >= Point.Fn.ORDER) return false;
  let a;
  try {
    a = Point.fromBytes(publicKey);
  } catch {
    return false; // not a point of the curve
  }
  const hash = sha512.create().update(encodedR).update(publicKey).update(message).digest();
  const k = Point.Fn.create(littleEndian(hash));
  const r = Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k));
  return equalBytes(r.toBytes(), encodedR);
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

class NobleAeadKey implements NonceAeadKey {
  readonly #key = new Uint8Array(AEAD_KEY_LENGTH);
  readonly #nonce = new Uint8Array(AEAD_NONCE_LENGTH);
  #wiped = false;

  constructor(key: Uint8Array) {
    assertAeadKey(key);
    this.#key.set(key);
  }

  seal(counter: number, slab: Uint8Array, start: number, adLength: number, plaintextLength: number): number {
    writeCounterNonce(counter, this.#nonce);
    return this.sealWithNonce(this.#nonce, slab, start, adLength, plaintextLength);
  }

  open(counter: number, slab: Uint8Array, start: number, adLength: number, sealedLength: number): number {
    writeCounterNonce(counter, this.#nonce);
    return this.openWithNonce(this.#nonce, slab, start, adLength, sealedLength);
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
    const textStart = start + adLength;
    const end = textStart + plaintextLength + AEAD_TAG_LENGTH;
    const cipher = chacha20poly1305(this.#key, nonce, slab.subarray(start, textStart));
    cipher.encrypt(slab.subarray(textStart, end - AEAD_TAG_LENGTH), slab.subarray(textStart, end));
    return end;
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
    const textStart = start + adLength;
    const end = textStart + sealedLength;
    try {
      const cipher = chacha20poly1305(this.#key, nonce, slab.subarray(start, textStart));
      cipher.decrypt(slab.subarray(textStart, end), slab.subarray(textStart, end - AEAD_TAG_LENGTH));
      return sealedLength - AEAD_TAG_LENGTH;
    } catch {
      // Shorter than a tag, or the tag does not match: every other condition was checked above.
      slab.fill(0, textStart, end);
      return -1;
    }
  }

  wipe(): void {
    wipe(this.#key);
    this.#wiped = true;
  }

  #assertUsable(): void {
    if (this.#wiped) throw new Error("Cannot use the AEAD key: it has been wiped");
  }
}
