import assert from "node:assert/strict";
import fc from "fast-check";
import { FarthestFirst } from "../../src/dht/farthest_first.ts";
import { compareDistance, type NodeId } from "../../src/dht/node_id.ts";

const point = (n: number) => n.toString(16).padStart(64, "0") as NodeId;
const HERE = point(0x5a);

Deno.test("FarthestFirst has the farthest at hand, whatever comes and goes", () => {
  const operation = fc.record({ key: fc.nat(255), isDelete: fc.boolean() });
  fc.assert(fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
    const order = new FarthestFirst<{ readonly key: NodeId }>(HERE);
    const held: { readonly key: NodeId }[] = [];
    for (const { key, isDelete } of operations) {
      if (isDelete && held.length > 0) order.delete(held.splice(key % held.length, 1)[0]);
      else {
        const entry = { key: point(key) };
        held.push(entry);
        order.add(entry);
      }
      const farthest = held.toSorted((a, b) => compareDistance(HERE, b.key, a.key))[0];
      assert.equal(order.peek()?.key, farthest?.key);
      assert.ok(farthest === undefined || held.includes(order.peek()!));
    }
  }));
});
