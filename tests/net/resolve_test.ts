import assert from "node:assert/strict";
import { AddressLookupError, resolveAddress } from "../../src/net/resolve.ts";

Deno.test("A literal resolves to itself without asking anyone", async () => {
  const lookup = () => Promise.reject(new Error("asked"));
  assert.equal((await resolveAddress("192.0.2.1:7", { lookup })).text, "192.0.2.1:7");
  assert.equal((await resolveAddress("[2001:DB8::1]:7", { lookup })).text, "[2001:db8::1]:7");
});

Deno.test("localhost resolves through the hosts file", async () => {
  const address = await resolveAddress("localhost:41641");
  assert(["127.0.0.1:41641", "[::1]:41641"].includes(address.text), address.text);
});

Deno.test("The first address of the wanted family wins", async () => {
  const lookup = () => Promise.resolve(["2001:db8::1", "192.0.2.1", "192.0.2.2"]);
  assert.equal((await resolveAddress("node.example:7", { lookup })).text, "[2001:db8::1]:7");
  assert.equal((await resolveAddress("node.example:7", { lookup, family: 4 })).text, "192.0.2.1:7");
});

Deno.test("A name without a fitting address is one line that names it", async () => {
  const lookup = () => Promise.resolve(["2001:db8::1"]);
  await assert.rejects(
    resolveAddress("node.example:7", { lookup, family: 4 }),
    (error: unknown) => error instanceof AddressLookupError && /"node\.example".*IPv4/.test(error.message),
  );
});

Deno.test("An unknown name is one line that names it", async () => {
  const lookup = () => Promise.reject(Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }));
  await assert.rejects(
    resolveAddress("nodw.example:7", { lookup }),
    (error: unknown) =>
      error instanceof AddressLookupError && /"nodw\.example": no such name/.test(error.message),
  );
});
