import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeAddress,
  encodeAddress,
  formatAddress,
  hasOwnAddress,
  isCanonicalAddress,
  MAX_ADDRESS_BYTES,
  mayMention,
  networkOf,
  parseAddress,
  scopeOf,
  sourceOf,
} from "../../src/dht/endpoint_address.ts";
import { DecodeError } from "../../src/wire/decode_error.ts";
import { ByteReader } from "../../src/wire/varint.ts";

const bytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Many zeros, so that compression meets runs of every length and place.
  fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 }).map((list) =>
    Uint8Array.from(list)
  ),
);
const port = fc.integer({ min: 1, max: 65_535 });

Deno.test("An address survives text and wire", () => {
  fc.assert(fc.property(bytes, port, (bytes, port) => {
    const text = formatAddress({ bytes, port });
    const parsed = parseAddress(text);
    assert.deepEqual(parsed && { bytes: [...parsed.bytes], port: parsed.port }, { bytes: [...bytes], port });
    assert.ok(isCanonicalAddress(text));
    const wire = new Uint8Array(MAX_ADDRESS_BYTES);
    const end = encodeAddress(text, wire, 0);
    assert.equal(end, bytes.length + 3);
    assert.equal(decodeAddress(new ByteReader().reset(wire, 0, end)), text);
  }));
});

Deno.test("IPv6 text follows RFC 5952", () => {
  for (
    const [from, to] of [
      ["[2001:0DB8:0:0:0:0:0:1]:1", "[2001:db8::1]:1"],
      ["[2001:db8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"],
      ["[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"],
      ["[::]:65535", "[::]:65535"],
      ["[1::]:9", "[1::]:9"],
      ["[::ffff:192.0.2.1]:9", "192.0.2.1:9"],
    ]
  ) {
    const parsed = parseAddress(from);
    assert.equal(parsed && formatAddress(parsed), to);
  }
});

Deno.test("parseAddress refuses what is no literal address", () => {
  for (
    const text of [
      "",
      "example.org:1",
      "1.2.3.4",
      "1.2.3.4:0",
      "1.2.3.4:65536",
      "1.2.3.4:01",
      "1.2.3.256:1",
      "01.2.3.4:1",
      "1.2.3:1",
      "::1:1",
      "[::1]",
      "[1::2::3]:1",
      "[1:2:3:4:5:6:7:8:9]:1",
      "[1:2:3:4:5:6:7]:1",
      "[1:2:3:4:5:6:7::8]:1 ",
      "[12345::]:1",
      "[1.2.3.4::]:1",
      "[1.2.3.4]:1",
    ]
  ) assert.equal(parseAddress(text), null, text);
});

Deno.test("decodeAddress refuses unknown families, port 0 and every truncation", () => {
  assert.throws(() => decodeAddress(new ByteReader().reset(Uint8Array.of(5, 1, 2, 3, 4, 0, 1))), DecodeError);
  assert.throws(() => decodeAddress(new ByteReader().reset(Uint8Array.of(4, 1, 2, 3, 4, 0, 0))), DecodeError);
  const whole = new Uint8Array(MAX_ADDRESS_BYTES);
  encodeAddress("[2001:db8::1]:41641", whole, 0);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => decodeAddress(new ByteReader().reset(whole, 0, length)), DecodeError);
  }
});

Deno.test("Networks are /24 and /48 of public addresses; private ones are not counted", () => {
  assert.equal(networkOf("203.0.113.7:1"), "203.0.113.0/24");
  assert.equal(networkOf("[2001:db8:7:1::5]:1"), "2001:db8:7::/48");
  for (
    const text of [
      "127.0.0.1:1",
      "10.1.2.3:1",
      "172.31.0.1:1",
      "192.168.1.1:1",
      "100.64.0.1:1",
      "169.254.1.1:1",
    ]
  ) {
    assert.equal(networkOf(text), null, text);
  }
  for (const text of ["[::1]:1", "[fd00::1]:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"]) {
    assert.equal(networkOf(text), null, text);
  }
  assert.equal(sourceOf("10.1.2.3:99"), "10.1.2.3");
  assert.equal(sourceOf("203.0.113.7:1"), "203.0.113.0/24");
});

Deno.test("A circuit and a zoned address are no address to tell others", () => {
  assert.ok(hasOwnAddress({ remoteAddr: "203.0.113.7:1" }));
  assert.ok(hasOwnAddress({ remoteAddr: "[2001:db8::1]:1" }));
  for (const remoteAddr of ["[fd57:5241:4954:4800::1]:1", "[fe80::1%eth0]:1", "example.org:1"]) {
    assert.ok(!hasOwnAddress({ remoteAddr }), remoteAddr);
  }
});

Deno.test("An address is mentioned only to peers of its own reach", () => {
  assert.equal(scopeOf("172.32.0.1:1"), "public");
  assert.equal(scopeOf("100.128.0.1:1"), "public");
  assert.ok(mayMention("127.0.0.1:1", "203.0.113.7:1"));
  assert.ok(mayMention("127.0.0.1:1", "127.0.0.1:2"));
  assert.ok(!mayMention("203.0.113.7:1", "127.0.0.1:2"));
  assert.ok(!mayMention("203.0.113.7:1", "192.168.0.1:2"));
  assert.ok(!mayMention("192.168.0.1:2", "127.0.0.1:2"));
});
