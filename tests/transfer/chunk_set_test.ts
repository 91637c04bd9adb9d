import assert from "node:assert/strict";
import fc from "fast-check";
import { ChunkSet } from "../../src/transfer/chunk_set.ts";

Deno.test("A chunk set holds what a naive set holds, and tells it in runs", () => {
  const operation = fc.tuple(fc.boolean(), fc.nat({ max: 300 }));
  fc.assert(fc.property(fc.array(operation, { maxLength: 200 }), fc.nat({ max: 400 }), (operations, end) => {
    const set = new ChunkSet();
    const naive = new Set<number>();
    for (const [isAdded, index] of operations) {
      if (isAdded) {
        set.add(index);
        naive.add(index);
      } else {
        set.delete(index);
        naive.delete(index);
      }
    }
    assert.equal(set.size, naive.size);
    for (let index = 0; index <= 300; index++) assert.equal(set.has(index), naive.has(index));
    const told = set.runs(end).flatMap(({ first, count }) =>
      Array.from({ length: count }, (_, i) => first + i)
    );
    assert.deepEqual(told, [...naive].filter((index) => index < end).sort((a, b) => a - b));
  }));
});

Deno.test("Runs are as many as asked for at most", () => {
  const set = new ChunkSet();
  for (let index = 0; index < 100; index += 2) set.add(index);
  assert.equal(set.runs(Infinity).length, 50);
  assert.deepEqual(set.runs(Infinity, 2), [{ first: 0, count: 1 }, { first: 2, count: 1 }]);
});
