import { deepEqual, equal } from "node:assert/strict";
import { concatBytes, toHex } from "../../src/bytes.ts";
import { chainSecretOf, hkdf, nextEpoch } from "../../src/crypto/key_schedule.ts";
import { suites } from "./suites.ts";

const CHAINING_KEY = new Uint8Array(32).fill(1);

for (const suite of suites) {
  Deno.test(`${suite.name}: hkdf is RFC 5869 with the chaining key as salt and no info`, () => {
    const input = new Uint8Array(32).fill(2);
    const prk = suite.hmacBlake2s(CHAINING_KEY, [input]);
    const expected: Uint8Array[] = [];
    for (let i = 1, previous = new Uint8Array(0); i <= 3; i++) {
      previous = suite.hmacBlake2s(prk, [concatBytes(previous, Uint8Array.of(i))]);
      expected.push(previous);
    }
    for (const count of [1, 2, 3] as const) {
      deepEqual(hkdf(suite, CHAINING_KEY, input, count), expected.slice(0, count));
    }
  });

  Deno.test(`${suite.name}: the chain secret is none of the keys that the handshake splits into`, () => {
    const chain = chainSecretOf(suite, CHAINING_KEY);
    const keys = hkdf(suite, CHAINING_KEY, new Uint8Array(0), 3);
    equal(new Set([chain, ...keys].map(toHex)).size, 4);
  });

  Deno.test(`${suite.name}: every epoch has keys of its own, which the fresh secret decides`, () => {
    const chain = chainSecretOf(suite, CHAINING_KEY);
    const seen = new Set<string>([toHex(chain)]);
    let epoch = nextEpoch(suite, chain, new Uint8Array(32).fill(7));
    deepEqual(epoch, nextEpoch(suite, chain, new Uint8Array(32).fill(7)));
    for (let i = 0; i < 5; i++) {
      for (const secret of [epoch.initiatorKey, epoch.responderKey, epoch.chain]) seen.add(toHex(secret));
      epoch = nextEpoch(suite, epoch.chain, new Uint8Array(32).fill(7));
    }
    const other = nextEpoch(suite, chain, new Uint8Array(32).fill(8));
    for (const secret of [other.initiatorKey, other.responderKey, other.chain]) seen.add(toHex(secret));
    equal(seen.size, 1 + 5 * 3 + 3);
  });
}

Deno.test("the key schedule gives these bytes, which other implementations must match", () => {
  const [suite] = suites;
  const chain = chainSecretOf(suite, CHAINING_KEY);
  const epoch = nextEpoch(suite, chain, new Uint8Array(32).fill(7));
  equal(toHex(chain), "6d01d9c9f83b41dbde0189d84f4070ef2c782fb85b5d63472ac5a7daa614f6ea");
  equal(toHex(epoch.chain), "b8f818d7dc6f4d686d229018f89d46f3395bb18ca6ff126eadddf91fb8a7f5d8");
  equal(toHex(epoch.initiatorKey), "031281f063d9967b23e7e40f966dde21f186f9ce6a777bbe26228e15f3592738");
  equal(toHex(epoch.responderKey), "f793136efc76af35da24950adbac8b007f0d6d24ddef9fbc43b7b2fcfffce697");
});
