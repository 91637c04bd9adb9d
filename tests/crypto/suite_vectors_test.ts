import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { fromHex, toHex } from "../../src/bytes.ts";
import {
  AEAD_NONCE_LENGTH,
  AEAD_TAG_LENGTH,
  type CipherSuite,
  type NonceCipherSuite,
} from "../../src/crypto/cipher_suite.ts";
import { vectorTest } from "../support/vectors.ts";
import { suites } from "./suites.ts";

for (const suite of suites) {
  vectorTest(
    `${suite.name}: ChaCha20-Poly1305 answers Wycheproof`,
    "wycheproof/chacha20_poly1305_test.json",
    (document) => {
      let ran = 0;
      for (const { test } of wycheproof<AeadCase>(document)) {
        aeadCase(suite, test);
        ran++;
      }
      return ran;
    },
  );

  vectorTest(
    `${suite.name}: ChaCha20-Poly1305 agrees with the RFC 8439 collection`,
    "rfc/chacha20poly1305.json",
    (document) => {
      const { vectors } = document as { vectors: Rfc8439Vector[] };
      for (const { key, nonce, aad = "", msg, result } of vectors) {
        const tagStart = result.length - 2 * AEAD_TAG_LENGTH;
        const [ct, tag] = [result.slice(0, tagStart), result.slice(tagStart)];
        aeadCase(suite, { tcId: 0, key, iv: nonce, aad, msg, ct, tag, result: "valid" });
      }
      return vectors.length;
    },
  );

  vectorTest(`${suite.name}: X25519 answers Wycheproof`, "wycheproof/x25519_test.json", (document) => {
    let ran = 0;
    for (const { test } of wycheproof<X25519Case>(document)) {
      const label = `tcId ${test.tcId}`;
      const shared = suite.x25519(fromHex(test.private), fromHex(test.public));
      // A peer sends its public key as it likes: every vector is answered, only a zero secret is refused.
      if (/^0+$/.test(test.shared)) equal(shared, null, label);
      else equal(shared && toHex(shared), test.shared, label);
      ran++;
    }
    return ran;
  });

  vectorTest(`${suite.name}: Ed25519 answers Wycheproof`, "wycheproof/ed25519_test.json", (document) => {
    let ran = 0;
    for (const { group, test } of wycheproof<Ed25519Case, Ed25519Group>(document)) {
      const [publicKey, message] = [fromHex(group.publicKey.pk), fromHex(test.msg)];
      const verified = suite.ed25519Verify(publicKey, message, fromHex(test.sig));
      equal(verified, test.result === "valid", `tcId ${test.tcId}`);
      ran++;
    }
    return ran;
  });

  vectorTest(
    `${suite.name}: BLAKE2s agrees with the reference answers`,
    "rfc/blake2s_kat.json",
    (document) => {
      const { vectors } = document as { vectors: { in: string; key: string; out: string }[] };
      for (const vector of vectors) {
        const input = fromHex(vector.in);
        const key = vector.key === "" ? undefined : fromHex(vector.key);
        const middle = input.length >> 1;
        equal(toHex(suite.blake2s([input], key)), vector.out);
        equal(toHex(suite.blake2s([input.subarray(0, middle), input.subarray(middle)], key)), vector.out);
      }
      return vectors.length;
    },
  );

  vectorTest(
    `${suite.name}: SHA-256 answers Wycheproof's HMAC`,
    "wycheproof/hmac_sha256_test.json",
    (document) => {
      let ran = 0;
      for (const { group, test } of wycheproof<MacCase, { tagSize: number }>(document)) {
        const mac = hmacOf((parts) => suite.sha256(parts), fromHex(test.key), fromHex(test.msg));
        const matches = toHex(mac.subarray(0, group.tagSize / 8)) === test.tag;
        equal(matches, test.result === "valid", `tcId ${test.tcId}`);
        ran++;
      }
      return ran;
    },
  );

  Deno.test(`${suite.name}: HMAC-BLAKE2s is RFC 2104 over the tested BLAKE2s`, () => {
    for (const keyLength of [0, 1, 32, 63, 64, 65, 200]) {
      for (const messageLength of [0, 1, 31, 32, 33, 64, 65, 1000]) {
        const key = new Uint8Array(keyLength).fill(keyLength);
        const message = new Uint8Array(messageLength).map((_, i) => i);
        const expected = hmacOf((parts) => suite.blake2s(parts), key, message);
        deepEqual(suite.hmacBlake2s(key, [message]), expected);
        deepEqual(suite.hmacBlake2s(key, [message.subarray(0, 1), message.subarray(1)]), expected);
      }
    }
  });
}

