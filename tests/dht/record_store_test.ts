import assert from "node:assert/strict";
import fc from "fast-check";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import { compareDistance, type NodeId } from "../../src/dht/node_id.ts";
import type { SignedRecord } from "../../src/dht/record.ts";
import { type RecordLimits, type RecordSource, RecordStore } from "../../src/dht/record_store.ts";

const SELF = "0".repeat(64) as NodeId;
const WIDE: RecordLimits = { records: 1000, bytes: 1e6, perPeer: 1000, perNetwork: 1000, perKey: 64 };
const id = (n: number) => n.toString(16).padStart(2, "0").padEnd(64, "0");
const peer = (n: number) => `ed25519:${id(n)}` as PeerId;
const from = (n: number, address = `10.0.0.${n}:1`): RecordSource => ({ peerId: peer(n), address });

/** A provider record as verification would hand it over. */
function provider(
  root: number,
  subject: number,
  sequence: number,
  size = 10,
  expiresAtS = 100,
): SignedRecord {
  return {
    key: id(root) as NodeId,
    record: {
      kind: "provider",
      subject: peer(subject),
      sequence,
      expiresAtS,
      addresses: [],
      root: id(root) as NodeId,
    },
    bytes: new Uint8Array(size).fill(sequence),
  };
}

Deno.test("RecordStore lets the newest sequence win and calls the rest by name", () => {
  const store = new RecordStore(SELF, WIDE);
  assert.equal(store.put(provider(1, 1, 5), from(1)), "stored");
  assert.equal(store.put(provider(1, 1, 5), from(2)), "known");
  assert.equal(store.put(provider(1, 1, 4), from(1)), "stale");
  assert.equal(store.put({ ...provider(1, 1, 5), bytes: new Uint8Array(10) }, from(1)), "stale");
  assert.equal(store.put(provider(1, 1, 6), from(2)), "stored");
  assert.deepEqual(store.find("provider", id(1) as NodeId, 0).map((entry) => entry.sequence), [6]);
  assert.equal(store.count, 1);
  assert.deepEqual(store.find("peer", id(1) as NodeId, 0), []);
});

Deno.test("RecordStore forgets at expiry", () => {
  const store = new RecordStore(SELF, WIDE);
  store.put(provider(1, 1, 1, 10, 100), from(1));
  store.put(provider(1, 2, 1, 10, 200), from(1));
  assert.equal(store.find("provider", id(1) as NodeId, 99_999).length, 2);
  assert.equal(store.find("provider", id(1) as NodeId, 100_000).length, 1);
  assert.equal(store.sweep(100_000), 1);
  assert.equal(store.count, 1);
  assert.equal(store.sweep(200_000), 1);
  assert.equal(store.bytes, 0);
});

Deno.test("RecordStore bounds one peer, one network and one content", () => {
  const limits = { ...WIDE, perPeer: 2, perNetwork: 3, perKey: 2 };
  const store = new RecordStore(SELF, limits);
  const outcomes = [1, 2, 3].map((n) => store.put(provider(n, n, 1), from(1)));
  assert.deepEqual(outcomes, ["stored", "stored", "full"]);
  const networked = [4, 5, 6, 7].map((n) => store.put(provider(n, n, 1), from(n, `203.0.113.${n}:1`)));
  assert.deepEqual(networked, ["stored", "stored", "stored", "full"]);
  const crowded = [8, 9, 10].map((n) => store.put(provider(0x80, n, 1), from(n)));
  assert.deepEqual(crowded, ["stored", "stored", "full"]);
  // A refresh is no new record: it passes at the limit, and the share stays where it was.
  assert.equal(store.put(provider(1, 1, 2), from(99)), "stored");
  assert.equal(store.put(provider(11, 11, 1), from(99)), "stored");
});

Deno.test("RecordStore at its limit keeps what lies closest to the node", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 60 }), (roots) => {
      const store = new RecordStore(SELF, { ...WIDE, records: 10 });
      for (const root of roots) store.put(provider(root, 1, 1), from(1));
      const kept = [...store.all()].map((entry) => entry.key).sort((a, b) => compareDistance(SELF, a, b));
      const closest = [...new Set(roots)].sort((a, b) => a - b).slice(0, 10).map(id);
      assert.deepEqual(kept, closest);
    }),
  );
});

Deno.test("RecordStore's counters and limits hold under any history", () => {
  const operation = fc.record({
    root: fc.integer({ min: 1, max: 12 }),
    subject: fc.integer({ min: 1, max: 6 }),
    sequence: fc.nat(5),
    size: fc.integer({ min: 1, max: 60 }),
    source: fc.integer({ min: 1, max: 5 }),
    expiry: fc.integer({ min: 1, max: 9 }),
    sweepAt: fc.option(fc.nat(9), { freq: 8 }),
  });
  const limits: RecordLimits = { records: 15, bytes: 500, perPeer: 6, perNetwork: 9, perKey: 4 };
  fc.assert(fc.property(fc.array(operation, { minLength: 50, maxLength: 200 }), (operations) => {
    const store = new RecordStore(SELF, limits);
    for (const { root, subject, sequence, size, source, expiry, sweepAt } of operations) {
      const address = `203.0.${source % 2}.${source}:1`;
      store.put(provider(root, subject, sequence, size, expiry), from(source, address));
      if (sweepAt !== null) store.sweep(sweepAt * 1000);
      const all = [...store.all()];
      const tally = (of: (entry: typeof all[number]) => string) =>
        Math.max(0, ...Map.groupBy(all, of).values().map((group) => group.length));
      assert.equal(store.count, all.length);
      assert.equal(store.bytes, all.reduce((sum, entry) => sum + entry.bytes.length, 0));
      assert.ok(store.count <= limits.records && store.bytes <= limits.bytes);
      assert.ok(tally((entry) => entry.sourcePeer) <= limits.perPeer);
      assert.ok(tally((entry) => `${entry.sourceNetwork}`) <= limits.perNetwork);
      assert.ok(tally((entry) => entry.key) <= limits.perKey);
      assert.equal(new Set(all.map((entry) => entry.key + entry.subject)).size, all.length);
    }
  }));
});
