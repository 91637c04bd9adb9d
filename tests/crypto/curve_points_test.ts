import { deepEqual, equal, notEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { fromHex, toHex } from "../../src/bytes.ts";
import { isUsableEd25519Key, isUsableX25519Key } from "../../src/crypto/curve_points.ts";
import { suites } from "./suites.ts";

const P = 2n ** 255n - 19n;

Deno.test("isUsableX25519Key refuses every low-order point, reduced or not, with either top bit", () => {
  const order8 = [
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  ];
  const lowOrder = [0n, 1n, P - 1n, ...order8];
  const unreduced = lowOrder.map((u) => u + P).filter((u) => u < 2n ** 255n);
  for (const u of [...lowOrder, ...unreduced]) {
    for (const top of [0n, 2n ** 255n]) equal(isUsableX25519Key(littleEndian(u + top)), false, `u = ${u}`);
  }
});

Deno.test("isUsableX25519Key accepts other points and no other length", () => {
  for (const u of [2n, 9n, P - 2n, P + 2n, P + 18n, 2n ** 254n]) {
    equal(isUsableX25519Key(littleEndian(u)), true);
  }
  for (const length of [0, 31, 33]) equal(isUsableX25519Key(new Uint8Array(length).fill(9)), false);
});

Deno.test("isUsableEd25519Key refuses the eight points of small order", () => {
  const torsion = smallOrderPoints();
  equal(torsion.size, 8);
  for (const encoded of torsion) equal(isUsableEd25519Key(fromHex(encoded)), false, encoded);
});

Deno.test("isUsableEd25519Key wants a reduced coordinate of 32 bytes", () => {
  for (const sign of [0n, 2n ** 255n]) {
    for (const y of [P, P + 1n, P + 2n, P + 18n]) equal(isUsableEd25519Key(littleEndian(y + sign)), false);
    for (const y of [2n, 3n, P - 2n, 2n ** 254n]) equal(isUsableEd25519Key(littleEndian(y + sign)), true);
  }
  for (const length of [0, 31, 33]) equal(isUsableEd25519Key(new Uint8Array(length).fill(2)), false);
});

for (const suite of suites) {
  Deno.test(`${suite.name}: X25519 gives null, and no other answer, to a low-order key`, () => {
    const secret = new Uint8Array(32).fill(0x42);
    for (const u of [0n, 1n, P - 1n, P, P + 1n]) equal(suite.x25519(secret, littleEndian(u)), null);
    notEqual(suite.x25519(secret, littleEndian(9n)), null);
  });

  Deno.test(`${suite.name}: X25519 iterates to RFC 7748's answer after 1,000 rounds`, () => {
    let [k, u] = [littleEndian(9n), littleEndian(9n)] as Uint8Array[];
    for (let round = 1; round <= 1000; round++) {
      const result = suite.x25519(k, u);
      if (result === null) throw new Error(`round ${round} gave the zero secret`);
      [k, u] = [result, k];
      if (round === 1) equal(toHex(k), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
    equal(toHex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  });

  Deno.test(`${suite.name}: Ed25519 verifies without the cofactor, as every other suite here`, () => {
    // A signer who knows the key can add a point of order 8 to R and keep the cofactored equation true.
    const seed = new Uint8Array(32).fill(3);
    const message = new TextEncoder().encode("torsion");
    const signature = signatureWithTorsion(seed, message);
    const publicKey = ed25519.getPublicKey(seed);
    equal(ed25519.verify(signature, message, publicKey, { zip215: false }), true);
    equal(suite.ed25519Verify(publicKey, message, signature), false);
  });

  Deno.test(`${suite.name}: Ed25519 answers false to malformed keys and signatures`, () => {
    const seed = new Uint8Array(32).fill(5);
    const message = new Uint8Array(10);
    const publicKey = suite.ed25519PublicKey(seed);
    const signature = suite.ed25519Sign(seed, message);
    equal(suite.ed25519Verify(publicKey, message, signature), true);
    for (const length of [0, 63, 65]) {
      equal(suite.ed25519Verify(publicKey, message, new Uint8Array(length)), false);
    }
    for (const length of [0, 31, 33]) {
      equal(suite.ed25519Verify(new Uint8Array(length), message, signature), false);
    }
    const offCurve = littleEndian(2n);
    equal(suite.ed25519Verify(offCurve, message, signature), false);
    for (const encoded of smallOrderPoints()) {
      // Under these, R = [S]B fits many messages.
      const forged = new Uint8Array(64);
      forged.set(ed25519.Point.BASE.toBytes());
      forged[32] = 1;
      equal(suite.ed25519Verify(fromHex(encoded), message, forged), false);
    }
    const raised = signature.slice();
    raised.set(littleEndian(ed25519.Point.Fn.ORDER + fromLittleEndian(signature.subarray(32))), 32);
    equal(suite.ed25519Verify(publicKey, message, raised), false, "S is not reduced");
  });

  Deno.test(`${suite.name}: Ed25519 signs RFC 8032's first three tests`, () => {
    for (const [seed, publicKey, message, signature] of RFC_8032) {
      equal(toHex(suite.ed25519PublicKey(fromHex(seed))), publicKey);
      equal(toHex(suite.ed25519Sign(fromHex(seed), fromHex(message))), signature);
      equal(suite.ed25519Verify(fromHex(publicKey), fromHex(message), fromHex(signature)), true);
    }
  });

  Deno.test(`${suite.name}: results are the caller's own and inputs stay as they were`, () => {
    const seed = new Uint8Array(32).fill(8);
    const publicKey = suite.x25519PublicKey(new Uint8Array(32).fill(9));
    const inputs = [seed.slice(), publicKey.slice()];
    const first = suite.x25519(seed, publicKey);
    const second = suite.x25519(seed, publicKey);
    first?.fill(0);
    notEqual(second && toHex(second), "00".repeat(32));
    suite.ed25519Sign(seed, publicKey).fill(0);
    deepEqual([seed, publicKey], inputs);
  });
}

/** Every encoding of a point P with 8P = 0, found by multiplying points of the curve by the group's order. */
function smallOrderPoints(): Set<string> {
  const found = new Set<string>();
  for (let y = 2n; found.size < 8; y++) {
    let point;
    try {
      point = ed25519.Point.fromBytes(littleEndian(y));
    } catch {
      continue; // no point of the curve has this y
    }
    const torsion = point.multiplyUnsafe(ed25519.Point.Fn.ORDER - 1n).add(point);
    let multiple = torsion;
    for (let i = 0; i < 8; i++, multiple = multiple.add(torsion)) found.add(toHex(multiple.toBytes()));
  }
  return found;
}

function signatureWithTorsion(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const { Point } = ed25519;
  const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
  const order8 = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
  const r = 123_456_789n;
  const encodedR = Point.BASE.multiply(r).add(order8).toBytes();
  const k = Point.Fn.create(fromLittleEndian(sha512(encodedR, pointBytes, message)));
  const signature = new Uint8Array(64);
  signature.set(encodedR);
  signature.set(littleEndian(Point.Fn.create(r + k * scalar)), 32);
  return signature;
}

function sha512(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash("sha512");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function littleEndian(value: bigint): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** RFC 8032 §7.1: seed, public key, message, signature. */
const RFC_8032 = [
  [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  ],
  [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  ],
  [
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  ],
];
