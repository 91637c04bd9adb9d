import assert from "node:assert/strict";
import fc from "fast-check";
import { type Address, addressOfBytes, makeAddress } from "../../src/net/address.ts";
import { decodeSockaddr, encodeSockaddr, SourceCache } from "../../src/net/sockaddr.ts";

Deno.test("Sockaddr has the kernel's layout", () => {
  assert.deepEqual(
    [...encodeSockaddr(makeAddress("192.0.2.1", 0x1234), 4)!],
    [2, 0, 0x12, 0x34, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  assert.deepEqual(
    [...encodeSockaddr(makeAddress("2001:db8::1", 80), 6)!],
    [10, 0, 0, 80, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
  );
  assert.deepEqual(
    [...encodeSockaddr(makeAddress("192.0.2.1", 80), 6)!.subarray(8, 24)],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1],
  );
  assert.equal(encodeSockaddr(makeAddress("2001:db8::1", 80), 4), null);
});

const anyAddress = fc.tuple(
  fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
  fc.integer({ min: 0, max: 65_535 }),
).map(([ip, port]) => addressOfBytes(ip, port));

Deno.test("Sockaddr survives encoding for either socket family", () => {
  fc.assert(fc.property(anyAddress, (address) => {
    assert.deepEqual(decodeSockaddr(encodeSockaddr(address, 6)!), address);
    if (address.family === 4) assert.deepEqual(decodeSockaddr(encodeSockaddr(address, 4)!), address);
  }));
});

Deno.test("Source cache always answers with the address that the bytes spell", () => {
  const cache = new SourceCache(() => {});
  fc.assert(fc.property(fc.array(anyAddress, { maxLength: 100 }), (addresses) => {
    for (const address of addresses) {
      assert.deepEqual(lookUp(cache, address), address);
      assert.equal(lookUp(cache, address), lookUp(cache, address));
    }
  }));
});

Deno.test("Source cache reports each new address once, with its sockaddr", () => {
  const seen: [Address, Uint8Array][] = [];
  const cache = new SourceCache((address, sockaddr) => seen.push([address, sockaddr]));
  const address = makeAddress("2001:db8::1", 7);
  for (let i = 0; i < 10; i++) lookUp(cache, address);
  assert.equal(seen.length, 1);
  assert.deepEqual(seen[0], [address, encodeSockaddr(address, 6)]);
});

Deno.test("Source cache stays right when five times more remotes pass than it holds", () => {
  const cache = new SourceCache(() => {});
  for (let i = 0; i < 20_000; i++) {
    const address = makeAddress(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1 + (i % 65_535));
    assert.equal(lookUp(cache, address).text, address.text);
  }
});

Deno.test("Source cache tells link-local scopes apart", () => {
  const cache = new SourceCache(() => {});
  const one = wordsOf(makeAddress("fe80::1", 7));
  const two = one.slice();
  two[7] = 3;
  assert.notEqual(cache.lookUp(one, 1), cache.lookUp(two, 1));
});

function lookUp(cache: SourceCache, address: Address): Address {
  return cache.lookUp(wordsOf(address), 1);
}

/** As recvmmsg leaves it: in the middle of other memory, in a slot with room for either family. */
function wordsOf(address: Address): Uint32Array {
  const words = new Uint32Array(9).fill(0xffff_ffff);
  new Uint8Array(words.buffer).set(encodeSockaddr(address, address.family)!, 4);
  return words;
}
