import assert from "node:assert/strict";
import { randomBytes, seededEntropy, seededPrng } from "../../src/entropy.ts";
import type { Connection } from "../../src/session/connection.ts";
import { PacketType } from "../../src/wire/packet.ts";
import type { Host } from "./host.ts";
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

function becalm(world: World): void {
  for (const [from, to] of [[CLIENT, SERVER], [SERVER, CLIENT]]) {
    const link = world.link(from, to);
    link.options = { ...link.options, loss: 0, duplicate: 0, jitterMs: 0 };
  }
}

function command(host: Host, connection: Connection, act: () => void): void {
  act();
  host.endpoint.wake(connection);
  host.turn();
}

for (let seed = 1; seed <= 6; seed++) {
  Deno.test(`both sides change keys at random moments under loss, jitter and duplication (seed ${seed})`, () => {
    const rough = { loss: 0.05, duplicate: 0.05, jitterMs: 30, rate: 1_250, queueBytes: 50_000 };
    const { world, client, server, connection, peer } = session(seed, rough);
    const prng = seededPrng(seed);
    const data = randomBytes(seededEntropy(seed), 600_000);
    const up = client.send(connection, data);
    const down = server.send(peer, data);
    for (let i = 0; i < 60; i++) {
      world.run(10 + 90 * prng.next());
      if (prng.next() < 0.7) command(client, connection, () => connection.rekey());
      if (prng.next() < 0.7) command(server, peer, () => peer.rekey());
    }
    becalm(world);
    world.runUntil(() => client.isDelivered(connection, up) && server.isDelivered(peer, down), {
      limitMs: 60_000,
    });
    world.run(1_000);
    assert.deepEqual(server.received(peer, up.id).bytes, data);
    assert.deepEqual(client.received(connection, down.id).bytes, data);
    assert.equal(connection.stats.epoch, peer.stats.epoch);
    // Mod 4 the epochs have come round twice.
    assert.ok(connection.stats.epoch >= 8, `epoch ${connection.stats.epoch}`);
    const { decrypt, epoch } = server.endpoint.stats.dropped;
    assert.equal(decrypt, 0, "no genuine packet was tried with the wrong key");
    assert.ok(epoch < 50, `${epoch} packets came too late for their key`);
    endCleanly(world, connection, client, server);
  });
}

Deno.test("Data that overtakes a lost Final waits, within bounds, and none of it is lost for good", () => {
  const { world, client, server } = pair(20);
  let lost = 0;
  world.link(CLIENT, SERVER).filter = (bytes) => bytes[0] === PacketType.Final && lost++ < 3;
  client.connect(server);
  world.runUntil(() => client.connections.length === 1, { limitMs: 1_000 });
  const [connection] = client.connections;
  const data = randomBytes(seededEntropy(20), 300_000);
  const stream = client.send(connection, data);
  world.runUntil(() => client.isDelivered(connection, stream), { limitMs: 10_000 });
  assert.ok(lost >= 3);
  assert.deepEqual(server.received(server.connections[0], stream.id).bytes, data);
  endCleanly(world, connection, client, server);
});

Deno.test("a session closed before its Final arrived ends at both sides", () => {
  const { world, client, server } = pair(21);
  let lost = 0;
  world.link(CLIENT, SERVER).filter = (bytes) => bytes[0] === PacketType.Final && lost++ < 1;
  client.connect(server);
  world.runUntil(() => client.connections.length === 1, { limitMs: 1_000 });
  const [connection] = client.connections;
  command(client, connection, () => connection.close(world.now, "no_error", "changed my mind"));
  world.run(15_000);
  assert.equal(client.endpoint.slotCount + server.endpoint.slotCount, 0);
  assert.equal(server.endpoint.halfOpenCount, 0);
});

Deno.test("a dial that is given up leaves nothing at either side", () => {
  const { world, client, server } = pair(22);
  const handshakeId = client.connect(server);
  world.run(25);
  client.endpoint.abandon(handshakeId);
  client.turn();
  assert.equal(client.endpoint.slotCount, 0);
  world.run(15_000);
  assert.equal(server.endpoint.slotCount, 0);
  assert.equal(server.nextTimeout, null);
});

Deno.test("a replayed Init makes no session and disturbs none", () => {
  const { world, client, server } = pair(23);
  const inits: Uint8Array[] = [];
  world.link(CLIENT, SERVER).filter = (bytes) => {
    if (bytes[0] === PacketType.Init) inits.push(bytes.slice());
    return false;
  };
  const connection = client.established(server);
  for (let i = 0; i < 5; i++) {
    world.send(client.address, server.address, inits[0]);
    world.run(50);
  }
  assert.ok(server.endpoint.halfOpenCount <= 1);
  world.run(12_000);
  assert.equal(server.endpoint.slotCount, 1);
  assert.equal(server.endpoint.sessionCount, 1);
  transfer(client, server, connection, 20_000, 5_000);
  endCleanly(world, connection, client, server);
});

