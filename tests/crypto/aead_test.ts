import { deepEqual, doesNotMatch, equal, notDeepEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/bytes.ts";
import { AEAD_TAG_LENGTH, writeCounterNonce } from "../../src/crypto/cipher_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { suites } from "./suites.ts";

for (const suite of suites) {
  const KEY = new Uint8Array(32).map((_, i) => 7 * i + 1);

  Deno.test(`${suite.name}: AeadKey opens what it sealed, wherever it lies in the slab`, () => {
    fc.assert(fc.property(packets(), (packet) => {
      const aead = suite.aead(packet.key);
      const { slab, start, ad, text } = laidOut(packet);
      const before = slab.slice();
      const end = aead.seal(packet.counter, slab, start, ad.length, text.length);
      equal(end, start + ad.length + text.length + AEAD_TAG_LENGTH);
      deepEqual(slab.subarray(0, start + ad.length), before.subarray(0, start + ad.length));
      deepEqual(slab.subarray(end), before.subarray(end));
      const sealedLength = text.length + AEAD_TAG_LENGTH;
      equal(aead.open(packet.counter, slab, start, ad.length, sealedLength), text.length);
      deepEqual(slab.subarray(start + ad.length, start + ad.length + text.length), text);
      aead.wipe();
    }));
  });

  Deno.test(`${suite.name}: AeadKey seals as the portable suite does`, () => {
    fc.assert(fc.property(packets(), (packet) => {
      const [ours, theirs] = [suite.aead(packet.key), nobleSuite.aead(packet.key)];
      const [a, b] = [laidOut(packet), laidOut(packet)];
      ours.seal(packet.counter, a.slab, a.start, a.ad.length, a.text.length);
      theirs.seal(packet.counter, b.slab, b.start, b.ad.length, b.text.length);
      deepEqual(a.slab, b.slab);
      ours.wipe();
      theirs.wipe();
    }));
  });

  Deno.test(`${suite.name}: AeadKey refuses a packet with any bit flipped, and another counter`, () => {
    fc.assert(fc.property(packets(), fc.nat(), (packet, position) => {
      const aead = suite.aead(packet.key);
      const { slab, start, ad, text } = laidOut(packet);
      const end = aead.seal(packet.counter, slab, start, ad.length, text.length);
      const bit = position % ((end - start) * 8);
      const sealedLength = text.length + AEAD_TAG_LENGTH;
      const forged = slab.slice();
      forged[start + (bit >> 3)] ^= 1 << (bit & 7);
      const around = [forged.slice(0, start + ad.length), forged.slice(end)];
      equal(aead.open(packet.counter, forged, start, ad.length, sealedLength), -1);
      deepEqual(
        forged.subarray(start + ad.length, end),
        new Uint8Array(sealedLength),
        "nothing is left to read",
      );
      deepEqual([forged.slice(0, start + ad.length), forged.slice(end)], around);
      equal(
        aead.open(
          packet.counter === 0 ? 1 : packet.counter - 1,
          slab.slice(),
          start,
          ad.length,
          sealedLength,
        ),
        -1,
      );
      equal(aead.open(packet.counter, slab, start, ad.length, sealedLength), text.length);
      aead.wipe();
    }));
  });

  Deno.test(`${suite.name}: AeadKey refuses anything shorter than a tag`, () => {
    const aead = suite.aead(KEY);
    for (let length = 0; length < AEAD_TAG_LENGTH; length++) {
      equal(aead.open(0, new Uint8Array(100), 0, 16, length), -1);
    }
    aead.wipe();
  });

  Deno.test(`${suite.name}: AeadKey touches nothing when the numbers do not fit the slab`, () => {
    const aead = suite.aead(KEY);
    const slab = new Uint8Array(64).fill(1);
    const misfits = [[0, 16, 33], [49, 0, 0], [-1, 0, 8], [0, -16, 16], [0, 0, -1], [0.5, 0, 8], [0, NaN, 8]];
    for (const [start, adLength, length] of [...misfits, [0, 0, Infinity], [2 ** 53, 0, 0]]) {
      throws(() => aead.seal(1, slab, start, adLength, length), RangeError);
    }
    for (
      const [start, adLength, length] of [[0, 16, 49], [-8, 0, 32], [0, -1, 32], [0, 0.5, 32], [0, 0, NaN]]
    ) {
      throws(() => aead.open(1, slab, start, adLength, length), RangeError);
    }
    for (const counter of [-1, 0.5, 2 ** 53, NaN]) {
      throws(() => aead.seal(counter, slab, 0, 16, 16), RangeError);
      throws(() => aead.open(counter, slab, 0, 16, 32), RangeError);
    }
    deepEqual(slab, new Uint8Array(64).fill(1));
    aead.wipe();
  });

  Deno.test(`${suite.name}: AeadKey works inside a slab that is a view, and in one of shared memory`, () => {
    const aead = suite.aead(KEY);
    const expected = new Uint8Array(200);
    aead.seal(9, expected, 0, 16, 100);
    const view = new Uint8Array(new ArrayBuffer(1000), 333, 200);
    aead.seal(9, view, 0, 16, 100);
    deepEqual(view, expected);
    equal(aead.open(9, view, 0, 16, 116), 100);
    const shared = new Uint8Array(new SharedArrayBuffer(400), 8, 200);
    aead.seal(9, shared, 0, 16, 100);
    equal(toHex(shared), toHex(expected));
    equal(aead.open(9, shared, 0, 16, 116), 100);
    aead.wipe();
  });

  Deno.test(`${suite.name}: AeadKey keeps its own copy of the key and ends when wiped`, () => {
    const key = KEY.slice();
    const aead = suite.aead(key);
    const [before, after] = [new Uint8Array(64), new Uint8Array(64)];
    aead.seal(1, before, 0, 0, 32);
    key.fill(0);
    aead.seal(1, after, 0, 0, 32);
    deepEqual(after, before);
    aead.wipe();
    aead.wipe();
    throws(() => aead.seal(2, after, 0, 0, 32), /wiped/);
    throws(() => aead.open(1, after, 0, 0, 48), /wiped/);
  });

  Deno.test(`${suite.name}: errors of AeadKey tell nothing about key or text`, () => {
    const secret = /a5|165/i; // 0xa5 in hexadecimal and decimal
    throws(() => suite.aead(new Uint8Array(31).fill(0xa5)), (error: Error) => {
      doesNotMatch(error.message, secret);
      return error instanceof RangeError;
    });
    const aead = suite.aead(new Uint8Array(32).fill(0xa5));
    const slab = new Uint8Array(40).fill(0xa5);
    throws(() => aead.seal(1, slab, 0, 0, 40), (error: Error) => {
      doesNotMatch(error.message, secret);
      return error instanceof RangeError;
    });
    aead.wipe();
  });
}

Deno.test("writeCounterNonce spells 4 zero bytes and a little-endian counter", () => {
  const nonce = new Uint8Array(12).fill(0xff);
  const spelled = (counter: number) => {
    writeCounterNonce(counter, nonce);
    return toHex(nonce);
  };
  equal(spelled(0), "000000000000000000000000");
  equal(spelled(1), "000000000100000000000000");
  equal(spelled(0xffff_ffff), "00000000ffffffff00000000");
  equal(spelled(0x1_0000_0000), "000000000000000001000000");
  equal(spelled(Number.MAX_SAFE_INTEGER), "00000000ffffffffffff1f00");
});

Deno.test("writeCounterNonce gives every counter a nonce of its own", () => {
  fc.assert(fc.property(counters(), counters(), (a, b) => {
    fc.pre(a !== b);
    const [first, second] = [new Uint8Array(12), new Uint8Array(12)];
    writeCounterNonce(a, first);
    writeCounterNonce(b, second);
    notDeepEqual(first, second);
  }));
});

interface Packet {
  readonly key: Uint8Array;
  readonly counter: number;
  readonly margin: number;
  readonly ad: Uint8Array;
  readonly text: Uint8Array;
}

/** Lengths around the cipher's 64-byte blocks, the MAC's 16-byte blocks, and a packet. */
function packets(): fc.Arbitrary<Packet> {
  const bytes = (lengths: number[]) =>
    fc.oneof(fc.nat({ max: 1500 }), fc.constantFrom(...lengths)).chain((length) =>
      fc.uint8Array({ minLength: length, maxLength: length })
    );
  return fc.record({
    key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    counter: counters(),
    margin: fc.nat({ max: 40 }),
    ad: bytes([0, 1, 15, 16, 17]),
    text: bytes([0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1183, 1184, 1185]),
  });
}

function counters(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.nat({ max: Number.MAX_SAFE_INTEGER }),
    fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
  );
}

function laidOut(packet: Packet) {
  const { ad, text, margin: start } = packet;
  const slab = new Uint8Array(2 * start + ad.length + text.length + AEAD_TAG_LENGTH).fill(0x5a);
  slab.set(ad, start);
  slab.set(text, start + ad.length);
  return { slab, start, ad, text };
}
