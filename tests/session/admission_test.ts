import assert from "node:assert/strict";
import type { Instant } from "../../src/clock.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { seededEntropy } from "../../src/entropy.ts";
import { makeAddress } from "../../src/net/address.ts";
import { Admission, DEFAULT_ADMISSION } from "../../src/session/admission.ts";
import { SourceLimiter, TokenBucket } from "../../src/session/rate_limiter.ts";
import { RetryTokens } from "../../src/session/retry_token.ts";

const at = (ms: number) => ms as Instant;
const NO_TOKEN = new Uint8Array(0);
const e = new Uint8Array(32).fill(5);
const here = makeAddress("192.0.2.1", 4_000);

Deno.test("a bucket passes its burst at once, then its rate, and saves up no more than the burst", () => {
  const bucket = new TokenBucket(10, 3);
  assert.deepEqual([0, 0, 0, 0].map((t) => bucket.take(at(t))), [true, true, true, false]);
  assert.equal(bucket.take(at(99)), false);
  assert.equal(bucket.take(at(101)), true);
  assert.deepEqual([0, 0, 0, 0].map(() => bucket.take(at(60_000))), [true, true, true, false]);
});

Deno.test("sources have buckets of their own, and the one unseen longest is forgotten", () => {
  const limiter = new SourceLimiter(1, 1, 2);
  assert.equal(limiter.take(at(0), "a"), true);
  assert.equal(limiter.take(at(0), "b"), true);
  assert.equal(limiter.take(at(0), "a"), false);
  assert.equal(limiter.take(at(0), "c"), true);
  // b made room for c, and starts with a full bucket again; that pushed out a.
  assert.equal(limiter.take(at(0), "b"), true);
  assert.equal(limiter.take(at(0), "c"), false);
  assert.equal(limiter.take(at(0), "a"), true);
});

Deno.test("a retry token is good for 15 s, for one address and one ephemeral key, on this node only", () => {
  const tokens = new RetryTokens(nobleSuite, seededEntropy(1));
  const token = tokens.issue(at(1_000), here, e);
  assert.equal(tokens.verify(at(1_000), here, e, token), true);
  assert.equal(tokens.verify(at(16_000), here, e, token), true);
  assert.equal(tokens.verify(at(16_001), here, e, token), false);
  assert.equal(tokens.verify(at(1_000), makeAddress("192.0.2.1", 4_001), e, token), false);
  assert.equal(tokens.verify(at(1_000), makeAddress("192.0.2.2", 4_000), e, token), false);
  assert.equal(tokens.verify(at(1_000), here, new Uint8Array(32), token), false);
  assert.equal(new RetryTokens(nobleSuite, seededEntropy(2)).verify(at(1_000), here, e, token), false);
  assert.equal(tokens.verify(at(1_000), here, e, token.subarray(1)), false);
  for (let i = 0; i < token.length; i++) {
    const forged = token.slice();
    forged[i] ^= 1;
    assert.equal(tokens.verify(at(1_000), here, e, forged), false, `bit flipped in byte ${i}`);
  }
});

Deno.test("a token outlives one change of the secret and not two", () => {
  const tokens = new RetryTokens(nobleSuite, seededEntropy(3));
  tokens.issue(at(0), here, e);
  const token = tokens.issue(at(119_000), here, e);
  assert.equal(tokens.verify(at(121_000), here, e, token), true);
  assert.equal(tokens.verify(at(133_000), here, e, token), true);
  tokens.issue(at(241_500), here, e);
  assert.equal(tokens.verify(at(134_000), here, e, token), false);
});

Deno.test("one source that asks too often must prove its address; with proof it has a bucket of its own", () => {
  const admission = new Admission(DEFAULT_ADMISSION, nobleSuite, seededEntropy(4));
  const kinds = Array.from({ length: 6 }, () => admission.judge(at(0), here, e, NO_TOKEN, 0).kind);
  assert.deepEqual(kinds, ["admit", "admit", "admit", "admit", "admit", "retry"]);
  const verdict = admission.judge(at(0), here, e, NO_TOKEN, 0);
  assert.ok(verdict.kind === "retry");
  assert.deepEqual(admission.judge(at(1), here, e, verdict.token, 0), {
    kind: "admit",
    addressValidated: true,
  });
  for (let i = 0; i < 4; i++) admission.judge(at(1), here, e, verdict.token, 0);
  assert.deepEqual(admission.judge(at(1), here, e, verdict.token, 0), {
    kind: "refuse",
    reason: "rate_limited",
  });
});

Deno.test("many sources at once, or many half-open handshakes, must prove their addresses", () => {
  const admission = new Admission(DEFAULT_ADMISSION, nobleSuite, seededEntropy(5));
  const judge = (i: number, halfOpen: number) =>
    admission.judge(at(0), makeAddress(`10.1.${i >>> 8}.${i & 255}`, 1), e, NO_TOKEN, halfOpen).kind;
  assert.equal(judge(999, DEFAULT_ADMISSION.maxHalfOpen / 2), "retry");
  for (let i = 0; i < DEFAULT_ADMISSION.handshakeBurst; i++) assert.equal(judge(i, 0), "admit");
  assert.equal(judge(1_000, 0), "retry");
});

Deno.test("always asks everyone for proof, never refuses instead", () => {
  const make = (retry: "always" | "never") =>
    new Admission({ ...DEFAULT_ADMISSION, retry }, nobleSuite, seededEntropy(6));
  assert.equal(make("always").judge(at(0), here, e, NO_TOKEN, 0).kind, "retry");
  const never = make("never");
  const kinds = Array.from({ length: 6 }, () => never.judge(at(0), here, e, NO_TOKEN, 9_999).kind);
  assert.deepEqual(kinds, ["admit", "admit", "admit", "admit", "admit", "refuse"]);
});
