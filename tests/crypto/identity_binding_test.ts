import { equal } from "node:assert/strict";
import { concatBytes } from "../../src/bytes.ts";
import { signStaticKey, verifyStaticKey } from "../../src/crypto/identity_binding.ts";
import { suites } from "./suites.ts";

const SEED = new Uint8Array(32).fill(1);
const STATIC_KEY = new Uint8Array(32).fill(2);

for (const suite of suites) {
  const identity = suite.ed25519PublicKey(SEED);

  Deno.test(`${suite.name}: a peer's identity vouches for the static key it signed, and for no other`, () => {
    const signature = signStaticKey(suite, SEED, STATIC_KEY);
    equal(verifyStaticKey(suite, identity, STATIC_KEY, signature), true);
    equal(verifyStaticKey(suite, identity, new Uint8Array(32).fill(3), signature), false);
    const stranger = suite.ed25519PublicKey(new Uint8Array(32).fill(9));
    equal(verifyStaticKey(suite, stranger, STATIC_KEY, signature), false);
  });

  Deno.test(`${suite.name}: a signature of the bare static key vouches for nothing`, () => {
    equal(verifyStaticKey(suite, identity, STATIC_KEY, suite.ed25519Sign(SEED, STATIC_KEY)), false);
    const spelled = concatBytes(new TextEncoder().encode("wraith static key v1"), STATIC_KEY);
    equal(verifyStaticKey(suite, identity, STATIC_KEY, suite.ed25519Sign(SEED, spelled)), true);
  });

  Deno.test(`${suite.name}: malformed keys and signatures vouch for nothing`, () => {
    const signature = signStaticKey(suite, SEED, STATIC_KEY);
    for (const length of [0, 31, 33]) {
      equal(verifyStaticKey(suite, new Uint8Array(length), STATIC_KEY, signature), false);
      const key = new Uint8Array(length);
      equal(verifyStaticKey(suite, identity, key, signStaticKey(suite, SEED, key)), false);
    }
    for (const length of [0, 63, 65]) {
      equal(verifyStaticKey(suite, identity, STATIC_KEY, new Uint8Array(length)), false);
    }
  });
}
