/**
 * What a named scenario is, and the transfer that most of them are made of.
 */

import assert from "node:assert/strict";
import { randomBytes, seededEntropy } from "../../src/entropy.ts";
import type { Connection } from "../../src/session/connection.ts";
import type { Host } from "./host.ts";
import type { LinkOptions } from "./link.ts";
import type { World } from "./world.ts";

export interface Outcome {
  /** Application bytes delivered; 0 where the scenario is about something else. */
  readonly bytes: number;
  /** Virtual time from the first byte offered to the last one acknowledged, or of the handshake. */
  readonly timeMs: number;
  /** Packets declared lost per packet sent, by the sender; null where nobody counted. */
  readonly retransmitRatio: number | null;
  /** What else there is to know, in a few words. */
  readonly note: string;
}

export interface Scenario {
  /** Words joined by underscores: what `--scenario` takes. */
  readonly name: string;
  /** What the network does, in a few words. */
  readonly network: string;
  /** The seed it is run with unless told otherwise. */
  readonly seed: number;
  /** Runs it. @throws {Error} (an assertion, or the world's own naming the seed) when it does not hold. */
  run(seed: number): Outcome;
}

/** Megabits per second as bytes per millisecond. */
export function mbps(rate: number): number {
  return rate * 125;
}

/** UDP payload of a 1500-byte link: larger datagrams vanish. */
export const ETHERNET: Partial<LinkOptions> = { mtuBytes: 1_472 };

/** Sends `bytes` random bytes from `from`, checks every one of them at `to`, and reports. */
export function transfer(
  from: Host,
  to: Host,
  connection: Connection,
  bytes: number,
  limitMs: number,
  note: (connection: Connection) => string = () => "",
): Outcome {
  const { world } = from;
  const data = randomBytes(seededEntropy(world.seed), bytes);
  const startedAt = world.now;
  const stream = from.send(connection, data);
  const inbound = to.received(peerOf(to, connection), stream.id);
  world.runUntil(() => inbound.ended && from.isDelivered(connection, stream), { limitMs });
  assert.deepEqual(inbound.bytes, data, "what arrived is not what was sent");
  return outcomeOf(connection, bytes, world.now - startedAt, note(connection));
}

export function outcomeOf(connection: Connection, bytes: number, timeMs: number, note: string): Outcome {
  const { packetsLost, packetsSent } = connection.stats;
  return { bytes, timeMs, retransmitRatio: packetsLost / packetsSent, note };
}

/** The other end of `connection`, at `host`. */
export function peerOf(host: Host, connection: Connection): Connection {
  const peer = host.connections.find(({ local }) => local.index === connection.peer.index);
  if (peer === undefined) throw new Error("The other end has no such connection");
  return peer;
}

/** Closes and lets the world run out: no timer armed, no byte in flight, no index in use. */
export function endCleanly(world: World, connection: Connection, ...hosts: readonly Host[]): void {
  connection.close(world.now, "no_error", "done");
  hosts[0].endpoint.wake(connection);
  hosts[0].turn();
  world.run(30_000);
  for (const host of hosts) {
    assert.equal(host.nextTimeout, null, `${host.address.text} has a timer armed`);
    assert.equal(host.endpoint.slotCount, 0, `${host.address.text} has a session index in use`);
    assert.equal(host.endpoint.sessionCount, 0);
  }
}
