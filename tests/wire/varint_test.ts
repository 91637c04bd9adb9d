import assert from "node:assert/strict";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/bytes.ts";
import { DecodeError } from "../../src/wire/decode_error.ts";
import { ByteReader, encodeVarint, VARINT_MAX, varintBytes, varintLength } from "../../src/wire/varint.ts";

const value = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(0, 63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30, 2 ** 32 - 1, 2 ** 32, VARINT_MAX),
);

/** RFC 9000 §A.1's decoder, over big integers. */
function slowDecode(bytes: Uint8Array): { value: bigint; length: number } {
  const length = 1 << (bytes[0] >> 6);
  let value = BigInt(bytes[0] & 0x3f);
  for (let i = 1; i < length; i++) value = (value << 8n) | BigInt(bytes[i]);
  return { value, length };
}

Deno.test("varints are written as RFC 9000 appendix A.1 has them", () => {
  assert.equal(toHex(varintBytes(494_878_333)), "9d7f3e7d");
  assert.equal(toHex(varintBytes(15_293)), "7bbd");
  assert.equal(toHex(varintBytes(37)), "25");
  assert.equal(new ByteReader().reset(fromHex("4025")).varint(), 37);
});

Deno.test("a varint round-trips in its shortest form", () => {
  fc.assert(fc.property(value, (number) => {
    const out = new Uint8Array(10).fill(0xee);
    const end = encodeVarint(number, out, 1);
    assert.equal(end - 1, varintLength(number));
    assert.equal(out[0], 0xee);
    assert.equal(out[end], 0xee);
    assert.deepEqual(slowDecode(out.subarray(1)), { value: BigInt(number), length: end - 1 });
    assert.equal(new ByteReader().reset(out, 1, end).varint(), number);
  }));
});

Deno.test("a varint reader agrees with the RFC's decoder on any bytes, or refuses", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      fc.integer({ min: 0, max: 8 }),
      (bytes, end) => {
        const expected = slowDecode(bytes);
        const reader = new ByteReader().reset(bytes, 0, end);
        if (expected.length > end || expected.value > BigInt(VARINT_MAX)) {
          assert.throws(() => reader.varint(), DecodeError);
          return;
        }
        assert.equal(BigInt(reader.varint()), expected.value);
        assert.equal(reader.offset, expected.length);
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("a reader never passes its end, whatever lies behind it", () => {
  const bytes = new Uint8Array(16).fill(1);
  const reader = new ByteReader().reset(bytes, 4, 8);
  assert.throws(() => reader.view(5), DecodeError);
  assert.equal(reader.view(4).length, 4);
  assert.throws(() => reader.byte(), DecodeError);
  assert.throws(() => reader.uint32(), DecodeError);
  assert.throws(() => reader.skip(1), DecodeError);
});
