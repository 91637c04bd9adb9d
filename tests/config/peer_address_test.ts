import assert from "node:assert/strict";
import { isHostPort, parsePeerAddress } from "../../src/config/peer_address.ts";

const ID = `ed25519:${"ab".repeat(32)}` as const;

Deno.test("A peer may come with its address or without", () => {
  assert.deepEqual(parsePeerAddress(ID), { peerId: ID, address: null });
  assert.deepEqual(parsePeerAddress(`${ID}@[::1]:41641`), { peerId: ID, address: "[::1]:41641" });
  assert.deepEqual(parsePeerAddress(`${ID.replace(/b/g, "B")}@h:1`), { peerId: ID, address: "h:1" });
});

for (const wrong of ["", "ed25519:12", `${ID}@`, `${ID}@host`, `${ID}@host:0`, `${ID}@a:1@b:2`, `x${ID}`]) {
  Deno.test(`"${wrong}" is no peer`, () => assert.equal(parsePeerAddress(wrong), null));
}

for (const right of ["192.0.2.1:41641", "[2001:db8::1]:1", "node.example:0"]) {
  Deno.test(`"${right}" is an address`, () => assert.ok(isHostPort(right)));
}

for (const wrong of ["host", "host:", ":1", "host:65536", "2001:db8::1:1", "[::1]", "a b:1", "host:1x"]) {
  Deno.test(`"${wrong}" is no address`, () => assert.ok(!isHostPort(wrong)));
}
