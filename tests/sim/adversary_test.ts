import assert from "node:assert/strict";
import { randomBytes, seededEntropy, seededPrng } from "../../src/entropy.ts";
import { makeAddress } from "../../src/net/address.ts";
import { DEFAULT_ADMISSION } from "../../src/session/admission.ts";
import { checkHeader, HEADER_LENGTH, PacketType, writeHeader } from "../../src/wire/packet.ts";
import { endCleanly, ETHERNET, transfer } from "./scenario.ts";
import { World } from "./world.ts";

const CLIENT = "10.0.0.1";
const SERVER = "10.0.0.2";

function session(seed: number) {
  const world = new World({ seed, link: { ...ETHERNET, latencyMs: 10 } });
  const client = world.host(CLIENT);
  const server = world.host(SERVER);
  const connection = client.established(server);
  return { world, client, server, connection, peer: server.connections[0] };
}

Deno.test("replayed packets are counted and change nothing", () => {
  const { world, client, server, connection, peer } = session(1);
  const packets: Uint8Array[] = [];
  world.link(CLIENT, SERVER).filter = (bytes) => {
    if (bytes[0] === PacketType.Data) packets.push(bytes.slice());
    return false;
  };
  transfer(client, server, connection, 200_000, 5_000);
  world.run(1_000);
  world.link(CLIENT, SERVER).filter = null;
  const before = peer.stats;
  // From the same address and from another: a replayed packet must not move the session either.
  for (const packet of packets) world.send(client.address, server.address, packet);
  for (const packet of packets) world.send(makeAddress("203.0.113.9", 9), server.address, packet);
  world.run(1_000);
  assert.equal(server.endpoint.stats.dropped.replay, 2 * packets.length);
  assert.equal(peer.remoteAddr, client.address.text);
  assert.equal(peer.stats.packetsReceived, before.packetsReceived);
  assert.ok(server.events.some(({ type }) => type === "session.replay_burst"));
  endCleanly(world, connection, client, server);
});

Deno.test("forged, truncated and oversized packets and guessed indexes are counted drops", () => {
  const { world, client, server, connection, peer } = session(2);
  const prng = seededPrng(2);
  const { dropped } = server.endpoint.stats;
  const elsewhere = makeAddress("203.0.113.9", 9);
  const forged = (index: number, length: number) => {
    const bytes = randomBytes(seededEntropy(length), length);
    writeHeader(bytes, 0, PacketType.Data, 0, index, 1_000 + length);
    return bytes;
  };
  for (let i = 0; i < 200; i++) world.send(elsewhere, server.address, forged(peer.local.index, 33 + i));
  world.run(100);
  assert.equal(dropped.decrypt, 200);
  for (let length = 0; length <= 32; length++) {
    world.send(elsewhere, server.address, forged(peer.local.index, 64).subarray(0, length));
  }
  world.run(100);
  assert.equal(dropped.malformed, 33);
  for (let i = 0; i < 1_000; i++) {
    const index = Math.floor(prng.next() * 0xffff_ffff);
    if (index !== peer.local.index) world.send(elsewhere, server.address, forged(index, 100));
  }
  world.run(100);
  assert.equal(dropped.unknown_session, 1_000);
  world.link("203.0.113.9", SERVER).options = { ...world.link(CLIENT, SERVER).options, mtuBytes: 65_535 };
  world.send(elsewhere, server.address, forged(peer.local.index, 65_507));
  world.run(100);
  assert.equal(dropped.decrypt, 201);
  assert.equal(world.link(SERVER, "203.0.113.9").stats.sent, 0, "nothing is ever answered");
  transfer(client, server, connection, 50_000, 5_000);
  endCleanly(world, connection, client, server);
});

