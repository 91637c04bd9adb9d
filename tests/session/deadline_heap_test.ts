import assert from "node:assert/strict";
import fc from "fast-check";
import type { Instant } from "../../src/clock.ts";
import { DeadlineHeap } from "../../src/session/deadline_heap.ts";

Deno.test("a deadline heap always has what sorting would put first", () => {
  const operation = fc.tuple(fc.nat(15), fc.option(fc.nat(100), { nil: null }));
  fc.assert(fc.property(fc.array(operation, { maxLength: 120 }), (list) => {
    const heap = new DeadlineHeap<{ heapIndex: number; heapDeadline: number }>();
    const entries = Array.from({ length: 16 }, () => ({ heapIndex: -1, heapDeadline: 0 }));
    const model = new Map<number, number>();
    for (const [which, deadline] of list) {
      heap.update(entries[which], deadline as Instant | null);
      if (deadline === null) model.delete(which);
      else model.set(which, deadline);
      const first = model.size > 0 ? Math.min(...model.values()) : null;
      assert.equal(heap.size, model.size);
      assert.equal(heap.next, first);
      assert.equal(heap.due(-1 as Instant), null);
      if (first !== null) assert.equal(heap.due(first as Instant)?.heapDeadline, first);
    }
    const order: number[] = [];
    for (let entry = heap.due(100 as Instant); entry !== null; entry = heap.due(100 as Instant)) {
      order.push(entry.heapDeadline);
      heap.update(entry, null);
    }
    assert.deepEqual(order, [...model.values()].sort((a, b) => a - b));
    assert.ok(entries.every(({ heapIndex }) => heapIndex === -1));
  }));
});
