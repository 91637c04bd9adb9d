/**
 * Streams over networks that are far, lossy, disorderly or for a while not there.
 */

import assert from "node:assert/strict";
import { randomBytes, seededEntropy } from "../../../src/entropy.ts";
import type { Connection } from "../../../src/session/connection.ts";
import type { Host } from "../host.ts";
import type { LinkOptions } from "../link.ts";
import { endCleanly, ETHERNET, mbps, type Outcome, outcomeOf, type Scenario, transfer } from "../scenario.ts";
import { World } from "../world.ts";

const CLIENT = "10.0.0.1";
const SERVER = "10.0.0.2";
/** 20 Mbit/s, 40 ms round trip, a buffer of one bandwidth-delay product. */
const BASE: Partial<LinkOptions> = { ...ETHERNET, latencyMs: 20, rate: mbps(20), queueBytes: 100_000 };

export const TRANSFERS: readonly Scenario[] = [
  plain("transfer", "20 Mbit/s, 40 ms", 10, {}, 5_000_000, 10_000),
  plain("long_rtt", "20 Mbit/s, 750 ms", 11, { latencyMs: 375, queueBytes: 1_875_000 }, 10_000_000, 60_000),
  plain("transfer_loss_5", "20 Mbit/s, 40 ms, 5 % loss each way", 12, { loss: 0.05 }, 2_000_000, 120_000),
  plain("transfer_loss_20", "20 Mbit/s, 40 ms, 20 % loss each way", 13, { loss: 0.2 }, 500_000, 300_000),
  plain(
    "transfer_corruption",
    "1 % of datagrams with a flipped bit",
    14,
    { corrupt: 0.01 },
    3_000_000,
    60_000,
  ),
  plain("reordering", "10 ms of jitter", 15, { jitterMs: 10 }, 3_000_000, 30_000),
  plain("duplication", "every fifth datagram twice", 16, { duplicate: 0.2 }, 3_000_000, 30_000),
  { name: "multiplexing", network: "1,000 streams of 4 KiB, 128 at once", seed: 17, run: multiplexing },
  { name: "blackhole", network: "nothing passes for 2 s", seed: 18, run: blackHole },
  { name: "key_update", network: "five key updates under load", seed: 19, run: keyUpdate },
  { name: "key_update_by_age", network: "a session of ten minutes", seed: 20, run: keyUpdateByAge },
  {
    name: "rebind_port",
    network: "the sender's port changes half way",
    seed: 21,
    run: (seed) => rebind(seed, CLIENT),
  },
  {
    name: "rebind_address",
    network: "the sender's address changes half way",
    seed: 22,
    run: (seed) => rebind(seed, "10.7.7.7"),
  },
];

function plain(
  name: string,
  network: string,
  seed: number,
  link: Partial<LinkOptions>,
  bytes: number,
  limitMs: number,
): Scenario {
  return {
    name,
    network,
    seed,
    run(seed) {
      const { world, client, server, connection } = session(seed, link);
      const outcome = transfer(client, server, connection, bytes, limitMs);
      becalm(world);
      endCleanly(world, connection, client, server);
      return outcome;
    },
  };
}

function session(seed: number, link: Partial<LinkOptions>) {
  const world = new World({ seed, link: { ...BASE, ...link } });
  const client = world.host(CLIENT);
  const server = world.host(SERVER);
  const connection = client.established(server);
  return { world, client, server, connection };
}

/** Lets the last acknowledgements through, so that ends are clean whatever the weather was. */
function becalm(world: World): void {
  for (const [from, to] of [[CLIENT, SERVER], [SERVER, CLIENT]]) {
    const link = world.link(from, to);
    link.options = { ...link.options, loss: 0, corrupt: 0, duplicate: 0 };
  }
  world.run(1_000);
}

function multiplexing(seed: number): Outcome {
  const { world, client, server, connection } = session(seed, {});
  const messages = Array.from({ length: 1_000 }, (_, i) => randomBytes(seededEntropy(seed + i), 4_096));
  const startedAt = world.now;
  client.sendMany(connection, messages);
  let most = 0;
  world.runUntil(() => {
    most = Math.max(most, server.connections[0].openStreams);
    return client.isEverythingDelivered;
  }, { limitMs: 30_000 });
  const timeMs = world.now - startedAt;
  messages.forEach((message, i) => {
    assert.deepEqual(server.received(server.connections[0], 2 * i).bytes, message);
  });
  assert.ok(most <= 128, `${most} streams at once`);
  world.run(1_000);
  assert.equal(connection.openStreams, 0);
  assert.equal(server.connections[0].openStreams, 0);
  const outcome = outcomeOf(connection, 4_096_000, timeMs, `at most ${most} streams at once`);
  endCleanly(world, connection, client, server);
  return outcome;
}

