import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import { networkOf } from "../../src/dht/endpoint_address.ts";
import { OwnAddress } from "../../src/dht/own_address.ts";

const HOUR_MS = 3_600_000;
const at = (ms: number) => ms as Instant;
const peer = (n: number) => `ed25519:${n.toString(16).padStart(64, "0")}` as PeerId;
/** Observers in networks of their own. */
const observer = (n: number) => `198.51.${n}.1:41641`;

Deno.test("Our address is what three networks say, not what one says three times", () => {
  const own = new OwnAddress();
  for (const n of [1, 2, 3]) own.observe(at(0), peer(n), `203.0.113.${n}:1`, "192.0.2.66:1");
  assert.equal(own.agreed(at(0), 3), null);
  for (const n of [4, 5]) own.observe(at(0), peer(n), observer(n), "192.0.2.66:1");
  assert.equal(own.agreed(at(0), 3), "192.0.2.66:1");
});

Deno.test("Liars in the minority change nothing, and a tie is no agreement", () => {
  const own = new OwnAddress();
  for (const n of [1, 2, 3, 4]) own.observe(at(0), peer(n), observer(n), "192.0.2.1:41641");
  for (const n of [5, 6, 7]) own.observe(at(0), peer(n), observer(n), "192.0.2.66:1");
  assert.equal(own.agreed(at(0), 3), "192.0.2.1:41641");
  own.observe(at(0), peer(8), observer(8), "192.0.2.66:1");
  assert.equal(own.agreed(at(0), 3), null);
});

Deno.test("What was seen more than an hour ago does not count", () => {
  const own = new OwnAddress();
  for (const n of [1, 2, 3]) own.observe(at(n), peer(n), observer(n), "192.0.2.1:41641");
  assert.equal(own.agreed(at(HOUR_MS + 1), 3), "192.0.2.1:41641");
  assert.equal(own.agreed(at(HOUR_MS + 2), 3), null);
  assert.equal(own.agreed(at(HOUR_MS + 2), 2), "192.0.2.1:41641");
});

Deno.test("A symmetric NAT shows everybody another port", () => {
  const own = new OwnAddress();
  own.observe(at(0), peer(1), observer(1), "192.0.2.1:1001");
  assert.equal(own.mapping(at(0)), "unknown");
  own.observe(at(0), peer(2), observer(2), "192.0.2.1:1002");
  assert.equal(own.mapping(at(0)), "varying");
  own.observe(at(0), peer(3), observer(3), "192.0.2.1:1002");
  assert.equal(own.mapping(at(0)), "stable");
});

Deno.test("OwnAddress keeps count as if it counted everything each time", () => {
  const observation = fc.record({
    who: fc.nat(90),
    network: fc.nat(8),
    port: fc.integer({ min: 1, max: 3 }),
    afterMs: fc.integer({ min: 0, max: HOUR_MS / 20 }),
  });
  fc.assert(fc.property(fc.array(observation, { maxLength: 150 }), (observations) => {
    const own = new OwnAddress();
    let seen: { who: PeerId; voice: string; address: string; ms: number }[] = [];
    let ms = 0;
    for (const { who, network, port, afterMs } of observations) {
      ms += afterMs;
      const from = `198.51.${network}.${who + 1}:41641`;
      const address = `192.0.2.1:${port}`;
      own.observe(at(ms), peer(who), from, address);
      seen = [
        ...seen.filter((old) => old.who !== peer(who)),
        { who: peer(who), voice: networkOf(from)!, address, ms },
      ].slice(-64);
      const recent = seen.filter((old) => ms - old.ms <= HOUR_MS);
      const voices = (of: string) =>
        new Set(recent.filter((old) => old.address === of).map(({ voice }) => voice));
      const all = new Set(recent.map(({ voice }) => voice)).size;
      const expected = [1, 2, 3].map((port) => `192.0.2.1:${port}`)
        .filter((of) => voices(of).size >= 2 && voices(of).size * 2 > all);
      const agreed = own.agreed(at(ms), 2);
      // Voices of one network may differ, so that two addresses each have most of them.
      assert.ok(agreed === null ? expected.length === 0 : expected.includes(agreed));
    }
  }));
});
