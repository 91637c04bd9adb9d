/**
 * What a suite must show before the node trusts it: the same bytes as the portable suite, and the same refusals.
 *
 * Runs at every start, on the machine at hand: what differs between machines (the library, its vector code for
 * this processor, the runtime) is just what no test elsewhere has seen. The portable suite's answers are kept as
 * digests, which a test recomputes: asking noble itself would cost every start 80 ms, for tables it builds.
 *
 * @module
 */

import { fromHex, toHex } from "../bytes.ts";
import { AEAD_TAG_LENGTH, type NonceCipherSuite } from "./cipher_suite.ts";

/** The primitives that are tested, in this order. */
export type Primitive = "SHA-256" | "BLAKE2s" | "HMAC-BLAKE2s" | "ChaCha20-Poly1305" | "X25519" | "Ed25519";

/** What `suite` does otherwise than the portable suite, in a few words, or null when there is nothing. */
export function suiteFault(suite: NonceCipherSuite): string | null {
  for (const [primitive, expected] of Object.entries(PORTABLE_ANSWERS)) {
    try {
      if (answersOf(suite, primitive as Primitive) !== expected) return `${primitive} differs`;
    } catch (error) {
      return `${primitive} fails (${error instanceof Error ? error.message : String(error)})`;
    }
  }
  return null;
}

/** The SHA-256, in hexadecimal, of everything that `suite` answers when `primitive` is put to the test. */
export function answersOf(suite: NonceCipherSuite, primitive: Primitive): string {
  return toHex(suite.sha256([...EXERCISES[primitive](suite)]));
}

/** Yields every answer, in the order of asking: an answer too many or too few shows as well as a wrong one. */
type Exercise = (suite: NonceCipherSuite) => Iterable<Uint8Array>;

const EXERCISES: Readonly<Record<Primitive, Exercise>> = {
  "SHA-256": (suite) => hashAnswers((parts) => suite.sha256(parts)),
  *"BLAKE2s"(suite) {
    yield* hashAnswers((parts) => suite.blake2s(parts));
    yield suite.blake2s([pattern(65, 1)], pattern(32, 9));
  },
  *"HMAC-BLAKE2s"(suite) {
    for (const keyLength of [32, 64, 65]) {
      yield* hashAnswers((parts) => suite.hmacBlake2s(pattern(keyLength, 5), parts));
    }
  },
  "ChaCha20-Poly1305": aeadAnswers,
  *"X25519"(suite) {
    const secret = pattern(32, 3);
    yield suite.x25519PublicKey(secret);
    for (const publicKey of X25519_PUBLIC_KEYS) yield suite.x25519(secret, publicKey) ?? NOTHING;
  },
  "Ed25519": ed25519Answers,
};

function* hashAnswers(hash: (parts: Uint8Array[]) => Uint8Array): Iterable<Uint8Array> {
  for (const length of HASH_LENGTHS) {
    const input = pattern(length, length);
    yield hash([input]);
    yield hash([input.subarray(0, length >> 1), input.subarray(length >> 1)]);
  }
}

function* aeadAnswers(suite: NonceCipherSuite): Iterable<Uint8Array> {
  // Two keys by turns, because a suite may keep the last one at hand.
  const keys = [1, 2].map((seed) => suite.aead(pattern(32, seed)));
  for (const [round, textLength] of AEAD_TEXT_LENGTHS.entries()) {
    const aead = keys[round % 2];
    const adLength = AEAD_AD_LENGTHS[round % AEAD_AD_LENGTHS.length];
    const start = round % 7;
    const counter = round * 0x1_0000_0001;
    const sealedLength = textLength + AEAD_TAG_LENGTH;
    const slab = pattern(start + adLength + sealedLength + 3, round);
    aead.seal(counter, slab, start, adLength, textLength);
    yield slab.slice();
    const forged = slab.slice();
    forged[start + (round * 37) % (adLength + sealedLength)] ^= 1 << (round % 8);
    yield bit(aead.open(counter, forged, start, adLength, sealedLength) === -1);
    yield forged;
    yield bit(aead.open(counter, slab, start, adLength, sealedLength) === textLength);
    yield slab.subarray(0, start + adLength + textLength);
  }
  for (const key of keys) key.wipe();
}

