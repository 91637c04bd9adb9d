import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../../src/clock.ts";
import { BanTable } from "../../../src/observe/detect/ban_list.ts";
import { CountMinSketch } from "../../../src/observe/detect/count_min_sketch.ts";
import { SlidingCount } from "../../../src/observe/detect/sliding_count.ts";
import { sourceKeyOf } from "../../../src/observe/detect/source_key.ts";

Deno.test("SlidingCount counts all of the window and at most a tenth more", () => {
  fc.assert(fc.property(fc.array(fc.nat(3000), { maxLength: 200 }), (gaps) => {
    const count = new SlidingCount(10_000);
    const times: number[] = [];
    let now = 500;
    for (const gap of gaps) {
      now += gap;
      times.push(now);
      count.add(now as Instant);
      const total = count.total(now as Instant);
      assert.ok(total >= times.filter((time) => time > now - 9000).length);
      assert.ok(total <= times.filter((time) => time > now - 10_000).length);
    }
  }));
});

Deno.test("CountMinSketch never counts too little", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 500 }), (keys) => {
    const sketch = new CountMinSketch(1000, 7);
    const exact = new Map<number, number>();
    for (const key of keys) {
      exact.set(key, (exact.get(key) ?? 0) + 1);
      assert.ok(sketch.add(0 as Instant, String(key)) >= exact.get(key)!);
    }
  }));
});

Deno.test("CountMinSketch stays close to the truth among many keys, and forgets", () => {
  const sketch = new CountMinSketch(1000, 7);
  for (let i = 0; i < 4000; i++) sketch.add(0 as Instant, `other ${i}`);
  let estimate = 0;
  for (let i = 0; i < 10; i++) estimate = sketch.add(0 as Instant, "mine");
  assert.ok(estimate <= 12, String(estimate));
  assert.equal(sketch.add(5000 as Instant, "mine"), 1);
});

Deno.test("A source is an IPv4 address or an IPv6 /64, whatever the port or the spelling", () => {
  const cases: [string, string][] = [
    ["192.0.2.10:41641", "192.0.2.10"],
    ["192.0.2.10", "192.0.2.10"],
    ["[::ffff:192.0.2.10]:5", "192.0.2.10"],
    ["[2001:db8::1]:41641", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:5:6:7:8", "2001:db8:0:0::/64"],
    ["[2001:DB8:0:1::9]:1", "2001:db8:0:1::/64"],
    ["[fe80::1%eth0]:1", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8:0:1::/64", "2001:db8:0:1::/64"],
  ];
  for (const [address, source] of cases) assert.equal(sourceKeyOf(address), source, address);
});

Deno.test("BanTable has room for a number of bans; the oldest ends for a new one", () => {
  const table = new BanTable();
  for (let i = 0; i < 4096; i++) table.ban(0 as Instant, `10.1.${i >> 8}.${i & 255}:1`, "operator", 1000);
  const { evicted } = table.ban(0 as Instant, "192.0.2.1", "operator", 1000);
  assert.deepEqual(evicted.map((ban) => ban.source), ["10.1.0.0"]);
  assert.equal(table.size, 4096);
  assert.ok(!table.isBanned("10.1.0.0:1"));
  assert.ok(table.isBanned("192.0.2.1:77"));
});

Deno.test("BanTable lengthens a ban, never shortens it, and lifts one", () => {
  const table = new BanTable();
  table.ban(0 as Instant, "192.0.2.1", "auth_failures", 1000);
  assert.equal(table.ban(500 as Instant, "192.0.2.1:9", "operator", 100).added, null);
  assert.deepEqual(table.expire(900 as Instant), []);
  table.ban(900 as Instant, "192.0.2.1", "operator", 1000);
  assert.deepEqual(table.expire(1500 as Instant), []);
  assert.equal(table.lift("192.0.2.1:4")?.source, "192.0.2.1");
  assert.equal(table.lift("192.0.2.1"), null);
});
