import assert from "node:assert/strict";
import fc from "fast-check";
import { randomBytes, seededEntropy } from "../../src/entropy.ts";
import type { LinkOptions } from "./link.ts";
import { endCleanly, ETHERNET, transfer } from "./scenario.ts";
import { World } from "./world.ts";

const CLIENT = "10.0.0.1";
const SERVER = "10.0.0.2";

function pair(seed: number, link: Partial<LinkOptions> = {}) {
  const world = new World({ seed, link: { ...ETHERNET, latencyMs: 20, ...link } });
  return { world, client: world.host(CLIENT), server: world.host(SERVER) };
}

function session(seed: number, link: Partial<LinkOptions> = {}) {
  const both = pair(seed, link);
  const connection = both.client.established(both.server);
  return { ...both, connection, peer: both.server.connections[0] };
}

for (const [type, name] of [[1, "Init"], [2, "Response"], [3, "Final"]] as const) {
  for (const times of [1, 2]) {
    Deno.test(`a handshake whose ${name} is lost ${times === 1 ? "once" : "twice"} completes`, () => {
      const { world, client, server } = pair(10 + type);
      let left = times;
      const link = type === 2 ? world.link(SERVER, CLIENT) : world.link(CLIENT, SERVER);
      link.filter = (bytes) => bytes[0] === type && left-- > 0;
      const connection = client.established(server, 3_000);
      transfer(client, server, connection, 10_000, 2_000);
      endCleanly(world, connection, client, server);
    });
  }
}

Deno.test("a lost tail is recovered by one probe timeout", () => {
  const { world, client, server, connection } = session(20);
  transfer(client, server, connection, 20_000, 2_000);
  world.run(500);
  const before = connection.stats.probesSent;
  let left = 1;
  world.link(CLIENT, SERVER).filter = (bytes) => bytes.length > 1_000 && left-- > 0;
  const stream = client.send(connection, new Uint8Array(1_000));
  world.runUntil(() => client.isDelivered(connection, stream), { limitMs: 500 });
  assert.ok(left <= 0, "nothing was lost");
  const probes = connection.stats.probesSent - before;
  assert.ok(probes === 1 || probes === 2, `${probes} probes; one timeout allows two`);
  endCleanly(world, connection, client, server);
});

Deno.test("lost acknowledgements cost no retransmission while later ones arrive", () => {
  const { world, client, server, connection } = session(21);
  let acks = 0;
  world.link(SERVER, CLIENT).filter = () => acks++ % 2 === 0;
  transfer(client, server, connection, 300_000, 10_000);
  const { packetsLost, packetsSent } = connection.stats;
  assert.ok(packetsLost < 0.05 * packetsSent, `${packetsLost} of ${packetsSent}`);
  world.link(SERVER, CLIENT).filter = null;
  endCleanly(world, connection, client, server);
});

Deno.test("both sides dial at once: two sessions, both of use", () => {
  const { world, client, server } = pair(22);
  client.connect(server);
  server.connect(client);
  world.runUntil(() => client.connections.length === 2 && server.connections.length === 2, {
    limitMs: 2_000,
  });
  for (const connection of client.connections) transfer(client, server, connection, 20_000, 2_000);
  client.connections[0].close(world.now, "superseded", "the other one stays");
  client.endpoint.wake(client.connections[0]);
  client.turn();
  world.run(5_000);
  assert.equal(server.endpoint.sessionCount, 1);
  endCleanly(world, client.connections[1], client, server);
});

Deno.test("both sides close at once", () => {
  const { world, client, server, connection, peer } = session(23);
  peer.close(world.now, "no_error", "me too");
  server.endpoint.wake(peer);
  server.turn();
  endCleanly(world, connection, client, server);
});

Deno.test("a lost CLOSE is repeated to a peer that goes on sending", () => {
  const { world, client, server, connection, peer } = session(24);
  server.send(peer, new Uint8Array(2_000_000));
  world.run(30);
  let lost = 0;
  world.link(CLIENT, SERVER).filter = () => lost++ < 1;
  connection.close(world.now, "no_error", "enough");
  client.endpoint.wake(connection);
  client.turn();
  world.runUntil(() => peer.state !== "open", { limitMs: 300 });
  world.run(10_000);
  assert.equal(server.endpoint.slotCount + client.endpoint.slotCount, 0);
});

