/**
 * Public keys that no suite accepts, told from their bytes alone, so that every suite refuses the same ones.
 *
 * @module
 */

import { equalBytes, fromHex } from "../bytes.ts";

/**
 * Whether a Diffie-Hellman with this X25519 public key can come out non-zero: 32 bytes, and no point of low
 * order. Every such point is one of five values of u (and their unreduced encodings), since the curve and its
 * twist have cofactors 8 and 4. Refusing them before the ladder keeps the secret key out of it.
 */
export function isUsableX25519Key(publicKey: Uint8Array): boolean {
  return publicKey.length === 32 && !matchesAny(publicKey, LOW_ORDER_U);
}

/**
 * Whether this may be an Ed25519 public key, before the curve is asked: 32 bytes, a reduced y (RFC 8032
 * §5.1.3), and no point of small order, under which one signature would fit many messages.
 */
export function isUsableEd25519Key(publicKey: Uint8Array): boolean {
  return publicKey.length === 32 && isReduced(publicKey) && !matchesAny(publicKey, SMALL_ORDER_Y);
}

/** Compares all but the top bit: X25519 ignores it (RFC 7748 §5), Ed25519 keeps the sign of x there. */
function matchesAny(publicKey: Uint8Array, points: readonly Uint8Array[]): boolean {
  const coordinate = publicKey.slice();
  coordinate[31] &= 0x7f;
  return points.some((point) => equalBytes(coordinate, point));
}

/** Whether the coordinate is below p = 2^255 - 19. */
function isReduced(publicKey: Uint8Array): boolean {
  if ((publicKey[31] & 0x7f) !== 0x7f) return true;
  for (let i = 30; i > 0; i--) if (publicKey[i] !== 0xff) return true;
  return publicKey[0] < 0xed;
}

const LOW_ORDER_U: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", // order 8
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", // order 8
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p - 1
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p, read as 0
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1, read as 1
].map(fromHex);

const SMALL_ORDER_Y: readonly Uint8Array[] = [
  "0100000000000000000000000000000000000000000000000000000000000000", // the neutral element
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
  "0000000000000000000000000000000000000000000000000000000000000000", // order 4
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
].map(fromHex);
