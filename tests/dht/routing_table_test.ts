import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import type { BucketLimits } from "../../src/dht/bucket.ts";
import { networkOf } from "../../src/dht/endpoint_address.ts";
import { commonPrefixBits, type NodeId } from "../../src/dht/node_id.ts";
import { RoutingTable } from "../../src/dht/routing_table.ts";
import type { PeerId } from "../../src/crypto/peer_id.ts";

const SELF = "80".padEnd(64, "0") as NodeId;
const LIMITS: BucketLimits = { contacts: 4, replacements: 3, perNetwork: 2 };
const at = (ms: number) => ms as Instant;
const peer = (id: NodeId): PeerId => `ed25519:${id}`;

/** Points in a space folded to its first byte, so that buckets fill and split within few operations. */
const point = (byte: number) => byte.toString(16).padStart(2, "0").padEnd(64, "5") as NodeId;
/** Twelve networks, every third address private. */
const addressOf = (seed: number) =>
  seed % 3 === 0 ? `10.0.0.${1 + seed % 200}:1000` : `203.0.${seed % 12}.${1 + seed % 200}:1000`;

interface Entry {
  id: NodeId;
  address: string;
}

/** The table as its description reads: flat lists, filtered anew for every question. */
class NaiveTable {
  present: Entry[] = [];
  waiting: Entry[] = [];
  depth = 0;

  bucket(id: NodeId, of: Entry[] = this.present): Entry[] {
    return of.filter((entry) => this.#index(entry.id) === this.#index(id));
  }

  seen(id: NodeId, address: string): string {
    if (id === SELF) return "self";
    const known = this.present.find((entry) => entry.id === id);
    if (known) {
      if (this.#fits(this.bucket(id).filter((entry) => entry !== known), address)) known.address = address;
      this.present = [...this.present.filter((entry) => entry !== known), known];
      return "known";
    }
    while (this.#index(id) === this.depth && this.bucket(id).length === LIMITS.contacts) this.depth++;
    if (!this.#fits(this.bucket(id), address)) return "refused";
    const queued = this.waiting.find((entry) => entry.id === id);
    this.waiting = this.waiting.filter((entry) => entry !== queued);
    if (this.bucket(id).length < LIMITS.contacts) {
      this.present.push({ id, address });
      return "added";
    }
    const line = this.bucket(id, this.waiting);
    if (!this.#fits(line, address)) return "waiting";
    if (line.length === LIMITS.replacements) this.waiting = this.waiting.filter((entry) => entry !== line[0]);
    this.waiting.push({ id, address });
    return "waiting";
  }

  remove(id: NodeId): void {
    if (!this.present.some((entry) => entry.id === id)) return;
    this.present = this.present.filter((entry) => entry.id !== id);
    const line = this.bucket(id, this.waiting).reverse();
    const next = line.find((entry) => this.#fits(this.bucket(id), entry.address));
    if (next === undefined) return;
    this.waiting = this.waiting.filter((entry) => entry !== next);
    this.present.push(next);
  }

  closest(target: NodeId, count: number): NodeId[] {
    const far = (id: NodeId) => BigInt(`0x${id}`) ^ BigInt(`0x${target}`);
    return this.present.map((entry) => entry.id)
      .sort((a, b) => far(a) < far(b) ? -1 : 1).slice(0, count);
  }

  #index(id: NodeId): number {
    return Math.min(commonPrefixBits(SELF, id), this.depth);
  }

  #fits(among: Entry[], address: string): boolean {
    const network = networkOf(address);
    if (network === null) return true;
    return among.filter((entry) => networkOf(entry.address) === network).length < LIMITS.perNetwork;
  }
}

const operation = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant("seen" as const), fc.nat(255), fc.nat(60)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("remove" as const), fc.nat(255), fc.nat(0)) },
);

Deno.test("RoutingTable does what the naive table does, whatever is seen and removed", () => {
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 100, maxLength: 300 }),
      fc.nat(255),
      (operations, target) => {
        const table = new RoutingTable(SELF, LIMITS, at(0));
        const naive = new NaiveTable();
        let now = 0;
        for (const [kind, byte, seed] of operations) {
          const id = byte === 0x80 ? SELF : point(byte);
          now++;
          if (kind === "seen") {
            const outcome = table.seen(at(now), id, peer(id), addressOf(seed));
            assert.equal(outcome.kind, naive.seen(id, addressOf(seed)));
            if (outcome.kind === "waiting") assert.equal(outcome.challenge.id, naive.bucket(id)[0].id);
          } else {
            const contact = table.find(id);
            if (contact !== undefined) table.remove(contact);
            naive.remove(id);
          }
          assert.equal(table.size, naive.present.length);
          assert.ok(table.buckets.every((bucket) => bucket.contacts.length <= LIMITS.contacts));
        }
        const sorted = (entries: readonly Entry[]) =>
          entries.map((entry) => `${entry.id} ${entry.address}`).sort();
        assert.deepEqual(sorted([...table.contacts()]), sorted(naive.present));
        for (const count of [1, 4, 20]) {
          const closest = table.closest(point(target), count).map((contact) => contact.id);
          assert.deepEqual(closest, naive.closest(point(target), count));
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("RoutingTable keeps the old peers and lets a newcomer in only when one has gone", () => {
  const table = new RoutingTable(SELF, LIMITS, at(0));
  const far = [0, 1, 2, 3, 4, 5].map(point);
  for (const id of [0xc0, 0xe0, 0xf0].map(point)) table.seen(at(0), id, peer(id), "10.0.0.1:1");
  for (const id of far.slice(0, 4)) table.seen(at(1), id, peer(id), "10.0.0.1:1");
  const outcome = table.seen(at(2), far[4], peer(far[4]), "10.0.0.1:1");
  assert.ok(outcome.kind === "waiting" && outcome.challenge.id === far[0]);
  table.seen(at(3), far[5], peer(far[5]), "10.0.0.1:1");
  assert.equal(table.find(far[4]), undefined);
  const successor = table.remove(outcome.challenge);
  assert.equal(successor?.id, far[5], "the most recently heard one takes the place");
  assert.equal(table.find(far[0]), undefined);
  assert.equal(table.size, 7);
});

Deno.test("RoutingTable admits two peers of a /24 to a bucket, however many identities it has", () => {
  const table = new RoutingTable(SELF, { contacts: 20, replacements: 8, perNetwork: 2 }, at(0));
  let admitted = 0;
  for (let byte = 0; byte < 0x80; byte++) {
    const id = point(byte);
    if (table.seen(at(byte), id, peer(id), `198.51.100.${byte}:1`).kind === "added") admitted++;
  }
  assert.equal(admitted, 2);
  assert.equal(table.seen(at(999), point(0x7f), peer(point(0x7f)), "198.51.101.1:1").kind, "added");
});

Deno.test("A peer that moves cannot overfill its new network's share of the bucket", () => {
  const table = new RoutingTable(SELF, LIMITS, at(0));
  for (const [i, byte] of [1, 2, 3].entries()) {
    table.seen(at(i), point(byte), peer(point(byte)), i < 2 ? `198.51.100.${byte}:1` : "192.0.2.9:1");
  }
  table.seen(at(9), point(3), peer(point(3)), "198.51.100.3:1");
  assert.equal(table.find(point(3))?.address, "192.0.2.9:1");
});
