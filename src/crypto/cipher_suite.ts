/**
 * The seam between the protocol and its cryptography. The portable implementation is the audited noble
 * libraries; a native one may stand in after its self-test has shown it equal byte for byte.
 *
 * Everything here is synchronous: a protocol turn is one call, with no gap between "packet arrived" and
 * "state changed".
 *
 * @module
 */

/** Bytes of an AEAD key (RFC 8439). */
export const AEAD_KEY_LENGTH = 32;
/** Bytes of an AEAD nonce (RFC 8439). */
export const AEAD_NONCE_LENGTH = 12;
/** Bytes the AEAD adds to what it seals (RFC 8439). */
export const AEAD_TAG_LENGTH = 16;
/** Bytes of an X25519 public or secret key, and of their shared secret (RFC 7748). */
export const DH_LENGTH = 32;
/** Bytes of an Ed25519 signature (RFC 8032). */
export const SIGNATURE_LENGTH = 64;

/**
 * ChaCha20-Poly1305 (RFC 8439) under one key, working in place inside a caller's slab.
 *
 * The nonce is 4 zero bytes and the 8-byte little-endian `counter` (Noise revision 34, section 12); the
 * caller never uses a counter twice under one key. Counters are integers in [0, 2^53).
 */
export interface AeadKey {
  /**
   * Seals in place. In `slab`, from `start`: `adLength` bytes of additional data (authenticated, left as
   * they are), then `plaintextLength` bytes that become ciphertext, then room for the 16-byte tag.
   *
   * The slab is borrowed until the call returns.
   *
   * @returns the offset just behind the tag.
   * @throws {RangeError} when the slab has no room for all of it, or the counter is out of range.
   */
  seal(counter: number, slab: Uint8Array, start: number, adLength: number, plaintextLength: number): number;

  /**
   * Opens in place what {@link seal} made. `sealedLength` counts ciphertext and tag, not the additional data.
   *
   * @returns the plaintext's length (`sealedLength` - 16), or -1 when the tag does not match: the sealed
   * bytes have then been overwritten with zeros, so that nothing unauthenticated is left to be read.
   * @throws {RangeError} when the slab does not hold all of it, or the counter is out of range.
   */
  open(counter: number, slab: Uint8Array, start: number, adLength: number, sealedLength: number): number;

  /** Destroys the key. Any later call throws. */
  wipe(): void;
}

/**
 * An AEAD key that also takes a whole nonce. The node never chooses one: this is where published test vectors
 * and the native suite's self-test enter, through the code that `seal` and `open` run.
 */
export interface NonceAeadKey extends AeadKey {
  /**
   * As {@link AeadKey.seal}, under 12 bytes of nonce.
   *
   * @throws {RangeError} when the nonce has another length.
   */
  sealWithNonce(
    nonce: Uint8Array,
    slab: Uint8Array,
    start: number,
    adLength: number,
    plaintextLength: number,
  ): number;
  /**
   * As {@link AeadKey.open}, under 12 bytes of nonce.
   *
   * @throws {RangeError} when the nonce has another length.
   */
  openWithNonce(
    nonce: Uint8Array,
    slab: Uint8Array,
    start: number,
    adLength: number,
    sealedLength: number,
  ): number;
}

/**
 * `noble`: portable JavaScript. `runtime`: what Deno itself offers, the rest noble. `native`: that and OpenSSL
 * through FFI.
 */
export type SuiteName = "noble" | "runtime" | "native";

/** The primitives of Noise_XX_25519_ChaChaPoly_BLAKE2s, of identities, and of content trees. */
export interface CipherSuite {
  /** What made this suite. A metric label and a line of `wraith doctor`. */
  readonly name: SuiteName;

