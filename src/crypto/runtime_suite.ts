/**
 * The suite of the runtime itself: what Deno's own `node:crypto` does faster than noble, without calling any
 * library: the curves and SHA-256 everywhere, ChaCha20-Poly1305 where this Deno has it. The rest is noble's.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { fromHex, wipe } from "../bytes.ts";
import {
  AEAD_TAG_LENGTH,
  assertAeadKey,
  assertNonce,
  assertRegions,
  DH_LENGTH,
  type NonceAeadKey,
  type NonceCipherSuite,
  SIGNATURE_LENGTH,
  writeCounterNonce,
} from "./cipher_suite.ts";
import { isUsableEd25519Key, isUsableX25519Key } from "./curve_points.ts";
import { nobleSuite } from "./noble_suite.ts";

/** The suite of this Deno. The caller has it prove itself first. */
export function runtimeSuite(): NonceCipherSuite {
  return {
    ...nobleSuite,
    name: "runtime",
    x25519PublicKey: (secretKey) => rawPublicKey(privateKey(X25519_PKCS8, secretKey)),
    x25519,
    ed25519PublicKey: (seed) => rawPublicKey(privateKey(ED25519_PKCS8, seed)),
    ed25519Sign: (seed, message) => ownBytes(sign(null, message, privateKey(ED25519_PKCS8, seed))),
    ed25519Verify,
    sha256(parts) {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return ownBytes(hash.digest());
    },
    aead: hasAead() ? (key) => new RuntimeAeadKey(key) : nobleSuite.aead,
  };
}

function x25519(secretKey: Uint8Array, peerKey: Uint8Array): Uint8Array<ArrayBuffer> | null {
  if (!isUsableX25519Key(peerKey)) return null;
  return ownBytes(
    diffieHellman({
      privateKey: privateKey(X25519_PKCS8, secretKey),
      publicKey: publicKey(X25519_SPKI, peerKey),
    }),
  );
}

function ed25519Verify(identityKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_LENGTH || !isUsableEd25519Key(identityKey)) return false;
  try {
    return verify(null, message, publicKey(ED25519_SPKI, identityKey), signature);
  } catch {
    return false; // not a point of the curve: every other condition was checked above
  }
}

/** The raw keys are 32 bytes at the end of a DER structure that is otherwise always the same (RFC 8410). */
function privateKey(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  const der = keyDer(prefix, raw);
  try {
    return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  } finally {
    wipe(der);
  }
}

function publicKey(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: keyDer(prefix, raw), format: "der", type: "spki" });
}

function rawPublicKey(key: KeyObject): Uint8Array<ArrayBuffer> {
  // Deno takes a private KeyObject here, as Node does; the type declarations know only the other inputs.
  const spki = createPublicKey(key as unknown as string).export({ format: "der", type: "spki" });
  return ownBytes(spki.subarray(spki.length - DH_LENGTH));
}

function keyDer(prefix: Uint8Array, raw: Uint8Array): Buffer {
  if (raw.length !== DH_LENGTH) {
    throw new RangeError(`Cannot use the key: it must have ${DH_LENGTH} bytes, got ${raw.length}`);
  }
  const der = Buffer.alloc(prefix.length + raw.length);
  der.set(prefix);
  der.set(raw, prefix.length);
  return der;
}

/** A plain array of the result's bytes: a Buffer may share its memory with others. */
function ownBytes(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(buffer);
}

/** Whether this Deno knows the AEAD: 2.9 does, 2.6 does not. */
function hasAead(): boolean {
  try {
    createCipheriv(AEAD_NAME, new Uint8Array(32), new Uint8Array(12), { authTagLength: AEAD_TAG_LENGTH });
    return true;
  } catch {
    return false;
  }
}

class RuntimeAeadKey implements NonceAeadKey {
  readonly #key: Uint8Array;
  readonly #nonce = new Uint8Array(12);
  #wiped = false;

  constructor(key: Uint8Array) {
    assertAeadKey(key);
    this.#key = key.slice();
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
    const textEnd = textStart + plaintextLength;
    const cipher = createCipheriv(AEAD_NAME, this.#key, nonce, { authTagLength: AEAD_TAG_LENGTH });
    cipher.setAAD(slab.subarray(start, textStart), { plaintextLength });
    slab.set(cipher.update(slab.subarray(textStart, textEnd)), textStart);
    cipher.final();
    slab.set(cipher.getAuthTag(), textEnd);
    return textEnd + AEAD_TAG_LENGTH;
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
    const textEnd = textStart + sealedLength - AEAD_TAG_LENGTH;
    if (textEnd >= textStart && this.#decrypt(nonce, slab, start, textStart, textEnd)) {
      return textEnd - textStart;
    }
    slab.fill(0, textStart, textStart + sealedLength);
    return -1;
  }

  wipe(): void {
    wipe(this.#key);
    this.#wiped = true;
  }

  #decrypt(nonce: Uint8Array, slab: Uint8Array, start: number, textStart: number, textEnd: number): boolean {
    const decipher = createDecipheriv(AEAD_NAME, this.#key, nonce, { authTagLength: AEAD_TAG_LENGTH });
    decipher.setAAD(slab.subarray(start, textStart), { plaintextLength: textEnd - textStart });
    decipher.setAuthTag(slab.subarray(textEnd, textEnd + AEAD_TAG_LENGTH));
    const plaintext = decipher.update(slab.subarray(textStart, textEnd));
    try {
      decipher.final();
    } catch {
      return false; // the tag does not match
    }
    slab.set(plaintext, textStart);
    return true;
  }

  #assertUsable(): void {
    if (this.#wiped) throw new Error("Cannot use the AEAD key: it has been wiped");
  }
}

const AEAD_NAME = "chacha20-poly1305";
const X25519_PKCS8 = fromHex("302e020100300506032b656e04220420");
const X25519_SPKI = fromHex("302a300506032b656e032100");
const ED25519_PKCS8 = fromHex("302e020100300506032b657004220420");
const ED25519_SPKI = fromHex("302a300506032b6570032100");