Deno.test("both sides ask for new keys at once: one update, and data goes on", () => {
  const { world, client, server, connection, peer } = session(25);
  const stream = client.send(connection, new Uint8Array(500_000));
  connection.rekey();
  peer.rekey();
  client.endpoint.wake(connection);
  server.endpoint.wake(peer);
  client.turn();
  server.turn();
  world.runUntil(() => client.isDelivered(connection, stream), { limitMs: 10_000 });
  assert.deepEqual([connection.stats.epoch, peer.stats.epoch], [1, 1]);
  endCleanly(world, connection, client, server);
});

Deno.test("a stream that nobody reads stops at its window and holds up no other", () => {
  const { world, client, server, connection, peer } = session(26);
  const stuck = connection.openStream("bulk")!.id;
  server.unread.add(stuck);
  connection.write(connection.stream(stuck)!, new Uint8Array(2_000_000));
  client.endpoint.wake(connection);
  client.turn();
  for (let i = 0; i < 3; i++) transfer(client, server, connection, 400_000, 5_000);
  const held = peer.stream(stuck)!.receiving.readable;
  assert.ok(held > 0 && held <= peer.local.initialMaxStreamData, `${held} bytes held`);
  for (let read = 0; read < 2_000_000 && world.now < 60_000; read = server.received(peer, stuck).length) {
    server.readSome(peer, stuck, 20_000);
    world.run(10);
    const stream = connection.stream(stuck)!;
    if (stream.sending.end < 2_000_000) {
      connection.write(stream, new Uint8Array(2_000_000 - stream.sending.end));
      client.endpoint.wake(connection);
      client.turn();
    }
  }
  assert.equal(server.received(peer, stuck).length, 2_000_000);
  endCleanly(world, connection, client, server);
});

Deno.test("a silent session ends after the idle timeout at both ends", () => {
  const { world, client, server } = session(27);
  world.run(59_000);
  assert.equal(client.endpoint.sessionCount, 1);
  world.run(10_000);
  for (const host of [client, server]) {
    assert.equal(host.endpoint.slotCount, 0);
    assert.equal(host.nextTimeout, null);
    assert.ok(host.events.some((event) => event.type === "session.closed" && event.end === "idle"));
  }
});

Deno.test("keepalive holds a silent session, and notices a peer that is gone", () => {
  const { world, client, server, connection } = session(28);
  connection.keepAlive(true);
  client.endpoint.wake(connection);
  client.turn();
  world.run(115_000);
  assert.equal(connection.state, "open");
  world.link(CLIENT, SERVER).filter = () => true;
  world.run(80_000);
  assert.equal(client.endpoint.slotCount + server.endpoint.slotCount, 0);
});

Deno.test("every stream byte arrives once and in order under any schedule of losses", () => {
  const schedule = fc.record({
    seed: fc.nat(1_000_000),
    toServer: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
    toClient: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
    bytes: fc.constantFrom(0, 1, 1_150, 1_151, 16_384, 40_000),
    jitterMs: fc.constantFrom(0, 5, 30),
  });
  // One session serves all runs: what is under test comes after the handshake.
  const { world, client, server, connection, peer } = session(29);
  fc.assert(
    fc.property(schedule, ({ seed, toServer, toClient, bytes, jitterMs }) => {
      for (const [from, to, fates] of [[CLIENT, SERVER, toServer], [SERVER, CLIENT, toClient]] as const) {
        const link = world.link(from, to);
        link.options = { ...link.options, jitterMs };
        const left = [...fates];
        link.filter = () => left.shift() === true;
      }
      const data = randomBytes(seededEntropy(seed), bytes);
      const stream = client.send(connection, data);
      const inbound = server.received(peer, stream.id);
      world.runUntil(() => inbound.ended && client.isDelivered(connection, stream), { limitMs: 50_000 });
      assert.deepEqual(inbound.bytes, data);
      assert.ok(peer.stats.inFlightBytes >= 0 && connection.stats.inFlightBytes >= 0);
    }),
    { numRuns: 40, seed: 29 },
  );
});
