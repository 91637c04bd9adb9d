import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressBytes,
  addressOfBytes,
  addressPrefix,
  AddressTable,
  makeAddress,
  parseAddress,
  parseHostPort,
} from "../../src/net/address.ts";
import { formatIp, parseIp, toIpv6Bytes } from "../../src/net/ip.ts";

Deno.test("IPv6 text follows the examples of RFC 5952 and RFC 4291", () => {
  const canonical: Record<string, string> = {
    "2001:0db8:0000:0000:0001:0000:0000:0001": "2001:db8::1:0:0:1",
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
    "2001:db8:0:0:1:0:0:0": "2001:db8:0:0:1::",
    "2001:DB8::A": "2001:db8::a",
    "0:0:0:0:0:0:0:0": "::",
    "0:0:0:0:0:0:0:1": "::1",
    "1:0:0:0:0:0:0:0": "1::",
    "::13.1.68.3": "::d01:4403",
    "fe80::": "fe80::",
    "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
    "::2:3:4:5:6:7:8": "0:2:3:4:5:6:7:8",
  };
  for (const [text, expected] of Object.entries(canonical)) {
    assert.equal(makeAddress(text, 1).hostname, expected);
  }
});

Deno.test("A v4-mapped address is the IPv4 address it maps", () => {
  for (const text of ["::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1"]) {
    const address = makeAddress(text, 9);
    assert.equal(address.family, 4);
    assert.equal(address.text, "192.0.2.1:9");
  }
  assert.equal(formatIp(toIpv6Bytes(new Uint8Array([192, 0, 2, 1]))), "192.0.2.1");
});

Deno.test("What is no IP literal is none", () => {
  const wrong = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "0x7f.0.0.1",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    ":1",
    "1:",
    ":::",
    "12345::",
    "::g",
    "1:2:3:4:5:6:7:8::",
    "1.2.3.4::",
    "::1.2.3",
    "::1.2.3.4:5",
    "fe80::1%eth0",
    "[::1]",
    "localhost",
  ];
  for (const text of wrong) assert.equal(parseIp(text), null, text);
});

Deno.test("IP text agrees with the URL parser for all addresses", () => {
  const words = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), {
    minLength: 16,
    maxLength: 16,
  });
  fc.assert(fc.property(words, (bytes) => {
    const text = formatIp(Uint8Array.from(bytes));
    if (!text.includes(":")) return;
    assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`);
    assert.deepEqual(parseIp(text), Uint8Array.from(bytes));
  }));
});

Deno.test("An address survives bytes and text", () => {
  const ip = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(fc.property(ip, fc.integer({ min: 0, max: 65_535 }), (bytes, port) => {
    const address = addressOfBytes(bytes, port);
    assert.deepEqual(parseAddress(address.text), address);
    assert.deepEqual(addressOfBytes(addressBytes(address), port), address);
  }));
});

Deno.test("host:port splits names, IPv4 and bracketed IPv6", () => {
  assert.deepEqual(parseHostPort("node.example:41641"), { host: "node.example", port: 41641 });
  assert.deepEqual(parseHostPort("0.0.0.0:0"), { host: "0.0.0.0", port: 0 });
  assert.deepEqual(parseHostPort("[::1]:65535"), { host: "::1", port: 65535 });
});

Deno.test("A wrong host:port is refused in one line that quotes it", () => {
  const wrong = [
    "",
    ":",
    "host",
    "host:",
    ":80",
    "host:65536",
    "host:-1",
    "host:1x",
    "::1:80",
    "[::1]",
    "[::1]80",
    "[host]:80",
    "[127.0.0.1]:80",
    "a b:80",
    "http://host:80",
    "[]:80",
    "[fe80::1%eth0]:80",
    "host:080808",
  ];
  for (const text of wrong) {
    assert.throws(() => parseHostPort(text), (error: unknown) => {
      assert(error instanceof TypeError);
      assert(error.message.includes(`"${text}"`) && error.message.includes("host:port"), error.message);
      return true;
    });
  }
});

Deno.test("Rate limits see an IPv4 address and an IPv6 /64", () => {
  assert.equal(addressPrefix(makeAddress("192.0.2.7", 1)), "192.0.2.7/32");
  assert.equal(addressPrefix(makeAddress("::ffff:192.0.2.7", 1)), "192.0.2.7/32");
  assert.equal(addressPrefix(makeAddress("2001:db8:1:2:3:4:5:6", 1)), "2001:db8:1:2::/64");
  assert.equal(
    addressPrefix(makeAddress("2001:db8:1:2::", 1)),
    addressPrefix(makeAddress("2001:db8:1:2:ffff::", 2)),
  );
});

Deno.test("Address table gives the same object for any spelling", () => {
  const table = new AddressTable();
  const first = table.intern("127.0.0.1", 80);
  assert.equal(table.intern("127.0.0.1", 80), first);
  assert.equal(table.intern("::ffff:127.0.0.1", 80), first);
  assert.notEqual(table.intern("127.0.0.1", 81), first);
});

Deno.test("Address table stays within twice its capacity and keeps what is in use", () => {
  const table = new AddressTable(64);
  const favourite = table.intern("2001:db8::1", 1);
  for (let port = 1; port <= 5000; port++) {
    table.intern("10.0.0.1", port);
    assert.equal(table.intern("2001:db8::1", 1), favourite);
    assert(table.size <= 128);
  }
});
