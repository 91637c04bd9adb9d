/**
 * Handshakes: over a good network, under loss and corruption, with a proof of address, against spoofers.
 */

import assert from "node:assert/strict";
import { makeAddress } from "../../../src/net/address.ts";
import { MIN_INIT_LENGTH } from "../../../src/wire/packet.ts";
import type { HostOptions } from "../host.ts";
import type { LinkOptions } from "../link.ts";
import { endCleanly, ETHERNET, type Outcome, type Scenario } from "../scenario.ts";
import { World } from "../world.ts";

const HANDSHAKES_PER_RUN = 60;
const CLIENT = "10.0.0.1";
const SERVER = "10.0.0.2";

export const HANDSHAKES: readonly Scenario[] = [
  {
    name: "handshake",
    network: "40 ms round trip",
    seed: 1,
    run(seed) {
      const { world, client, server } = pair(seed, { latencyMs: 20 });
      const connection = client.established(server);
      // Response, then Final: each side is up one and a half round trips after the first byte.
      assert.equal(client.connections[0].establishedAt, 40);
      assert.equal(server.connections[0].establishedAt, 60);
      endCleanly(world, connection, client, server);
      return handshakeOutcome(60, "initiator up after 1 round trip, responder after 1.5");
    },
  },
  {
    name: "retry",
    network: "40 ms round trip, proof of address always asked for",
    seed: 2,
    run(seed) {
      const { world, client, server } = pair(seed, { latencyMs: 20 }, { admission: { retry: "always" } });
      const connection = client.established(server);
      assert.equal(client.connections[0].establishedAt, 80);
      assert.ok(server.events.some(({ type }) => type === "handshake.retried"));
      assert.ok(
        !client.events.some((event) => event.type === "handshake.failed"),
        "a Retry is no failure",
      );
      endCleanly(world, connection, client, server);
      return handshakeOutcome(100, "one round trip more");
    },
  },
  {
    name: "handshake_loss",
    network: `30 % loss each way, ${HANDSHAKES_PER_RUN} handshakes`,
    seed: 100,
    run: (seed) => many(seed, { latencyMs: 20, loss: 0.3 }),
  },
  {
    name: "handshake_corruption",
    network: `30 % of datagrams with a flipped bit, ${HANDSHAKES_PER_RUN} handshakes`,
    seed: 200,
    run: (seed) => many(seed, { latencyMs: 20, corrupt: 0.3 }),
  },
  {
    name: "amplification_limit",
    network: "Inits with a spoofed source; then a session that moves to a silent address",
    seed: 3,
    run: amplification,
  },
];

function pair(seed: number, link: Partial<LinkOptions>, serverOptions: Partial<HostOptions> = {}) {
  const world = new World({ seed, link: { ...ETHERNET, ...link } });
  return { world, client: world.host(CLIENT), server: world.host(SERVER, serverOptions) };
}

function handshakeOutcome(timeMs: number, note: string): Outcome {
  return { bytes: 0, timeMs, retransmitRatio: null, note };
}

/** As many handshakes, each in a world of its own; all of them must succeed within the 10 s they have. */
function many(seed: number, link: Partial<LinkOptions>): Outcome {
  const times: number[] = [];
  for (let i = 0; i < HANDSHAKES_PER_RUN; i++) {
    const { world, client, server } = pair(seed + i, link);
    const connection = client.established(server, 11_000);
    times.push(world.now);
    world.link(CLIENT, SERVER).options = world.link(SERVER, CLIENT).options = {
      ...world.link(CLIENT, SERVER).options,
      loss: 0,
      corrupt: 0,
    };
    endCleanly(world, connection, client, server);
  }
  times.sort((a, b) => a - b);
  const median = times[times.length >> 1];
  return handshakeOutcome(
    median,
    `median; slowest of ${times.length}: ${times[times.length - 1].toFixed(0)} ms`,
  );
}

function amplification(seed: number): Outcome {
  const { world, client, server } = pair(seed, { latencyMs: 20 }, { admission: { retry: "never" } });
  const ghost = "203.0.113.7";
  // A genuine Init, taken off the wire and sent on with another source, three times over a second.
  const inits: Uint8Array[] = [];
  world.link(CLIENT, SERVER).filter = (bytes) => {
    if (bytes[0] === 1) inits.push(bytes.slice());
    return true;
  };
  client.connect(server);
  let sent = 0;
  for (let i = 0; i < 3; i++) {
    world.send(makeAddress(ghost, 5_000), server.address, inits[0]);
    sent += MIN_INIT_LENGTH;
    world.run(400);
  }
  world.run(20_000);
  const toGhost = world.link(SERVER, ghost).stats.bytesSent;
  assert.ok(toGhost > 0 && toGhost <= 3 * sent, `${toGhost} bytes to an address that sent ${sent}`);
  assert.equal(server.endpoint.slotCount, 0);

  const migration = migrateToSilence(seed);
  return handshakeOutcome(
    0,
    `handshake ${(toGhost / sent).toFixed(2)}x, migration ${migration.toFixed(2)}x of 3x`,
  );
}

/** Downloads, moves the client to an address that hears nothing, and returns bytes sent there per byte received. */
function migrateToSilence(seed: number): number {
  const { world, client, server } = pair(seed + 1, { latencyMs: 20, rate: 1_250, queueBytes: 100_000 });
  client.established(server);
  server.send(server.connections[0], new Uint8Array(3_000_000));
  world.run(500);
  const before = world.link(CLIENT, SERVER).stats.bytesSent;
  const silent = "10.9.9.9";
  world.move(client, silent, 1_111);
  const back = world.link(SERVER, CLIENT);
  world.share(SERVER, silent, blackHole(world, back.options));
  world.run(2_500);
  const received = world.link(silent, SERVER).stats.bytesSent - before;
  const answered = world.link(SERVER, silent).stats.bytesSent;
  assert.ok(answered > 0, "the server never tried the new address");
  assert.ok(answered <= 3 * received, `${answered} bytes to an address that sent ${received}`);
  return answered / received;
}

function blackHole(world: World, options: LinkOptions) {
  const link = world.link("192.0.2.254", "192.0.2.253");
  link.options = options;
  link.filter = () => true;
  return link;
}
