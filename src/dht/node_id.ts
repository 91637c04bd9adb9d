/**
 * Where a peer, a record or a question lies in the DHT's space of 2^256 points, and how far apart two points are.
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { identityKeyOf, type PeerId } from "../crypto/peer_id.ts";
import type { Prng } from "../entropy.ts";

declare const point: unique symbol;

/**
 * A point of the 256-bit space as 64 lower-case hexadecimal digits. Text rather than bytes because it is the key
 * of maps everywhere, and because a string of 64 takes 80 bytes of heap where a `Uint8Array` of 32 takes 250.
 */
export type NodeId = string & { readonly [point]: "node id" };

/** Bits of a {@link NodeId}. */
export const ID_BITS = 256;

/** The point of a peer: SHA-256 of its identity key, so that nobody chooses a point without finding a key for it. */
export function nodeIdOf(suite: Pick<CipherSuite, "sha256">, peerId: PeerId): NodeId {
  return toHex(suite.sha256([identityKeyOf(peerId)])) as NodeId;
}

/** 32 bytes, a content root say, as a point. @throws {RangeError} when there are not 32. */
export function pointOf(bytes: Uint8Array): NodeId {
  if (bytes.length !== ID_BITS / 8) {
    throw new RangeError(`Cannot make a DHT key: expected 32 bytes, got ${bytes.length}`);
  }
  return toHex(bytes) as NodeId;
}

/** `text` as a point, or null when it is not 64 hexadecimal digits. */
export function parsePoint(text: string): NodeId | null {
  return /^[0-9a-fA-F]{64}$/.test(text) ? text.toLowerCase() as NodeId : null;
}

/**
 * Which of `a` and `b` is closer to `target` by the XOR metric: negative for `a`, positive for `b`, 0 when they
 * are the same point. The first digit in which they differ decides, whatever follows.
 */
export function compareDistance(target: NodeId, a: NodeId, b: NodeId): number {
  for (let i = 0; i < DIGITS; i++) {
    const digitA = a.charCodeAt(i);
    const digitB = b.charCodeAt(i);
    if (digitA === digitB) continue;
    const digit = nibble(target.charCodeAt(i));
    return (nibble(digitA) ^ digit) - (nibble(digitB) ^ digit);
  }
  return 0;
}

/** How many leading bits `a` and `b` share: 0 to 256. */
export function commonPrefixBits(a: NodeId, b: NodeId): number {
  for (let i = 0; i < DIGITS; i++) {
    const difference = nibble(a.charCodeAt(i)) ^ nibble(b.charCodeAt(i));
    if (difference !== 0) return 4 * i + Math.clz32(difference) - 28;
  }
  return ID_BITS;
}

/** A random point that shares exactly the first `sharedBits` (0 to 255) bits with `id`: a bucket refresh's target. */
export function randomPointSharing(id: NodeId, sharedBits: number, prng: Prng): NodeId {
  const digit = sharedBits >> 2;
  const flipped = 8 >> (sharedBits & 3);
  let text = id.slice(0, digit);
  // The digit that holds the boundary: bits before it as they are, the next one flipped, the rest random.
  const below = flipped - 1;
  const own = nibble(id.charCodeAt(digit));
  text += ((own & ~below ^ flipped) | (randomDigit(prng) & below)).toString(16);
  while (text.length < DIGITS) text += randomDigit(prng).toString(16);
  return text as NodeId;
}

function randomDigit(prng: Prng): number {
  return Math.floor(prng.next() * 16);
}

/** The value of a lower-case hexadecimal digit's character code. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

const DIGITS = ID_BITS / 4;
