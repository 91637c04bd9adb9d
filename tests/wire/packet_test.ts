import assert from "node:assert/strict";
import fc from "fast-check";
import {
  checkHeader,
  DATA_OVERHEAD,
  HEADER_LENGTH,
  packetNumber,
  PacketType,
  PROTOCOL_VERSION,
  receiverIndex,
  writeHeader,
} from "../../src/wire/packet.ts";

Deno.test("a header round-trips at any offset", () => {
  fc.assert(fc.property(
    fc.constantFrom(...Object.values(PacketType)),
    fc.integer({ min: 0, max: 3 }),
    fc.nat(0xffff_ffff),
    fc.maxSafeNat(),
    fc.nat(20),
    (type, epoch, receiver, number, start) => {
      const out = new Uint8Array(start + 64).fill(0xee);
      const flags = type === PacketType.Data ? epoch : PROTOCOL_VERSION;
      assert.equal(writeHeader(out, start, type, flags, receiver, number), start + HEADER_LENGTH);
      assert.equal(checkHeader(out, start, 64), type);
      assert.equal(receiverIndex(out, start), receiver);
      assert.equal(packetNumber(out, start), number);
      assert.ok(out.subarray(0, start).every((byte) => byte === 0xee));
      assert.ok(out.subarray(start + HEADER_LENGTH).every((byte) => byte === 0xee));
    },
  ));
});

Deno.test("a header is one of ours, of another version, or malformed, as its bytes say", () => {
  fc.assert(
    fc.property(
      fc.nat(7),
      fc.nat(5),
      fc.constantFrom(0, 0, 0, 1),
      fc.constantFrom(0, 0, 0, 255),
      fc.nat(64),
      (type, flags, zero1, zero2, length) => {
        const bytes = new Uint8Array(64);
        bytes.set([type, flags, zero1, zero2]);
        const wellFormed = length >= HEADER_LENGTH && type >= 1 && type <= 5 && zero1 + zero2 === 0;
        let expected = 0;
        if (wellFormed && type === 4) expected = flags <= 3 && length > DATA_OVERHEAD ? 4 : 0;
        else if (wellFormed) expected = flags === PROTOCOL_VERSION ? type : -1;
        assert.equal(checkHeader(bytes, 0, length), expected);
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("a packet number of 2^53 or more is refused, one below it read exactly", () => {
  const header = new Uint8Array(HEADER_LENGTH);
  header.set([0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 8);
  assert.equal(packetNumber(header, 0), Number.MAX_SAFE_INTEGER);
  header.set([0, 0x20, 0, 0, 0, 0, 0, 0], 8);
  assert.equal(packetNumber(header, 0), -1);
});
