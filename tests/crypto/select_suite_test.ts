import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import type { NonceAeadKey, NonceCipherSuite } from "../../src/crypto/cipher_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { selectSuite, type SuiteCandidate } from "../../src/crypto/select_suite.ts";
import { answersOf, PORTABLE_ANSWERS, type Primitive, suiteFault } from "../../src/crypto/suite_self_test.ts";
import { suites } from "./suites.ts";

Deno.test("The self-test's expected answers are noble's", () => {
  for (const [primitive, expected] of Object.entries(PORTABLE_ANSWERS)) {
    equal(answersOf(nobleSuite, primitive as Primitive), expected, primitive);
  }
});

for (const suite of suites) {
  Deno.test(`${suite.name}: passes the self-test, again and again`, () => {
    equal(suiteFault(suite), null);
    equal(suiteFault(suite), null);
  });
}

const FAULTS: readonly [what: string, named: RegExp, change: Partial<NonceCipherSuite>][] = [
  ["a hash that is wrong past one block", /^SHA-256 differs$/, {
    sha256: (parts) => {
      const digest = nobleSuite.sha256(parts);
      if (parts.reduce((sum, part) => sum + part.length, 0) >= 2_000) digest[31] ^= 1;
      return digest;
    },
  }],
  ["a hash that leaves out a part", /^BLAKE2s differs$/, {
    blake2s: (parts, key) => nobleSuite.blake2s(parts.slice(0, 1), key),
  }],
  ["a keyed hash that ignores its key", /^BLAKE2s differs$/, {
    blake2s: (parts) => nobleSuite.blake2s(parts),
  }],
  ["a MAC that cuts a long key", /^HMAC-BLAKE2s differs$/, {
    hmacBlake2s: (key, parts) => nobleSuite.hmacBlake2s(key.subarray(0, 64), parts),
  }],
  ["an AEAD that opens anything", /^ChaCha20-Poly1305 differs$/, {
    aead: (key) =>
      aeadWith(key, { open: (_counter, _slab, _start, _adLength, sealedLength) => sealedLength - 16 }),
  }],
  ["an AEAD that leaves its decryption of a forgery behind", /^ChaCha20-Poly1305 differs$/, {
    aead: (key) => {
      const sound = nobleSuite.aead(key);
      return aeadWith(key, {
        open(counter, slab, start, adLength, sealedLength) {
          const before = slab.slice();
          const length = sound.open(counter, slab, start, adLength, sealedLength);
          if (length < 0) slab.set(before);
          return length;
        },
      });
    },
  }],
  ["an AEAD that drops the counter's upper half", /^ChaCha20-Poly1305 differs$/, {
    aead: (key) => {
      const sound = nobleSuite.aead(key);
      return aeadWith(key, { seal: (counter, ...rest) => sound.seal(counter >>> 0, ...rest) });
    },
  }],
  ["an X25519 that lets low-order points through", /^X25519 differs$/, {
    x25519: (secret, publicKey) => nobleSuite.x25519(secret, publicKey) ?? new Uint8Array(32),
  }],
  ["an X25519 that keeps the top bit", /^X25519 differs$/, {
    x25519: (secret, publicKey) => (publicKey[31] & 0x80) === 0 ? nobleSuite.x25519(secret, publicKey) : null,
  }],
  ["an Ed25519 that accepts everything", /^Ed25519 differs$/, { ed25519Verify: () => true }],
  ["an Ed25519 that accepts nothing", /^Ed25519 differs$/, { ed25519Verify: () => false }],
  ["a primitive that throws", /^X25519 fails \(no such curve\)$/, {
    x25519PublicKey: () => {
      throw new Error("no such curve");
    },
  }],
];

for (const [what, named, change] of FAULTS) {
  Deno.test(`The self-test finds ${what}`, () =>
    match(suiteFault({ ...nobleSuite, ...change }) ?? "", named));
}

Deno.test("selectSuite takes noble when portable is asked for, and loads nothing", () => {
  const candidate: SuiteCandidate = {
    name: "native",
    load() {
      throw new Error("must not be asked");
    },
  };
  const choice = selectSuite("portable", [candidate]);
  equal(choice.suite, nobleSuite);
  equal(choice.notice, null);
});

Deno.test("selectSuite takes the first suite that proves itself, without a word", () => {
  const choice = selectSuite("auto", [sound("native"), sound("runtime")]);
  equal(choice.suite.name, "native");
  equal(choice.detail, "native of the test");
  equal(choice.notice, null);
});

Deno.test("selectSuite passes over what is missing or wrong, with one line that says so", () => {
  const missing: SuiteCandidate = {
    name: "native",
    load() {
      throw new Error("no usable libcrypto.so.3");
    },
  };
  const wrong: SuiteCandidate = {
    name: "runtime",
    load: () => ({ suite: { ...nobleSuite, name: "runtime", ed25519Verify: () => true }, detail: "broken" }),
  };
  const second = selectSuite("auto", [missing, sound("runtime")]);
  equal(second.suite.name, "runtime");
  equal(second.notice, "no native cryptography: no usable libcrypto.so.3: using the suite runtime");
  const last = selectSuite("auto", [missing, wrong]);
  equal(last.suite, nobleSuite);
  match(
    last.notice ?? "",
    /^no native .*; no runtime .*self-test failed: Ed25519 differs: using the suite noble$/,
  );
  ok(!last.notice?.includes("\n"));
});

Deno.test("selectSuite says what to do when native is forced and not there", () => {
  const wrong: SuiteCandidate = {
    name: "native",
    load: () => ({ suite: { ...nobleSuite, name: "native", x25519: () => null }, detail: "broken" }),
  };
  throws(
    () => selectSuite("native", [wrong, sound("runtime")]),
    /^Error: Cannot use native cryptography: its self-test failed: X25519 differs; set crypto.backend to "auto"/,
  );
});

Deno.test("selectSuite on this machine gives a suite that this machine's tests cover", () => {
  const choice = selectSuite("auto");
  deepEqual([choice.suite.name], [suites.at(-1)?.name]);
  equal(choice.notice === null, choice.suite.name === "native");
});

function sound(name: "native" | "runtime"): SuiteCandidate {
  return { name, load: () => ({ suite: { ...nobleSuite, name }, detail: `${name} of the test` }) };
}

function aeadWith(key: Uint8Array, change: Partial<NonceAeadKey>): NonceAeadKey {
  const sound = nobleSuite.aead(key);
  return {
    seal: (...args) => sound.seal(...args),
    open: (...args) => sound.open(...args),
    sealWithNonce: (...args) => sound.sealWithNonce(...args),
    openWithNonce: (...args) => sound.openWithNonce(...args),
    wipe: () => sound.wipe(),
    ...change,
  };
}
