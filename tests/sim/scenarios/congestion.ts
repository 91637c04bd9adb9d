/**
 * How much of a link a session uses, and what it leaves to others: each controller on each link.
 */

import assert from "node:assert/strict";
import { seededPrng } from "../../../src/entropy.ts";
import { congestionNamed } from "../../../src/session/congestion_choice.ts";
import type { Host } from "../host.ts";
import type { LinkOptions } from "../link.ts";
import { endCleanly, ETHERNET, mbps, type Outcome, outcomeOf, type Scenario, transfer } from "../scenario.ts";
import { World } from "../world.ts";

export type ControllerName = "cubic" | "bbr";
const CONTROLLERS: readonly ControllerName[] = ["cubic", "bbr"];
const CLIENT = "10.0.0.1";
const SERVER = "10.0.0.2";

/** 10 Mbit/s, 30 ms round trip. */
const RATE = mbps(10);
const BDP = 30 * RATE;
const ACCESS: Partial<LinkOptions> = { ...ETHERNET, latencyMs: 15, rate: RATE, queueBytes: BDP };

export const CONGESTION: readonly Scenario[] = CONTROLLERS.flatMap((controller) => [
  {
    name: `goodput_${controller}`,
    network: "10 Mbit/s, 30 ms, buffer of one BDP",
    seed: 30,
    run(seed: number): Outcome {
      const outcome = flow(seed, controller, ACCESS, 10_000_000);
      const share = outcome.bytes / outcome.timeMs / RATE;
      assert.ok(share >= 0.9, `${(100 * share).toFixed(1)} % of the link`);
      return outcome;
    },
  },
  {
    name: `bufferbloat_${controller}`,
    network: "10 Mbit/s, 30 ms, buffer of ten BDP",
    seed: 31,
    run: (seed: number) => flow(seed, controller, { ...ACCESS, queueBytes: 10 * BDP }, 10_000_000),
  },
  {
    name: `random_loss_${controller}`,
    network: "10 Mbit/s, 100 ms, 2 % random loss",
    seed: 32,
    run: (seed: number) =>
      flow(seed, controller, { ...ACCESS, latencyMs: 50, queueBytes: 100 * RATE, loss: 0.02 }, 2_000_000),
  },
  {
    name: `cross_traffic_${controller}`,
    network: "two equal flows on 10 Mbit/s, 30 ms, buffer of two BDP, 60 s",
    seed: 33,
    run: (seed: number) => crossTraffic(seed, controller),
  },
]);

function flow(seed: number, controller: ControllerName, link: Partial<LinkOptions>, bytes: number): Outcome {
  const world = new World({ seed, link });
  const settings = { congestion: congestionNamed(controller, seededPrng(seed)) };
  const client = world.host(CLIENT, { settings });
  const server = world.host(SERVER, { settings });
  const connection = client.established(server);
  const outcome = transfer(client, server, connection, bytes, 600_000);
  const { queueingMs, sent, maxQueueingMs } = world.link(CLIENT, SERVER).stats;
  for (const each of [world.link(CLIENT, SERVER), world.link(SERVER, CLIENT)]) {
    each.options = { ...each.options, loss: 0 };
  }
  world.run(1_000);
  endCleanly(world, connection, client, server);
  const share = bytes / outcome.timeMs / RATE;
  return {
    ...outcome,
    note: `${(100 * share).toFixed(1)} % of the link; queue ${(queueingMs / sent).toFixed(1)} ms mean, ` +
      `${maxQueueingMs.toFixed(1)} ms largest`,
  };
}

/** Two flows through one bottleneck, the second three seconds later; shares over the last 40 of 60 s. */
function crossTraffic(seed: number, controller: ControllerName): Outcome {
  const world = new World({ seed, link: { ...ETHERNET, latencyMs: 15 } });
  const settings = { congestion: congestionNamed(controller, seededPrng(seed)) };
  const bottleneck = world.link(CLIENT, SERVER);
  bottleneck.options = { ...bottleneck.options, rate: RATE, queueBytes: 2 * BDP };
  world.share("10.0.1.1", "10.0.1.2", bottleneck);
  const flows = [CLIENT, "10.0.1.1"].map((ip) => {
    const from = world.host(ip, { settings });
    const to = world.host(ip.replace(/1$/, "2"), { settings });
    return { from, to, connection: from.established(to) };
  });
  const data = new Uint8Array(80_000_000);
  const received = ({ to }: { to: Host }) =>
    [...to.inbox.values()].reduce((sum, { length }) => sum + length, 0);
  flows[0].from.send(flows[0].connection, data);
  world.run(3_000);
  flows[1].from.send(flows[1].connection, data);
  world.run(17_000);
  const before = flows.map(received);
  world.run(40_000);
  const bytes = flows.map((each, i) => received(each) - before[i]);
  const total = bytes[0] + bytes[1];
  const shares = bytes.map((each) => each / total);
  assert.ok(total / 40_000 / RATE > 0.9, `${total} bytes in 40 s`);
  assert.ok(shares.every((share) => share >= 0.4 && share <= 0.6), `shares ${shares}`);
  const note = `${shares.map((share) => `${(100 * share).toFixed(0)} %`).join(" to ")} of what both got`;
  return outcomeOf(flows[0].connection, total, 40_000, note);
}

/** A controller's window and rate over time: samples of a transfer over `link`, every 20 ms. */
export function trace(
  seed: number,
  controller: ControllerName,
  durationMs: number,
): { readonly timesMs: number[]; readonly windowBytes: number[]; readonly rateBytesPerMs: number[] } {
  const world = new World({ seed, link: ACCESS });
  const settings = { congestion: congestionNamed(controller, seededPrng(seed)) };
  const client = world.host(CLIENT, { settings });
  const server = world.host(SERVER, { settings });
  const connection = client.established(server);
  client.send(connection, new Uint8Array(2 * durationMs * RATE));
  const startedAt = world.now;
  const samples = { timesMs: [] as number[], windowBytes: [] as number[], rateBytesPerMs: [] as number[] };
  let before = 0;
  while (world.now - startedAt < durationMs) {
    world.run(20);
    const received = [...server.inbox.values()].reduce((sum, { length }) => sum + length, 0);
    samples.timesMs.push(world.now - startedAt);
    samples.windowBytes.push(connection.stats.windowBytes);
    samples.rateBytesPerMs.push((received - before) / 20);
    before = received;
  }
  return samples;
}
