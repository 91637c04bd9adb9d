import assert from "node:assert/strict";
import fc from "fast-check";
import { RangeSet } from "../../src/session/range_set.ts";

const range = fc.tuple(fc.nat(40), fc.nat(40)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
const operations = fc.array(fc.tuple(fc.boolean(), range), { maxLength: 40 });

Deno.test("a range set holds what a plain set holds, as sorted ranges that do not touch", () => {
  fc.assert(fc.property(operations, (list) => {
    const ranges = new RangeSet();
    const model = new Set<number>();
    for (const [add, [start, end]] of list) {
      if (add) ranges.add(start, end);
      else ranges.remove(start, end);
      for (let i = start; i < end; i++) add ? model.add(i) : model.delete(i);
      assert.equal(ranges.size, model.size);
      for (let i = 0; i <= 41; i++) assert.equal(ranges.contains(i), model.has(i), `${i}`);
      for (let i = 0; i < ranges.count; i++) {
        assert.ok(ranges.startAt(i) < ranges.endAt(i));
        if (i > 0) assert.ok(ranges.endAt(i - 1) < ranges.startAt(i));
      }
    }
    ranges.clear();
    assert.equal(ranges.count, 0);
  }));
});