function blackHole(seed: number): Outcome {
  const { world, client, server, connection } = session(seed, {});
  const from = world.now + 500;
  for (const link of [world.link(CLIENT, SERVER), world.link(SERVER, CLIENT)]) {
    link.filter = (_bytes, now) => now >= from && now < from + 2_000;
  }
  const undisturbed = 5_000_000 / mbps(20);
  const outcome = transfer(
    client,
    server,
    connection,
    5_000_000,
    20_000,
    ({ stats }) => `${stats.persistentCongestions} persistent congestion, ${stats.probesSent} probes`,
  );
  // The outage, as long again for a backed-off probe to notice its end, and a second to get up to speed.
  assert.ok(outcome.timeMs < undisturbed + 2_000 + 2_000 + 1_000, `${outcome.timeMs} ms`);
  endCleanly(world, connection, client, server);
  return outcome;
}

function keyUpdate(seed: number): Outcome {
  const { world, client, server, connection } = session(seed, { loss: 0.01, jitterMs: 3 });
  const peer = server.connections[0];
  const data = randomBytes(seededEntropy(seed), 3_000_000);
  const startedAt = world.now;
  const stream = client.send(connection, data);
  const inbound = server.received(peer, stream.id);
  const sides: [Host, Connection][] = [[client, connection], [server, peer]];
  for (let update = 1; update <= 5; update++) {
    const [host, side] = sides[update % 2];
    side.rekey();
    host.endpoint.wake(side);
    host.turn();
    world.runUntil(() => sides.every(([, { stats }]) => stats.epoch === update), { limitMs: 2_000 });
    world.run(100);
  }
  world.runUntil(() => inbound.ended && client.isDelivered(connection, stream), { limitMs: 60_000 });
  assert.deepEqual(inbound.bytes, data);
  const outcome = outcomeOf(connection, data.length, world.now - startedAt, "epoch 5 at both ends");
  becalm(world);
  endCleanly(world, connection, client, server);
  return outcome;
}

/** Keys change by themselves every 120 s, and a session lives through it. */
function keyUpdateByAge(seed: number): Outcome {
  const { world, client, server, connection } = session(seed, {});
  const startedAt = world.now;
  connection.keepAlive(true);
  client.endpoint.wake(connection);
  client.turn();
  world.run(601_000);
  assert.equal(connection.state, "open");
  assert.equal(connection.stats.epoch, 5);
  assert.equal(server.connections[0].stats.epoch, 5);
  const outcome = transfer(client, server, connection, 100_000, 5_000);
  endCleanly(world, connection, client, server);
  return {
    ...outcome,
    bytes: 0,
    timeMs: world.now - startedAt - 30_000,
    note: "epoch 5 after 10 minutes of keepalive",
  };
}

function rebind(seed: number, newIp: string): Outcome {
  const { world, client, server, connection } = session(seed, {});
  const peer = server.connections[0];
  const data = randomBytes(seededEntropy(seed), 3_000_000);
  const startedAt = world.now;
  const stream = client.send(connection, data);
  const inbound = server.received(peer, stream.id);
  world.runUntil(() => inbound.length > data.length / 2, { limitMs: 10_000 });
  world.move(client, newIp, 50_123);
  world.runUntil(() => inbound.ended && client.isDelivered(connection, stream), { limitMs: 20_000 });
  assert.deepEqual(inbound.bytes, data);
  assert.equal(peer.remoteAddr, `${newIp}:50123`);
  const validated = server.events.some((event) =>
    event.type === "session.state" && event.what === "path_challenge" && event.detail.startsWith("validated")
  );
  assert.ok(validated, "the new address never proved itself");
  const outcome = outcomeOf(connection, data.length, world.now - startedAt, "new address proven");
  endCleanly(world, connection, client, server);
  return outcome;
}
