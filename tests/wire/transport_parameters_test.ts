import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/bytes.ts";
import { DecodeError } from "../../src/wire/decode_error.ts";
import {
  decodeHandshakePayload,
  encodeHandshakePayload,
  type HandshakePayload,
  MAX_AGENT_LENGTH,
  MAX_PAYLOAD_LENGTH,
} from "../../src/wire/transport_parameters.ts";
import { varintBytes } from "../../src/wire/varint.ts";

const payload: fc.Arbitrary<HandshakePayload> = fc.record({
  identityKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  staticKeySignature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  parameters: fc.record({
    index: fc.integer({ min: 1, max: 0xffff_ffff }),
    maxDatagramBytes: fc.integer({ min: 1200, max: 65_535 }),
    initialMaxData: fc.maxSafeNat(),
    initialMaxStreamData: fc.maxSafeNat(),
    initialMaxStreams: fc.nat(1 << 30),
    idleTimeoutMs: fc.integer({ min: 1_000, max: 86_400_000 }),
    maxAckDelayMs: fc.nat(16_384),
    agent: fc.string({ maxLength: MAX_AGENT_LENGTH }),
  }, { noNullPrototype: true }),
}, { noNullPrototype: true });

const PREFIX = new Uint8Array(96);

function parameter(id: number, value: Uint8Array): Uint8Array {
  return concatBytes(varintBytes(id), varintBytes(value.length), value);
}

function decodeParameters(...parameters: readonly Uint8Array[]): HandshakePayload {
  return decodeHandshakePayload(concatBytes(PREFIX, ...parameters));
}

const INDEX = parameter(8, varintBytes(7));

Deno.test("a handshake payload round-trips and stays within its bound", () => {
  fc.assert(fc.property(payload, (original) => {
    const encoded = encodeHandshakePayload(original);
    assert.ok(encoded.length <= MAX_PAYLOAD_LENGTH);
    assert.deepEqual(decodeHandshakePayload(encoded), original);
  }));
});

Deno.test("a handshake payload cut short is refused", () => {
  fc.assert(
    fc.property(payload, fc.nat(1_000), (original, at) => {
      const encoded = encodeHandshakePayload(original);
      const cut = at % encoded.length;
      // A cut between two parameters leaves a well-formed payload, unless the index went with it.
      try {
        const decoded = decodeHandshakePayload(encoded.subarray(0, cut));
        assert.equal(decoded.parameters.index, original.parameters.index);
      } catch (error) {
        assert.ok(error instanceof DecodeError, `${error}`);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("no bytes make the payload decoder throw anything but its own error", () => {
  const noise = fc.array(fc.tuple(fc.nat(9), fc.uint8Array({ maxLength: 9 })), { maxLength: 6 })
    .map((list) => list.map(([id, value]) => parameter(id, value)));
  fc.assert(
    fc.property(fc.oneof(noise, fc.uint8Array({ maxLength: 40 }).map((bytes) => [bytes])), (parts) => {
      try {
        decodeParameters(...parts);
      } catch (error) {
        assert.ok(error instanceof DecodeError, `${error}`);
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("unknown parameters are passed over, absent ones take their defaults", () => {
  const { parameters } = decodeParameters(INDEX, parameter(77, Uint8Array.of(1, 2, 3)));
  assert.deepEqual(parameters, {
    index: 7,
    maxDatagramBytes: 1200,
    initialMaxData: 0,
    initialMaxStreamData: 0,
    initialMaxStreams: 0,
    idleTimeoutMs: 60_000,
    maxAckDelayMs: 25,
    agent: "",
  });
});

Deno.test("a parameter twice, out of range, or with trailing bytes is refused, and so is a missing index", () => {
  assert.throws(() => decodeParameters(INDEX, INDEX), /8 appears twice/);
  assert.throws(() => decodeParameters(), /without a session index/);
  assert.throws(() => decodeParameters(parameter(8, varintBytes(0))), /between 1 and 4294967295, got 0/);
  assert.throws(() => decodeParameters(INDEX, parameter(1, varintBytes(1_199))), /between 1200 and 65535/);
  assert.throws(() => decodeParameters(INDEX, parameter(1, varintBytes(65_536))), /between 1200 and 65535/);
  assert.throws(() => decodeParameters(INDEX, parameter(5, varintBytes(999))), /between 1000/);
  assert.throws(() => decodeParameters(INDEX, parameter(6, varintBytes(16_385))), /between 0 and 16384/);
  assert.throws(() => decodeParameters(INDEX, parameter(2, Uint8Array.of(1, 0))), /trailing bytes/);
  assert.throws(() => decodeParameters(INDEX, parameter(7, new Uint8Array(65))), /Agent of 65 bytes/);
});

Deno.test("an agent longer than its bound is cut between characters", () => {
  const encoded = encodeHandshakePayload({
    identityKey: new Uint8Array(32),
    staticKeySignature: new Uint8Array(64),
    parameters: { ...decodeParameters(INDEX).parameters, agent: "x" + "é".repeat(MAX_AGENT_LENGTH) },
  });
  assert.match(decodeHandshakePayload(encoded).parameters.agent, /^xé+$/);
});