function* ed25519Answers(suite: NonceCipherSuite): Iterable<Uint8Array> {
  const [seed, message] = [pattern(32, 4), pattern(52, 5)];
  const publicKey = suite.ed25519PublicKey(seed);
  const signature = suite.ed25519Sign(seed, message);
  yield publicKey;
  yield signature;
  const unreduced = signature.slice();
  addGroupOrder(unreduced.subarray(32));
  const [smallOrder, offCurve] = [new Uint8Array(32), OFF_CURVE];
  yield bit(suite.ed25519Verify(publicKey, message, signature));
  yield bit(suite.ed25519Verify(publicKey, pattern(53, 5), signature));
  yield bit(suite.ed25519Verify(publicKey, message, unreduced));
  yield bit(suite.ed25519Verify(smallOrder, message, signature));
  yield bit(suite.ed25519Verify(offCurve, message, signature));
  yield bit(suite.ed25519Verify(TORSION_PUBLIC_KEY, TORSION_MESSAGE, TORSION_SIGNATURE));
}

/** Adds L to the little-endian `s`: the same residue, and a second signature if anyone accepted it. */
function addGroupOrder(s: Uint8Array): void {
  let carry = 0;
  for (let i = 0; i < s.length; i++) {
    carry += s[i] + GROUP_ORDER[i];
    s[i] = carry;
    carry >>= 8;
  }
}

/** Bytes without a pattern that a mistake in block handling could keep. */
function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    return state >>> 24;
  });
}

function bit(value: boolean): Uint8Array {
  return Uint8Array.of(value ? 1 : 0);
}

const NOTHING = new Uint8Array(0);

/** What {@link answersOf} gives for noble. */
export const PORTABLE_ANSWERS: Readonly<Record<Primitive, string>> = {
  "SHA-256": "151201a9551244189dc860629184dc3e508b59fcc5fe7939b682416190862664",
  "BLAKE2s": "7a8b4bb1ac1a9eee59380a8d9889739a4db0fcc951808d2542e240b62b76d96e",
  "HMAC-BLAKE2s": "18e5f5ed4b80b44caa686affe8b3c6fa0a08c0356290801cc9cb2c6e295aa586",
  "ChaCha20-Poly1305": "bd8805c5efe804c08ce63c3817c036c219fdae68ab102420b44030e0bd35202e",
  "X25519": "caa46ce91ec84951aca8ac211cbe66676837ebc8ba1bad2a71d076676c056682",
  "Ed25519": "0b253d1ef0366ed44cb78077498d090a9f4f521ac54a348e89e57f1146f0b748",
};

/** Around the 16-byte blocks of the MAC, the 64-byte blocks of the cipher, and the widths of vector code. */
const AEAD_TEXT_LENGTHS: readonly number[] = [
  ...[0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 192, 193, 255, 256, 257, 319, 320, 321],
  ...[511, 512, 513, 575, 1023, 1024, 1025, 1184, 1436, 2049, 4097, 8936],
];
const AEAD_AD_LENGTHS: readonly number[] = [16, 0, 1, 17, 32];

/** Around the padding of a 64-byte block. */
const HASH_LENGTHS: readonly number[] = [0, 1, 31, 55, 56, 63, 64, 65, 127, 128, 129, 300, 2_000];

/** Points of the curve and of its twist, unreduced ones, one with the top bit set, and low-order ones. */
const X25519_PUBLIC_KEYS: readonly Uint8Array[] = [
  "0900000000000000000000000000000000000000000000000000000000000000",
  "0200000000000000000000000000000000000000000000000000000000000000",
  "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "09000000000000000000000000000000000000000000000000000000000000f0",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
].map(fromHex);

const GROUP_ORDER = fromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

/** y = 2, which no point of the curve has. */
const OFF_CURVE = fromHex("0200000000000000000000000000000000000000000000000000000000000000");

/** A signature whose R has a point of order 8 added: the equation with the cofactor accepts it, ours does not. */
const TORSION_PUBLIC_KEY = fromHex("ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1");
const TORSION_MESSAGE = new TextEncoder().encode("torsion");
const TORSION_SIGNATURE = fromHex(
  "1dd960b291c53514fece1341fc0dcd8a648b3934c2c533666f737a654ff1e1bf5795db590622623180bda9507e9217cc5f571e68c47fe93b5fb1ce48bf837e07",
);
