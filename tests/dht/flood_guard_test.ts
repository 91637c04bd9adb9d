import assert from "node:assert/strict";
import type { Instant } from "../../src/clock.ts";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import { FloodGuard, type FloodLimits } from "../../src/dht/flood_guard.ts";

const LIMITS: FloodLimits = { perPeerRate: 10, perSourceRate: 30, burstSeconds: 2, remembered: 100 };
const at = (ms: number) => ms as Instant;
const peer = (n: number) => `ed25519:${n.toString(16).padStart(64, "0")}` as PeerId;

Deno.test("FloodGuard admits a burst, then the rate", () => {
  const guard = new FloodGuard(LIMITS);
  const ask = (ms: number) => guard.admit(at(ms), peer(1), "203.0.113.1:1").admitted;
  assert.equal(Array.from({ length: 25 }, () => ask(0)).filter(Boolean).length, 20);
  assert.equal(ask(99), false);
  assert.equal(ask(100), true);
  const steady = Array.from({ length: 600 }, (_, i) => ask(1000 + i * 100)).filter(Boolean).length;
  assert.equal(steady, 600, "who keeps to the rate is never refused");
});

Deno.test("FloodGuard charges identities of one network to that network", () => {
  const guard = new FloodGuard(LIMITS);
  const admitted = Array.from(
    { length: 200 },
    (_, i) => guard.admit(at(0), peer(i), `203.0.113.${1 + i % 200}:1`).admitted,
  ).filter(Boolean).length;
  assert.equal(admitted, 60);
  assert.ok(guard.admit(at(0), peer(999), "198.51.100.1:1").admitted, "others are not concerned");
});

Deno.test("FloodGuard reports the first refusal at once and then once a second, losing none", () => {
  const guard = new FloodGuard(LIMITS);
  let refused = 0;
  let reported = 0;
  let reports = 0;
  for (let ms = 0; ms < 10_000; ms++) {
    const verdict = guard.admit(at(ms), peer(1), "203.0.113.1:1");
    if (verdict.admitted) continue;
    refused++;
    reported += verdict.report;
    if (verdict.report > 0) reports++;
    if (refused === 1) assert.equal(verdict.report, 1);
  }
  assert.equal(reports, 10);
  assert.ok(refused - reported < 1000, "only the last second's are still to come");
  const dueAt = guard.nextTimeout();
  assert.ok(dueAt !== null && dueAt > 9_999 && dueAt <= 10_999);
  assert.deepEqual(guard.takeOverdue(at(dueAt - 1)), []);
  const rest = { peerId: peer(1), address: "203.0.113.1:1", count: refused - reported };
  assert.deepEqual(guard.takeOverdue(dueAt), [rest]);
  assert.equal(guard.nextTimeout(), null);
});

Deno.test("FloodGuard loses no refusal of more peers than it remembers", () => {
  const guard = new FloodGuard({ ...LIMITS, remembered: 3 });
  let refused = 0;
  let reported = 0;
  for (let i = 0; i < 1000; i++) {
    const verdict = guard.admit(at(i), peer(i % 10), "203.0.113.1:1");
    if (verdict.admitted) continue;
    refused++;
    reported += verdict.report;
  }
  assert.ok(refused > 900);
  for (const { count } of guard.takeOverdue(at(3000))) reported += count;
  assert.equal(reported, refused);
});

Deno.test("FloodGuard forgets whoever has its whole allowance again, and nobody else", () => {
  const guard = new FloodGuard(LIMITS);
  for (let i = 0; i < 25; i++) guard.admit(at(0), peer(1), "203.0.113.1:1");
  guard.admit(at(1000), peer(2), "203.0.113.1:1");
  assert.equal(guard.size, 2);
  guard.admit(at(1999), peer(3), "203.0.113.1:1");
  assert.equal(guard.size, 3);
  guard.admit(at(2000), peer(4), "203.0.113.1:1");
  assert.equal(guard.size, 3, "the first has been silent for two seconds");
});

Deno.test("FloodGuard remembers no more than it was told to", () => {
  const guard = new FloodGuard(LIMITS);
  for (let i = 0; i < 10_000; i++) guard.admit(at(i), peer(i), "203.0.113.1:1");
  assert.equal(guard.size, 100);
});