/** Seals and opens one vector inside a slab whose surroundings must stay as they were. */
function aeadCase(suite: NonceCipherSuite, test: AeadCase): void {
  const label = `tcId ${test.tcId}`;
  const [nonce, ad, msg] = [fromHex(test.iv), fromHex(test.aad), fromHex(test.msg)];
  const sealed = fromHex(test.ct + test.tag);
  const aead = suite.aead(fromHex(test.key));
  const slab = framed(ad, sealed);
  if (nonce.length !== AEAD_NONCE_LENGTH) {
    equal(test.result, "invalid", label);
    throws(() => aead.openWithNonce(nonce, slab, MARGIN, ad.length, sealed.length), RangeError, label);
    return aead.wipe();
  }
  const opened = aead.openWithNonce(nonce, slab, MARGIN, ad.length, sealed.length);
  if (test.result !== "valid") {
    equal(opened, -1, label);
    return aead.wipe();
  }
  equal(opened, msg.length, label);
  deepEqual(slab.subarray(MARGIN + ad.length, MARGIN + ad.length + msg.length), msg, label);

  const room = framed(ad, new Uint8Array([...msg, ...new Uint8Array(AEAD_TAG_LENGTH)]));
  const end = aead.sealWithNonce(nonce, room, MARGIN, ad.length, msg.length);
  equal(end, MARGIN + ad.length + sealed.length, label);
  deepEqual(room, framed(ad, sealed), label);
  aead.wipe();
}

/** `ad || text` with a margin of 0xa5 on either side. */
function framed(ad: Uint8Array, text: Uint8Array): Uint8Array {
  const slab = new Uint8Array(2 * MARGIN + ad.length + text.length).fill(0xa5);
  slab.set(ad, MARGIN);
  slab.set(text, MARGIN + ad.length);
  return slab;
}

/** RFC 2104 spelled out, over a hash with 64-byte blocks. */
function hmacOf(hash: CipherSuite["sha256"], key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? hash([key]) : key);
  const inner = hash([block.map((byte) => byte ^ 0x36), message]);
  return hash([block.map((byte) => byte ^ 0x5c), inner]);
}

function* wycheproof<Case, Group = unknown>(document: unknown): Generator<{ group: Group; test: Case }> {
  const { testGroups, numberOfTests } = document as {
    testGroups: (Group & { tests: Case[] })[];
    numberOfTests: number;
  };
  ok(numberOfTests > 0);
  for (const group of testGroups) for (const test of group.tests) yield { group, test };
}

interface AeadCase {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: "valid" | "invalid";
}

interface Rfc8439Vector {
  readonly key: string;
  readonly nonce: string;
  readonly aad?: string;
  readonly msg: string;
  readonly result: string;
}

interface X25519Case {
  readonly tcId: number;
  readonly public: string;
  readonly private: string;
  readonly shared: string;
}

interface Ed25519Group {
  readonly publicKey: { readonly pk: string };
}

interface Ed25519Case {
  readonly tcId: number;
  readonly msg: string;
  readonly sig: string;
  readonly result: "valid" | "invalid";
}

interface MacCase {
  readonly tcId: number;
  readonly key: string;
  readonly msg: string;
  readonly tag: string;
  readonly result: "valid" | "invalid";
}

const MARGIN = 5;
