import assert from "node:assert/strict";
import fc from "fast-check";
import { toHex } from "../../src/bytes.ts";
import { peerIdOf } from "../../src/crypto/peer_id.ts";
import { formatAddress } from "../../src/dht/endpoint_address.ts";
import { pointOf } from "../../src/dht/node_id.ts";
import {
  decodeMessage,
  type DhtRequest,
  encodeAnswer,
  encodeFound,
  encodeRequest,
  MAX_MESSAGE_BYTES,
  STORE_STATUSES,
} from "../../src/dht/rpc.ts";
import { DecodeError } from "../../src/wire/decode_error.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const address = fc.tuple(
  fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
  fc.integer({ min: 1, max: 65_535 }),
).map(([bytes, port]) => formatAddress({ bytes, port }));
const contact = fc.record({ peerId: key.map(peerIdOf), address }, { noNullPrototype: true });
const head = fc.record({ requestId: fc.nat(0xffff_ffff), isClient: fc.boolean() }, { noNullPrototype: true });
const record = fc.uint8Array({ maxLength: 1000, size: "max" });
const request: fc.Arbitrary<DhtRequest> = fc.oneof(
  fc.constant({ kind: "ping" as const }),
  fc.constant({ kind: "leave" as const }),
  key.map((bytes) => ({ kind: "find_node" as const, target: pointOf(bytes) })),
  fc.tuple(key, fc.constantFrom("peer" as const, "provider" as const))
    .map(([bytes, of]) => ({ kind: "find_value" as const, of, target: pointOf(bytes) })),
  record.map((record) => ({ kind: "store" as const, record })),
);

Deno.test("A request survives its bytes, and fits", () => {
  fc.assert(fc.property(head, request, (head, request) => {
    const bytes = encodeRequest(head, request);
    assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
    assert.deepEqual(decodeMessage(bytes), { is: "request", ...head, request });
  }));
});

Deno.test("An answer to PING or STORE survives its bytes", () => {
  fc.assert(fc.property(head, address, fc.constantFrom(...STORE_STATUSES), (head, observed, status) => {
    for (const answer of [{ kind: "ping", observed }, { kind: "store", status }] as const) {
      assert.deepEqual(decodeMessage(encodeAnswer(head, answer)), { is: "answer", ...head, answer });
    }
  }));
});

Deno.test("Contacts and records arrive whole over as many datagrams as they need, each within the limit", () => {
  const contacts = fc.array(contact, { maxLength: 20, size: "max" });
  const records = fc.array(record, { maxLength: 10 });
  fc.assert(fc.property(head, contacts, records, (head, contacts, records) => {
    const datagrams = encodeFound(head, "find_value", contacts, records);
    const parts = datagrams.map((bytes) => {
      assert.ok(bytes.length <= MAX_MESSAGE_BYTES);
      const message = decodeMessage(bytes);
      assert.ok(message.is === "answer" && message.answer.kind === "find_value");
      return message.answer;
    });
    assert.ok(parts.length <= 4);
    assert.ok(parts.every((part, i) => part.part === i && part.parts === parts.length));
    assert.deepEqual(parts.flatMap((part) => part.contacts), contacts);
    const arrived = parts.flatMap((part) => part.records);
    assert.deepEqual(arrived.map((bytes) => toHex(bytes)), records.slice(0, arrived.length).map(toHex));
    // Whatever was left out would have needed a fifth datagram.
    if (arrived.length < records.length) assert.equal(parts.length, 4);
  }));
});

Deno.test("FIND_VALUE and the answer to PING are these bytes", () => {
  const asked = encodeRequest(
    { requestId: 0x01020304, isClient: true },
    { kind: "find_value", of: "provider", target: pointOf(new Uint8Array(32).fill(0xaa)) },
  );
  assert.equal(toHex(asked), `0103010102030401${"aa".repeat(32)}`);
  const answered = encodeAnswer({ requestId: 1, isClient: false }, {
    kind: "ping",
    observed: "192.0.2.10:41641",
  });
  assert.equal(toHex(answered), "0181000000000104c000020aa2a9");
});

Deno.test("decodeMessage throws nothing but DecodeError, and takes no truncation", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1200, size: "max" }), fc.boolean(), (bytes, plausible) => {
    if (plausible && bytes.length > 2) {
      bytes[0] = 1;
      bytes[1] &= 0x87;
      bytes[2] &= 1;
    }
    try {
      decodeMessage(bytes);
    } catch (error) {
      assert.ok(error instanceof DecodeError);
    }
  }));
  fc.assert(fc.property(head, request, (head, request) => {
    const bytes = encodeRequest(head, request);
    for (let length = 0; length < bytes.length; length += 1 + (length >> 3)) {
      assert.throws(() => decodeMessage(bytes.subarray(0, length)), DecodeError);
    }
    assert.throws(() => decodeMessage(Uint8Array.of(...bytes, 0)), DecodeError);
  }));
});