  /** The X25519 public key of a 32-byte secret key (RFC 7748). */
  x25519PublicKey(secretKey: Uint8Array): Uint8Array<ArrayBuffer>;
  /**
   * The X25519 shared secret.
   *
   * @returns 32 bytes, or null when the result is all zeros (a low-order public key): no session may come
   * out of that (RFC 7748 section 6.1).
   */
  x25519(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array<ArrayBuffer> | null;

  /** The Ed25519 public key of a 32-byte seed (RFC 8032). */
  ed25519PublicKey(seed: Uint8Array): Uint8Array<ArrayBuffer>;
  /** The Ed25519 signature of `message` under a 32-byte seed (RFC 8032). */
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Whether `signature` is one of `message` by `publicKey`. Malformed inputs are false, never an exception. */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;

  /** BLAKE2s-256 (RFC 7693) of the concatenated `parts`, keyed when `key` (at most 32 bytes) is given. */
  blake2s(parts: readonly Uint8Array[], key?: Uint8Array): Uint8Array<ArrayBuffer>;
  /** HMAC-BLAKE2s of the concatenated `parts` (RFC 2104), as Noise's HKDF uses it. */
  hmacBlake2s(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
  /** SHA-256 (FIPS 180-4) of the concatenated `parts`. */
  sha256(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;

  /** An AEAD under `key` (32 bytes, copied: the caller may wipe its own). */
  aead(key: Uint8Array): AeadKey;
}

/** A suite whose AEAD also takes whole nonces: what both suites here are. */
export interface NonceCipherSuite extends CipherSuite {
  aead(key: Uint8Array): NonceAeadKey;
}

/**
 * Writes the AEAD nonce of `counter` into the 12 bytes of `out`: 4 zero bytes, then the counter as 8 bytes
 * little-endian (Noise revision 34, section 12.3).
 *
 * @throws {RangeError} when the counter is no integer in [0, 2^53).
 */
export function writeCounterNonce(counter: number, out: Uint8Array): void {
  if (!Number.isSafeInteger(counter) || counter < 0) {
    throw new RangeError(`Cannot make a nonce: counter must be an integer in [0, 2^53), got ${counter}`);
  }
  const low = counter >>> 0;
  const high = (counter - low) / 4_294_967_296;
  out[0] =
    out[1] =
    out[2] =
    out[3] =
      0;
  for (let i = 0; i < 4; i++) {
    out[4 + i] = low >>> (8 * i);
    out[8 + i] = high >>> (8 * i);
  }
}

/** @throws {RangeError} when `nonce` has not 12 bytes. */
export function assertNonce(nonce: Uint8Array): void {
  if (nonce.length !== AEAD_NONCE_LENGTH) {
    throw new RangeError(
      `Cannot use the nonce: it must have ${AEAD_NONCE_LENGTH} bytes, got ${nonce.length}`,
    );
  }
}

/** @throws {RangeError} when `key` has not 32 bytes. */
export function assertAeadKey(key: Uint8Array): void {
  if (key.length !== AEAD_KEY_LENGTH) {
    throw new RangeError(`Cannot make an AEAD: key must have ${AEAD_KEY_LENGTH} bytes, got ${key.length}`);
  }
}

/**
 * Checks that additional data, text and room for a tag, one behind the other from `start`, are inside the slab.
 * A native suite hands addresses made from these numbers to code that checks nothing, so NaN, fractions and
 * negative numbers fail too, each on its own: a sum can hide one.
 *
 * @throws {RangeError} when they are not.
 */
export function assertRegions(
  slab: Uint8Array,
  start: number,
  adLength: number,
  textLength: number,
  tagLength: 0 | typeof AEAD_TAG_LENGTH,
): void {
  if (
    Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(adLength) && adLength >= 0 &&
    Number.isSafeInteger(textLength) && textLength >= 0 &&
    start + adLength + textLength + tagLength <= slab.length
  ) return;
  throw new RangeError(
    `Cannot use the slab: ${adLength} + ${textLength} + ${tagLength} bytes from ${start} are not within its ${slab.length}`,
  );
}