Deno.test("no bytes whatever make an endpoint throw", () => {
  const { world, client, server, connection, peer } = session(3);
  const prng = seededPrng(3);
  for (let i = 0; i < 5_000; i++) {
    const bytes = randomBytes(seededEntropy(i), Math.floor(prng.next() * 1_400));
    if (bytes.length >= HEADER_LENGTH && i % 2 === 0) {
      writeHeader(bytes, 0, 1 + (i >> 1) % 5, i % 3, i % 7 === 0 ? peer.local.index : i, i);
    }
    server.receive(makeAddress("203.0.113.9", 1 + (i % 60_000)), bytes);
    // Well-formed Inits cost curve operations: a few are enough here.
    if (i === 200 || i % 1_000 === 0) server.turn();
  }
  server.turn();
  world.run(15_000);
  assert.equal(server.endpoint.slotCount, 1);
  transfer(client, server, connection, 50_000, 5_000);
  endCleanly(world, connection, client, server);
});

Deno.test("100,000 Inits from spoofed addresses leave memory bounded and let others in", () => {
  const world = new World({ seed: 4, link: { ...ETHERNET, latencyMs: 20 } });
  const client = world.host(CLIENT);
  const server = world.host(SERVER);
  const entropy = seededEntropy(4);
  const init = new Uint8Array(1_200);
  writeHeader(init, 0, PacketType.Init, 1, 77, 0);
  assert.equal(checkHeader(init, 0, init.length), PacketType.Init);
  const e = init.subarray(HEADER_LENGTH, HEADER_LENGTH + 32);
  let most = 0;
  let connectedAt = -1;
  for (let i = 0; i < 100_000; i++) {
    entropy.fill(e);
    const ip = `10.${64 + (i % 19)}.${(i >> 3) & 255}.${1 + (i % 250)}`;
    server.receive(makeAddress(ip, 1_024 + (i % 60_000)), init);
    if (i === 25_000) client.connect(server);
    if (i % 50 !== 49) continue;
    server.turn();
    // 50 Inits a millisecond: two seconds of flood.
    world.run(1);
    most = Math.max(most, server.endpoint.slotCount);
    if (connectedAt < 0 && server.connections.length > 0) connectedAt = world.now;
  }
  const limit = DEFAULT_ADMISSION.maxHalfOpen;
  assert.ok(most <= limit, `${most} session indexes in use, at most ${limit}`);
  assert.ok(server.endpoint.halfOpenCount <= limit);
  assert.ok(connectedAt > 500 && connectedAt < 1_500, `connected at ${connectedAt} ms, dialed at 500 ms`);
  world.run(12_000);
  assert.equal(server.endpoint.halfOpenCount, 0);
  endCleanly(world, client.connections[0], client, server);
});

Deno.test("half-open handshakes beyond the limit push out the oldest", () => {
  const world = new World({ seed: 5, link: ETHERNET });
  const admission = { retry: "never", sourceHandshakeBurst: 100, maxHalfOpen: 8 } as const;
  const server = world.host(SERVER, { admission });
  const entropy = seededEntropy(5);
  const init = new Uint8Array(1_200);
  writeHeader(init, 0, PacketType.Init, 1, 77, 0);
  for (let i = 0; i < 20; i++) {
    entropy.fill(init.subarray(HEADER_LENGTH, HEADER_LENGTH + 32));
    server.receive(makeAddress("203.0.113.9", 1_024 + i), init);
    server.turn();
  }
  assert.equal(server.endpoint.halfOpenCount, 8);
  assert.equal(server.endpoint.stats.dropped.half_open_limit, 12);
});

Deno.test("a Response whose unauthenticated header names another index still makes a session", () => {
  const world = new World({ seed: 6, link: { ...ETHERNET, latencyMs: 10 } });
  const client = world.host(CLIENT);
  const server = world.host(SERVER);
  client.connect(server);
  world.link(SERVER, CLIENT).filter = (bytes) => {
    if (bytes[0] !== PacketType.Response) return false;
    const altered = bytes.slice();
    altered[15] ^= 1;
    client.receive(server.address, altered);
    client.turn();
    return true;
  };
  world.runUntil(() => server.connections.length === 1, { limitMs: 1_000 });
  world.link(SERVER, CLIENT).filter = null;
  assert.equal(client.failures.length, 0);
  transfer(client, server, client.connections[0], 10_000, 2_000);
  endCleanly(world, client.connections[0], client, server);
});
