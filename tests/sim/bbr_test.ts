import assert from "node:assert/strict";
import { seededPrng } from "../../src/entropy.ts";
import { congestionNamed } from "../../src/session/congestion_choice.ts";
import type { LinkOptions } from "./link.ts";
import { World } from "./world.ts";

/** 10 Mbit/s in bytes per millisecond. */
const RATE = 1_250;

interface Outcome {
  /** Share of the link's rate that reached the application, 0 to 1. */
  readonly goodput: number;
  readonly meanQueueingMs: number;
}

function run(controller: "cubic" | "bbr", link: Partial<LinkOptions>, bytes: number): Outcome {
  const world = new World({ seed: 5, link: { rate: RATE, mtuBytes: 1_472, ...link } });
  const settings = { congestion: congestionNamed(controller, seededPrng(1)) };
  const client = world.host("10.0.0.1", { settings });
  const server = world.host("10.0.0.2", { settings });
  const connection = client.established(server);
  const startedAt = world.now;
  const stream = client.send(connection, new Uint8Array(bytes));
  const inbound = server.received(server.connections[0], stream.id);
  world.runUntil(() => inbound.ended, { limitMs: 600_000 });
  const { queueingMs, sent } = world.link("10.0.0.1", "10.0.0.2").stats;
  return { goodput: bytes / (world.now - startedAt) / RATE, meanQueueingMs: queueingMs / sent };
}

Deno.test("BBR keeps a lossy long path busy where CUBIC backs off", () => {
  const link = { latencyMs: 50, queueBytes: 125_000, loss: 0.02 };
  const bbr = run("bbr", link, 5_000_000);
  const cubic = run("cubic", link, 2_000_000);
  assert.ok(bbr.goodput > 0.75, `BBR reached ${bbr.goodput}`);
  assert.ok(bbr.goodput > 4 * cubic.goodput, `BBR ${bbr.goodput}, CUBIC ${cubic.goodput}`);
});

Deno.test("BBR fills a path without filling its deep buffer", () => {
  const link = { latencyMs: 15, queueBytes: 600_000 };
  const bbr = run("bbr", link, 5_000_000);
  const cubic = run("cubic", link, 5_000_000);
  assert.ok(bbr.goodput > 0.9, `BBR reached ${bbr.goodput}`);
  assert.ok(
    bbr.meanQueueingMs < cubic.meanQueueingMs / 4,
    `BBR ${bbr.meanQueueingMs}, CUBIC ${cubic.meanQueueingMs}`,
  );
});
