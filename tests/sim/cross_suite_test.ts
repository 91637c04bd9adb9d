/**
 * Bytes on the wire do not tell which cryptography made them: the same world, with every pair of suites.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { CipherSuite } from "../../src/crypto/cipher_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { randomBytes, seededEntropy } from "../../src/entropy.ts";
import { suites } from "../crypto/suites.ts";
import { World } from "./world.ts";

/**
 * A session's whole life over a link that loses, reorders and duplicates: address proof, handshake, datagram size
 * search, data both ways, unreliable messages, a change of keys, the end.
 *
 * @returns every datagram in the order in which it was sent: from where to where, and a digest of its bytes.
 */
function wireOf(initiator: CipherSuite, responder: CipherSuite, seed: number): string[] {
  const world = new World({
    seed,
    link: { latencyMs: 5, jitterMs: 3, loss: 0.02, duplicate: 0.02, rate: 12_500, mtuBytes: 1_500 },
  });
  const wire: string[] = [];
  const send = world.send.bind(world);
  world.send = (from, to, bytes) => {
    const digest = createHash("sha256").update(bytes).digest("hex");
    wire.push(`${from.text} > ${to.text} ${bytes.length} ${digest}`);
    send(from, to, bytes);
  };
  const client = world.host("10.0.0.1", { suite: initiator });
  const server = world.host("10.0.0.2", { suite: responder, admission: { retry: "always" } });
  const connection = client.established(server);
  const peer = server.connections[0];

  const upload = randomBytes(seededEntropy(seed), 600_000);
  const download = randomBytes(seededEntropy(seed + 1), 100_000);
  const up = client.send(connection, upload);
  const down = server.send(peer, download, "control");
  const arrived = () => {
    return [server.received(peer, up.id), client.received(connection, down.id)] as const;
  };
  world.run(60);
  connection.rekey();
  connection.sendDatagram(randomBytes(seededEntropy(seed + 2), 900));
  client.endpoint.wake(connection);
  client.turn();
  world.runUntil(() => arrived().every(({ ended }) => ended), { limitMs: 60_000 });
  assert.deepEqual(arrived().map(({ bytes }) => bytes), [upload, download]);
  world.runUntil(() => connection.stats.epoch === 1 && peer.stats.epoch === 1, { limitMs: 10_000 });
  connection.close(world.now, "no_error", "", "local");
  client.endpoint.wake(connection);
  client.turn();
  world.run(2_000);
  return wire;
}

for (const seed of [1, 2]) {
  const expected = wireOf(nobleSuite, nobleSuite, seed);
  for (const initiator of suites) {
    for (const responder of suites) {
      Deno.test(`${initiator.name} and ${responder.name} send what noble and noble send, seed ${seed}`, () => {
        assert.ok(expected.length > 500, "a session of some length");
        const wire = wireOf(initiator, responder, seed);
        const difference = wire.findIndex((datagram, index) => datagram !== expected[index]);
        assert.equal(
          difference,
          -1,
          `datagram ${difference}: ${wire[difference]}, not ${expected[difference]}`,
        );
        assert.equal(wire.length, expected.length);
      });
    }
  }
}
