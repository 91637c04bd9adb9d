/**
 * What the DHT costs: heap per contact and per stored record, CPU per lookup.
 *
 * @module
 */

import type { Instant } from "../../src/clock.ts";
import { type PeerId, peerIdOf } from "../../src/crypto/peer_id.ts";
import { type NodeId, nodeIdOf } from "../../src/dht/node_id.ts";
import { type ProviderRecord, signRecord } from "../../src/dht/record.ts";
import { RecordStore } from "../../src/dht/record_store.ts";
import { RoutingTable } from "../../src/dht/routing_table.ts";
import { seedOf, simulationSuite } from "./fast_suite.ts";
import { ask, populate } from "./measure.ts";
import { peerQuestions } from "./scenarios.ts";
import { EPOCH_MS, World } from "./world.ts";

export function* cost(seed: number): Generator<Readonly<Record<string, unknown>>> {
  yield { what: "heap per contact", seed, ...heapPerContact(seed) };
  yield { what: "heap per stored record", seed, ...heapPerRecord(seed) };
  yield { what: "CPU per lookup", seed, ...cpuPerLookup(seed) };
}

/** Contacts as a node has them: identity and address text of their own, in tables of 128. */
function heapPerContact(seed: number): Readonly<Record<string, number>> {
  const suite = simulationSuite();
  const tables: RoutingTable[] = [];
  let contacts = 0;
  const bytes = heapGrowth(() => {
    for (let t = 0; t < 200; t++) {
      const self = seedOf(seed, 1_000_000 + t);
      const limits = { contacts: 20, replacements: 8, perNetwork: 2 };
      const table = new RoutingTable(nodeIdOf(suite, peerIdOf(self)), limits, 0 as Instant);
      for (let i = 0; table.size < 128; i++) {
        // Any 32 bytes do for a key that is never used.
        const peerId = flat(peerIdOf(seedOf(seed + t, i))) as PeerId;
        const id = flat(nodeIdOf(suite, peerId)) as NodeId;
        table.seen(i as Instant, id, peerId, flat(`${20 + t % 50}.${i >> 8}.${i & 255}.7:41641`));
      }
      tables.push(table);
      contacts += table.size;
    }
  });
  return { contacts: tables.length > 0 ? contacts : 0, bytesPerContact: bytes / contacts };
}

function heapPerRecord(seed: number): Readonly<Record<string, number>> {
  const suite = simulationSuite();
  const self = nodeIdOf(suite, peerIdOf(seedOf(seed, 0)));
  const wide = { records: 1e6, bytes: 1e9, perPeer: 1e6, perNetwork: 1e6, perKey: 100 };
  const store = new RecordStore(self, wide);
  const count = 5000;
  let signedBytes = 0;
  const bytes = heapGrowth(() => {
    for (let i = 0; i < count; i++) {
      const secret = seedOf(seed, i);
      const subject = flat(peerIdOf(suite.ed25519PublicKey(secret))) as PeerId;
      const record: ProviderRecord = {
        kind: "provider",
        subject,
        sequence: EPOCH_MS,
        expiresAtS: EPOCH_MS / 1000 + 86_400,
        addresses: ["192.0.2.10:41641"],
        root: flat(nodeIdOf(suite, subject)) as NodeId,
      };
      const signed = signRecord(suite, secret, record);
      signedBytes += signed.bytes.length;
      store.put(signed, { peerId: subject, address: "10.0.0.1:1" });
    }
  });
  return { records: store.count, bytesPerRecord: bytes / count, wireBytesPerRecord: signedBytes / count };
}

/** What a lookup costs its asker, and all nodes together, with every hash and signature computed. */
function cpuPerLookup(seed: number): Readonly<Record<string, number>> {
  const world = new World({ seed, remembersPoints: false });
  populate(world, 200);
  for (const node of world.nodes) node.isMetered = true;
  const questions = peerQuestions(world, 1000);
  const byIndex = (index: number) => world.nodes[index].cpuMs;
  const before = world.nodes.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  const asker = world.nodes[0];
  const outcomes = ask(world, questions.map((question) => ({ ...question, asker })), 50);
  const all = world.nodes.reduce((sum, { cpuMs }) => sum + cpuMs, 0) - before;
  return {
    nodes: world.nodes.length,
    lookups: outcomes.length,
    askerMsPerLookup: byIndex(0) / outcomes.length,
    allNodesMsPerLookup: all / outcomes.length,
  };
}

/** Copies a string out of the pieces it was joined from, as text that came off the wire would be. */
function flat(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** Heap that `allocate` left in use. Needs `--expose-gc`. */
function heapGrowth(allocate: () => void): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) {
    throw new Error("Measuring heap needs --v8-flags=--expose-gc: run it as deno task sim:dht");
  }
  const settled = () => {
    // The buffers of arrays that one collection finds dead are let go of by the next.
    gc();
    gc();
    return heapBytes();
  };
  const before = settled();
  allocate();
  return settled() - before;
}

/** Array buffers live outside the heap. */
function heapBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
