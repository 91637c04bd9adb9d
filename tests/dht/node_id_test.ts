import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/bytes.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { seededPrng } from "../../src/entropy.ts";
import {
  commonPrefixBits,
  compareDistance,
  type NodeId,
  nodeIdOf,
  parsePoint,
  pointOf,
  randomPointSharing,
} from "../../src/dht/node_id.ts";

const points = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(pointOf);
const distance = (a: NodeId, b: NodeId): bigint => BigInt(`0x${a}`) ^ BigInt(`0x${b}`);

Deno.test("nodeIdOf hashes the identity key, not its text", () => {
  const key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  const expected = createHash("sha256").update(fromHex(key)).digest("hex");
  assert.equal(nodeIdOf(nobleSuite, `ed25519:${key}`), expected);
});

Deno.test("compareDistance agrees with XOR on big integers", () => {
  fc.assert(fc.property(points, points, points, (target, a, b) => {
    const [toA, toB] = [distance(target, a), distance(target, b)];
    assert.equal(Math.sign(compareDistance(target, a, b)), toA < toB ? -1 : toA > toB ? 1 : 0);
  }));
});

Deno.test("compareDistance decides in the last bit", () => {
  const zero = pointOf(new Uint8Array(32));
  const one = pointOf(Uint8Array.from({ length: 32 }, (_, i) => i === 31 ? 1 : 0));
  assert.ok(compareDistance(one, one, zero) < 0);
  assert.ok(compareDistance(zero, one, zero) > 0);
  assert.equal(compareDistance(zero, one, one), 0);
});

Deno.test("commonPrefixBits agrees with the length of the XOR", () => {
  fc.assert(fc.property(points, points, fc.integer({ min: 0, max: 32 }), (a, random, shared) => {
    const b = (a.slice(0, 2 * shared) + random.slice(2 * shared)) as NodeId;
    const bits = distance(a, b) === 0n ? 0 : distance(a, b).toString(2).length;
    assert.equal(commonPrefixBits(a, b), 256 - bits);
  }));
});

Deno.test("randomPointSharing shares exactly the bits asked for", () => {
  fc.assert(fc.property(points, fc.integer({ min: 0, max: 255 }), fc.nat(), (id, bits, seed) => {
    const point = randomPointSharing(id, bits, seededPrng(seed));
    assert.equal(point.length, 64);
    assert.equal(commonPrefixBits(id, point), bits);
  }));
});

Deno.test("pointOf and parsePoint take 256 bits and nothing else", () => {
  assert.throws(() => pointOf(new Uint8Array(31)), RangeError);
  assert.equal(parsePoint("AB".repeat(32)), "ab".repeat(32));
  assert.equal(parsePoint("ab".repeat(31)), null);
  assert.equal(parsePoint("zz".repeat(32)), null);
  assert.equal(toHex(fromHex(pointOf(new Uint8Array(32).fill(7)))), "07".repeat(32));
});
