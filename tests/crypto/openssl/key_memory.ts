/**
 * Makes and uses many native AEAD keys, and prints by how many bytes the process has grown. A process of its
 * own: resident memory is the whole process's, other tests' too.
 *
 * @module
 */

import { loadNativeSuite } from "../../../src/crypto/native_suite.ts";

const { suite } = loadNativeSuite();
const slab = new Uint8Array(256);
const bytes = new Uint8Array(32);

function makeAndUse(count: number): void {
  for (let i = 0; i < count; i++) {
    bytes[i & 31]++;
    const aead = suite.aead(bytes);
    aead.seal(i, slab, 0, 16, 200);
    // Every second one is left to the collector, as a careless caller would.
    if (i % 2 === 0) aead.wipe();
  }
}

makeAndUse(20_000); // the heap's own growth
const before = Deno.memoryUsage().rss;
makeAndUse(Number(Deno.args[0]));
Deno.stdout.writeSync(new TextEncoder().encode(`${Deno.memoryUsage().rss - before}\n`));
