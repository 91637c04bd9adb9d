import assert from "node:assert/strict";
import { encode } from "cborg";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/bytes.ts";
import { nobleSuite as suite } from "../../src/crypto/noble_suite.ts";
import { peerIdOf } from "../../src/crypto/peer_id.ts";
import type { NodeId } from "../../src/dht/node_id.ts";
import {
  CLOCK_SKEW_MS,
  MAX_RECORD_BYTES,
  type PeerRecord,
  type ProviderRecord,
  readRecord,
  RECORD_LIFETIME_MS,
  signRecord,
  verifyRecord,
} from "../../src/dht/record.ts";

const seed = new Uint8Array(32).fill(9);
const subject = peerIdOf(suite.ed25519PublicKey(seed));
const NOW = 1_800_000_000_000;
const peerRecord: PeerRecord = {
  kind: "peer",
  subject,
  sequence: NOW,
  expiresAtS: NOW / 1000 + 3600,
  addresses: ["192.0.2.10:41641", "[2001:db8::1]:41641"],
  introducers: [{ peerId: `ed25519:${"ab".repeat(32)}`, address: "198.51.100.7:41641" }],
};
const providerRecord: ProviderRecord = {
  kind: "provider",
  subject,
  sequence: NOW + 1,
  expiresAtS: NOW / 1000 + 86_400,
  addresses: ["192.0.2.10:41641"],
  root: "cd".repeat(32) as NodeId,
};

Deno.test("A signed record verifies, and says what was signed", () => {
  for (const record of [peerRecord, providerRecord]) {
    const signed = signRecord(suite, seed, record);
    const verdict = verifyRecord(suite, signed.bytes, NOW);
    assert.ok(verdict.ok);
    assert.deepEqual(verdict.signed.record, record);
    assert.equal(verdict.signed.key, signed.key);
    assert.deepEqual(readRecord(signed.bytes), record);
  }
  assert.equal(signRecord(suite, seed, providerRecord).key, providerRecord.root);
  assert.equal(signRecord(suite, seed, peerRecord).key, toHex(suite.sha256([fromHex(subject.slice(8))])));
});

Deno.test("A peer record's bytes are these", () => {
  // What docs/dht.md shows: a second implementation must come to the same bytes.
  const { bytes } = signRecord(suite, seed, peerRecord);
  const body = toHex(bytes).slice(6, 6 + 2 * bytes[2]);
  assert.equal(
    body,
    "8701015820" + subject.slice(8) + "1b000001a3185c5000" + "1a6b49e010" + "82" + "47" + "04c000020aa2a9" +
      "53" + "0620010db8000000000000000000000001a2a9" + "81" + "82" + "5820" + "ab".repeat(32) + "47" +
      "04c6336407a2a9",
  );
});

Deno.test("No flipped bit, no truncation and no suffix leaves a record valid", () => {
  const { bytes } = signRecord(suite, seed, peerRecord);
  assert.equal(bytes.constructor, Uint8Array, "not a Buffer, whose slices would share its memory");
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const forged = bytes.slice();
      forged[bit >> 3] ^= 1 << (bit & 7);
      assert.ok(!verifyRecord(suite, forged, NOW).ok);
    }),
    { numRuns: 150 },
  );
  for (let length = 0; length < bytes.length; length++) {
    assert.ok(!verifyRecord(suite, bytes.subarray(0, length), NOW).ok);
  }
  assert.deepEqual(verifyRecord(suite, Uint8Array.of(...bytes, 0), NOW), { ok: false, fault: "malformed" });
});

Deno.test("verifyRecord throws at nothing", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1100 }), (bytes) => {
    assert.ok(!verifyRecord(suite, bytes, NOW).ok);
  }));
  // A thousand nested arrays, and a map where an array belongs.
  assert.deepEqual(verifyRecord(suite, new Uint8Array(999).fill(0x81), NOW), {
    ok: false,
    fault: "malformed",
  });
  assert.deepEqual(verifyRecord(suite, encode({ a: 1 }), NOW), { ok: false, fault: "malformed" });
});

Deno.test("A record signed by another, or in another spelling, is refused", () => {
  const other = new Uint8Array(32).fill(1);
  const forged = signRecord(suite, other, peerRecord);
  assert.deepEqual(verifyRecord(suite, forged.bytes, NOW), { ok: false, fault: "bad_signature" });

  const { bytes } = signRecord(suite, seed, peerRecord);
  const length = bytes[2];
  // The same body with its length in two bytes instead of one: valid CBOR, but not deterministic.
  const respelled = Uint8Array.of(bytes[0], 0x59, 0, length, ...bytes.subarray(3));
  assert.deepEqual(verifyRecord(suite, respelled, NOW), { ok: false, fault: "malformed" });
});

Deno.test("A record holds until its expiry and may not claim more than a day", () => {
  const { bytes } = signRecord(suite, seed, peerRecord);
  const expiryMs = peerRecord.expiresAtS * 1000;
  assert.ok(verifyRecord(suite, bytes, expiryMs - 1).ok);
  assert.deepEqual(verifyRecord(suite, bytes, expiryMs), { ok: false, fault: "expired" });
  const earliest = expiryMs - RECORD_LIFETIME_MS - CLOCK_SKEW_MS;
  assert.ok(verifyRecord(suite, bytes, earliest).ok);
  assert.deepEqual(verifyRecord(suite, bytes, earliest - 1), { ok: false, fault: "malformed" });
});

Deno.test("The fullest record fits, and fuller ones are not signed", () => {
  const long = "[2001:db8:1111:2222:3333:4444:5555:6666]:41641";
  const introducer = peerRecord.introducers[0];
  const full: PeerRecord = {
    ...peerRecord,
    sequence: Number.MAX_SAFE_INTEGER,
    addresses: Array(8).fill(long),
    introducers: Array(4).fill({ ...introducer, address: long }),
  };
  const { bytes } = signRecord(suite, seed, full);
  assert.ok(bytes.length <= MAX_RECORD_BYTES, `${bytes.length}`);
  assert.ok(verifyRecord(suite, bytes, NOW).ok);
  assert.throws(() => signRecord(suite, seed, { ...full, addresses: Array(9).fill(long) }), RangeError);
  assert.throws(
    () => signRecord(suite, seed, { ...full, introducers: Array(5).fill(introducer) }),
    RangeError,
  );
  assert.deepEqual(verifyRecord(suite, new Uint8Array(1001), NOW), { ok: false, fault: "too_large" });
});
