import { deepEqual, equal, notDeepEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { nobleSuite } from "../../../src/crypto/noble_suite.ts";
import { suites } from "../suites.ts";

const native = suites.find((suite) => suite.name === "native") ?? nobleSuite;
const ignore = native === nobleSuite;

function test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: ignore ? `${name} (skipped: there is no native suite here)` : name, ignore, fn });
}

test("Keys of the native AEAD share a context and never each other's key", () => {
  const operations = fc.array(
    fc.record({ key: fc.nat({ max: 3 }), kind: fc.constantFrom("seal", "open", "forge", "renew") }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(fc.property(operations, (steps) => {
    const fresh = (index: number) => {
      const bytes = new Uint8Array(32).fill(index + 1);
      return { ours: native.aead(bytes), model: nobleSuite.aead(bytes) };
    };
    const keys = [0, 1, 2, 3].map(fresh);
    for (const [counter, { key, kind }] of steps.entries()) {
      const { ours, model } = keys[key];
      const expected = new Uint8Array(80).fill(counter);
      model.seal(counter, expected, 0, 16, 40);
      if (kind === "renew") {
        ours.wipe();
        keys[key] = fresh(key);
      } else if (kind === "seal") {
        const slab = new Uint8Array(80).fill(counter);
        ours.seal(counter, slab, 0, 16, 40);
        deepEqual(slab, expected);
      } else {
        if (kind === "forge") expected[20] ^= 1;
        equal(ours.open(counter, expected, 0, 16, 56), kind === "forge" ? -1 : 40);
      }
    }
    for (const { ours } of keys) ours.wipe();
  }));
});

test("A native key that was wiped is out of the context: the next key starts clean", () => {
  const [first, second] = [native.aead(new Uint8Array(32).fill(1)), native.aead(new Uint8Array(32).fill(2))];
  const slab = new Uint8Array(64);
  first.seal(0, slab, 0, 0, 32);
  first.wipe();
  const [ours, expected] = [new Uint8Array(64), new Uint8Array(64)];
  second.seal(0, ours, 0, 0, 32);
  nobleSuite.aead(new Uint8Array(32).fill(2)).seal(0, expected, 0, 0, 32);
  deepEqual(ours, expected);
  notDeepEqual(ours, slab);
  second.wipe();
});

test("The native AEAD refuses a slab whose buffer has gone elsewhere", () => {
  const aead = native.aead(new Uint8Array(32));
  const slab = new Uint8Array(64);
  aead.seal(0, slab, 0, 16, 32);
  const moved = new Uint8Array(slab.buffer.transfer());
  throws(() => aead.seal(1, slab, 0, 16, 32), RangeError);
  throws(() => aead.open(0, slab, 0, 16, 48), RangeError);
  equal(aead.open(0, moved, 0, 16, 48), 32);
  aead.wipe();
});

test("The native AEAD follows many slabs, of all sizes, while others are collected", () => {
  const [ours, model] = [native.aead(new Uint8Array(32)), nobleSuite.aead(new Uint8Array(32))];
  let kept = new Uint8Array(0);
  for (let round = 0; round < 2_000; round++) {
    const length = [32, 48, 64, 65, 200, 4_096][round % 6];
    const [slab, expected] = [new Uint8Array(length).fill(round), new Uint8Array(length).fill(round)];
    ours.seal(round, slab, 0, 8, length - 24);
    model.seal(round, expected, 0, 8, length - 24);
    deepEqual(slab, expected);
    if (round % 100 === 0) kept = slab;
    ok(kept.length > 0);
  }
  ours.wipe();
});

test("Native keys leave nothing behind: 100,000 made and used cost no memory for good", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", import.meta.resolve("./key_memory.ts"), "100000"],
  }).output();
  equal(code, 0, new TextDecoder().decode(stderr));
  const grownBytes = Number(new TextDecoder().decode(stdout));
  ok(grownBytes < 30_000_000, `100,000 keys cost ${grownBytes} bytes: 1 KiB each would be 100 MB`);
});
