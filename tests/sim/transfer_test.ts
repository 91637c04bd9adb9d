import assert from "node:assert/strict";
import { randomBytes, seededEntropy } from "../../src/entropy.ts";
import type { LinkOptions } from "./link.ts";
import { World } from "./world.ts";

function transfer(seed: number, link: Partial<LinkOptions>, bytes: number, limitMs: number): number {
  const world = new World({ seed, link });
  const client = world.host("10.0.0.1");
  const server = world.host("10.0.0.2");
  const connection = client.established(server);
  const data = randomBytes(seededEntropy(seed), bytes);
  const startedAt = world.now;
  const stream = client.send(connection, data);
  const inbound = server.received(server.connections[0], stream.id);
  world.runUntil(() => inbound.ended && client.isDelivered(connection, stream), { limitMs });
  assert.deepEqual(inbound.bytes, data);
  return world.now - startedAt;
}

Deno.test("A stream of 1 MB arrives over a clean link", () => {
  transfer(1, { latencyMs: 10 }, 1_000_000, 5_000);
});

Deno.test("A stream of 10 MB survives 5 % loss", () => {
  transfer(2, { latencyMs: 10, loss: 0.05 }, 10_000_000, 120_000);
});

Deno.test("A stream survives reordering, duplication and corruption at once", () => {
  transfer(3, { latencyMs: 10, jitterMs: 10, duplicate: 0.1, corrupt: 0.01, loss: 0.02 }, 1_000_000, 60_000);
});