Deno.test("a second Response, other than the first, changes nothing in a session that is up", () => {
  const { world, client, server } = pair(24);
  const responses: Uint8Array[] = [];
  world.link(SERVER, CLIENT).filter = (bytes) => {
    if (bytes[0] === PacketType.Response) responses.push(bytes.slice());
    return false;
  };
  const connection = client.established(server);
  const before = client.endpoint.stats.dropped.handshake;
  for (const at of [20, 60, responses[0].length - 1]) {
    const other = responses[0].slice();
    other[at] ^= 0x10;
    world.send(server.address, client.address, other);
  }
  world.send(server.address, client.address, responses[0]);
  world.run(100);
  assert.equal(client.endpoint.stats.dropped.handshake, before + 4);
  transfer(client, server, connection, 20_000, 5_000);
  endCleanly(world, connection, client, server);
});

Deno.test("a forged Response that comes first does not keep the genuine one out", () => {
  const { world, client, server } = pair(25);
  world.link(SERVER, CLIENT).filter = (bytes) => {
    if (bytes[0] !== PacketType.Response) return false;
    const forged = bytes.slice();
    forged[200] ^= 1;
    client.receive(server.address, forged);
    return false;
  };
  const connection = client.established(server, 1_000);
  assert.equal(client.failures.length, 0);
  endCleanly(world, connection, client, server);
});

Deno.test("an address changes in the middle of a key update", () => {
  const { world, client, server, connection, peer } = session(26, { rate: 1_250, queueBytes: 50_000 });
  const data = randomBytes(seededEntropy(26), 1_000_000);
  const stream = client.send(connection, data);
  for (let i = 0; i < 4; i++) {
    world.run(120);
    command(server, peer, () => peer.rekey());
    command(client, connection, () => connection.rekey());
    world.run(15);
    world.move(client, `10.0.${i + 1}.1`, 40_000 + i);
  }
  world.runUntil(() => client.isDelivered(connection, stream), { limitMs: 30_000 });
  assert.deepEqual(server.received(peer, stream.id).bytes, data);
  assert.equal(peer.remoteAddr, "10.0.4.1:40003");
  assert.equal(connection.stats.epoch, peer.stats.epoch);
  assert.ok(connection.stats.epoch >= 2);
  endCleanly(world, connection, client, server);
});

Deno.test("an on-path copy from a spoofed address moves the session there for a few packets, and it comes back", () => {
  const { world, client, server, connection, peer } = session(27);
  const spoofed = { family: 4, hostname: "203.0.113.77", port: 7, text: "203.0.113.77:7" } as const;
  let copy: Uint8Array | null = null;
  world.link(CLIENT, SERVER).filter = (bytes) => {
    if (copy !== null || bytes[0] !== PacketType.Data) return false;
    copy = bytes.slice();
    // The attacker's copy is faster than the genuine packet, which never comes.
    server.receive(spoofed, bytes.slice());
    return true;
  };
  const stream = server.send(peer, new Uint8Array(200_000));
  command(client, connection, () => connection.ping());
  world.runUntil(() => server.isDelivered(peer, stream), { limitMs: 20_000 });
  const there = world.link(SERVER, spoofed.hostname).stats.bytesSent;
  assert.ok(
    copy !== null && there <= 3 * (copy as Uint8Array).length,
    `${there} bytes to the spoofed address`,
  );
  assert.equal(peer.remoteAddr, client.address.text);
  endCleanly(world, connection, client, server);
});

Deno.test("a peer whose REKEY never arrives loses the session at 180 s, at both sides, without a CLOSE", () => {
  const { world, client, server, connection, peer } = session(28);
  connection.keepAlive(true);
  peer.keepAlive(true);
  for (const [host, each] of [[client, connection], [server, peer]] as const) command(host, each, () => {});
  world.run(119_000);
  // From now on only what is too short for a REKEY (or a CLOSE with a reason) passes.
  for (const [from, to] of [[CLIENT, SERVER], [SERVER, CLIENT]]) {
    world.link(from, to).filter = (bytes) => bytes.length > 56;
  }
  world.run(70_000);
  for (const host of [client, server]) {
    const closed = host.events.filter((event) => event.type === "session.closed");
    assert.equal(closed.length, 1);
    assert.ok(
      closed[0].type === "session.closed" && closed[0].code === "key_expired" && closed[0].end === "error",
    );
    assert.equal(host.endpoint.slotCount, 0);
  }
});
