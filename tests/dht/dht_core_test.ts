import assert from "node:assert/strict";
import { seedOf } from "../../scripts/sim_dht/fast_suite.ts";
import { EPOCH_MS, type SimNode, World } from "../../scripts/sim_dht/world.ts";
import { equalBytes } from "../../src/bytes.ts";
import type { DhtOutput } from "../../src/dht/dht_context.ts";
import { pointOf } from "../../src/dht/node_id.ts";
import { signRecord } from "../../src/dht/record.ts";
import { decodeMessage, encodeFound, encodeRequest } from "../../src/dht/rpc.ts";
import type { NodeEvent } from "../../src/observe/events.ts";

/** A network of `count` nodes that have joined through the first. */
function network(count: number, seed: number): World {
  const world = new World({ seed });
  for (let i = 0; i < count; i++) {
    const node = world.add();
    world.act(node, (core, now) => core.join(now, i === 0 ? [] : [world.nodes[0]]));
    world.run(200);
  }
  world.run(30_000);
  return world;
}

/** How many refusals the reports stand for. */
function countOf(refusals: readonly NodeEvent[]): number {
  return refusals.reduce((sum, event) => sum + (event.type === "dht.refused" ? event.count ?? 1 : 0), 0);
}

/** Runs a lookup to its end and returns what came of it. */
function lookUp(
  world: World,
  asker: SimNode,
  kind: "node" | "peer" | "providers",
  target: string,
): { finished: Extract<DhtOutput, { kind: "finished" }>; event: NodeEvent; records: DhtOutput[] } {
  let lookupId = 0;
  let finished: Extract<DhtOutput, { kind: "finished" }> | null = null;
  let event: NodeEvent | null = null;
  const records: DhtOutput[] = [];
  const stop = world.listen((node, output) => {
    if (node !== asker) return;
    if (
      output.kind === "event" && output.event.type === "dht.lookup.finished" &&
      output.event.lookupId === lookupId
    ) {
      event = output.event;
    }
    if (output.kind === "record" && output.lookupId === lookupId) records.push(output);
    if (output.kind === "finished" && output.lookupId === lookupId) finished = output;
  });
  world.act(asker, (core, now) => lookupId = core.lookup(now, kind, target as never));
  assert.ok(world.runUntil(() => finished !== null, 60_000), `seed ${world.seed}: the lookup never ended`);
  stop();
  return { finished: finished!, event: event!, records };
}

Deno.test("Nodes that join through one peer learn their address and find each other", () => {
  const world = network(40, 11);
  for (const node of world.nodes) {
    assert.equal(node.core.ownAddress, node.address);
    assert.ok(node.core.peers >= 19, `seed 11: ${node.core.peers} peers`);
  }
  for (const [from, to] of [[1, 30], [39, 0], [17, 23]]) {
    const { finished, records } = lookUp(world, world.nodes[from], "peer", world.nodes[to].core.id);
    assert.ok(finished.found);
    const record = records.at(-1);
    assert.ok(record?.kind === "record");
    assert.deepEqual(record.signed.record.addresses, [world.nodes[to].address]);
  }
});

Deno.test("A node lookup finds the closest nodes there are", () => {
  const world = network(60, 12);
  const target = pointOf(new Uint8Array(32).fill(0x5a));
  const { finished } = lookUp(world, world.nodes[7], "node", target);
  const far = (id: string) => BigInt(`0x${id}`) ^ BigInt(`0x${target}`);
  const truth = world.nodes.filter((node) => node !== world.nodes[7])
    .sort((a, b) => far(a.core.id) < far(b.core.id) ? -1 : 1).slice(0, 20).map((node) => node.peerId);
  assert.deepEqual(finished.closest.map(({ peerId }) => peerId), truth);
});

Deno.test("A node that leaves is out of the tables at once; one that dies, when it is asked", () => {
  const world = network(12, 13);
  const [leaver, victim] = [world.nodes[5], world.nodes[6]];
  const knowers = (gone: SimNode) =>
    world.nodes.filter((node) => node.core.contacts().some(({ peerId }) => peerId === gone.peerId)).length;
  assert.ok(knowers(leaver) > 5);
  world.act(leaver, (core, now) => core.leave(now));
  world.kill(leaver);
  world.run(1000);
  assert.ok(knowers(leaver) <= 2, "those it had no session with learn later");
  world.kill(victim);
  assert.ok(knowers(victim) > 5);
  world.run(3_600_000);
  assert.equal(knowers(victim), 0);
  assert.equal(knowers(leaver), 0);
});

Deno.test("A forged record is refused, reported, and costs the forger the rest of its answer", () => {
  const world = network(20, 14);
  const target = world.nodes[19];
  const forger = world.nodes[3];
  let forged = 0;
  forger.misbehave = (world, node, from, bytes) => {
    const message = decodeMessage(bytes);
    if (message.is !== "request" || message.request.kind !== "find_value") return false;
    forged++;
    const lie = new Uint8Array(200).fill(0x81);
    for (
      const answer of encodeFound({ requestId: message.requestId, isClient: false }, "find_value", [], [lie])
    ) {
      world.send(node, from, answer, false);
    }
    return true;
  };
  const refusals: NodeEvent[] = [];
  world.listen((_, output) => {
    if (output.kind === "event" && output.event.type === "dht.refused") refusals.push(output.event);
  });
  for (const asker of world.nodes.slice(4, 19)) {
    const { finished } = lookUp(world, asker, "providers", pointOf(new Uint8Array(32).fill(asker.index)));
    assert.equal(finished.found, false);
  }
  assert.ok(forged > 0);
  const blamed = refusals.filter((event) => event.type === "dht.refused" && event.peerId === forger.peerId);
  assert.equal(blamed.length, forged);
  assert.ok(blamed.every((event) => event.type === "dht.refused" && event.reason === "malformed"));
  assert.ok(lookUp(world, world.nodes[1], "peer", target.core.id).finished.found);
});

Deno.test("A STORE of a forged, stale, expired or malformed record is refused by name, and reported", () => {
  const world = network(6, 23);
  const [sender, keeper] = [world.nodes[2], world.nodes[4]];
  const refusals: Extract<NodeEvent, { type: "dht.refused" }>[] = [];
  world.listen((node, output) => {
    if (node === keeper && output.kind === "event" && output.event.type === "dht.refused") {
      refusals.push(output.event);
    }
  });
  const epochMs = EPOCH_MS + world.now;
  const record = (sequence: number, expiresAtS = Math.floor(epochMs / 1000) + 3600) =>
    signRecord(world.suite, seedOf(world.seed, sender.index), {
      kind: "provider",
      subject: sender.peerId,
      sequence,
      expiresAtS,
      addresses: [sender.address],
      root: pointOf(new Uint8Array(32).fill(0x77)),
    }).bytes;
  const forged = record(epochMs + 3);
  forged[forged.length - 1] ^= 1;
  const stored = keeper.core.storedValues;
  const attempts = [
    record(epochMs + 2),
    record(epochMs + 1),
    forged,
    record(epochMs + 4, Math.floor(epochMs / 1000) - 1),
    new Uint8Array(900).fill(0x20),
  ];
  // Straight into the core: a lost datagram must not decide the test.
  for (const [requestId, bytes] of attempts.entries()) {
    const store = encodeRequest({ requestId, isClient: false }, { kind: "store", record: bytes });
    world.act(keeper, (core, now) => core.handleDatagram(now, sender, store));
  }
  assert.deepEqual(refusals.map(({ reason }) => reason), ["stale", "bad_signature", "expired", "malformed"]);
  assert.ok(refusals.every(({ what, peerId }) => what === "record" && peerId === sender.peerId));
  assert.equal(keeper.core.storedValues, stored + 1);
});

Deno.test("A flooder is refused and reported, and does not keep others from being answered", () => {
  const world = network(8, 15);
  const [flooder, victim] = [world.nodes[2], world.nodes[4]];
  const refusals: NodeEvent[] = [];
  world.listen((node, output) => {
    if (node === victim && output.kind === "event" && output.event.type === "dht.refused") {
      refusals.push(output.event);
    }
  });
  const before = world.datagrams;
  for (let i = 0; i < 5000; i++) {
    const question = encodeRequest({ requestId: i, isClient: false }, {
      kind: "find_node",
      target: victim.core.id,
    });
    world.send(flooder, victim, question, true);
  }
  world.run(2000);
  const answered = world.datagrams - before - 5000;
  assert.ok(answered < 600, `${answered} datagrams in answer to 5000`);
  const refused = countOf(refusals);
  assert.ok(refusals.length >= 1 && refusals.length <= 4);
  // Half a per cent of the questions is lost on the way.
  assert.ok(
    refused + answered > 4900 && refused + answered <= 5000,
    `${refused} refused, ${answered} answered`,
  );
  assert.ok(lookUp(world, victim, "peer", world.nodes[7].core.id).finished.found);
});

Deno.test("An answer from somebody who was not asked is not heard", () => {
  const world = network(6, 16);
  const [asked, liar] = [world.nodes[1], world.nodes[2]];
  const unsolicited = asked.core.unsolicitedAnswers;
  for (let requestId = 0; requestId < 50; requestId++) {
    for (const bytes of encodeFound({ requestId, isClient: false }, "find_node", [liar], [])) {
      world.send(liar, asked, bytes, true);
    }
  }
  world.run(1000);
  assert.ok(asked.core.unsolicitedAnswers - unsolicited >= 45);
});

Deno.test("A flood of answers, goodbyes or garbage is charged to its sender like one of questions", () => {
  const floods: Readonly<Record<string, (requestId: number) => Uint8Array<ArrayBuffer>>> = {
    answers: (requestId) => encodeFound({ requestId, isClient: false }, "find_node", [], [])[0],
    goodbyes: (requestId) => encodeRequest({ requestId, isClient: false }, { kind: "leave" }),
    garbage: () => Uint8Array.of(1, 0x7f),
  };
  for (const [what, message] of Object.entries(floods)) {
    const world = network(8, 21);
    const [flooder, victim] = [world.nodes[2], world.nodes[4]];
    const refusals: Extract<NodeEvent, { type: "dht.refused" }>[] = [];
    world.listen((node, output) => {
      if (node === victim && output.kind === "event" && output.event.type === "dht.refused") {
        refusals.push(output.event);
      }
    });
    for (let i = 0; i < 3000; i++) world.send(flooder, victim, message(i), true);
    world.run(3000);
    const limited = refusals.filter(({ reason }) => reason === "rate_limited");
    assert.ok(limited.length <= 3 && limited.every(({ peerId }) => peerId === flooder.peerId), what);
    // All but a burst of four seconds' worth, and what was lost.
    assert.ok(countOf(limited) > 2700 && countOf(limited) <= 2800, `${what}: ${countOf(limited)}`);
  }
});

Deno.test("A node that had to learn its address publishes again within ten minutes, then hourly", () => {
  const world = network(10, 22);
  const published: number[] = [];
  world.listen((node, output) => {
    if (node === world.nodes[9] && output.kind === "published" && output.stored > 0) {
      published.push(world.now);
    }
  });
  world.run(3 * 3_600_000);
  const gaps = published.slice(1).map((at, i) => (at - published[i]) / 60_000);
  assert.ok(published[0] < 11 * 60_000, `first at ${published[0]} ms`);
  assert.ok(gaps.length >= 2 && gaps.every((minutes) => minutes > 53 && minutes < 61), gaps.join());
});

Deno.test("A record is renewed every hour, and gone a day after its subject", () => {
  const world = network(10, 17);
  const subject = world.nodes[9];
  const keeper = world.nodes[0];
  const sequenceAtKeeper = () => {
    const { records } = lookUp(world, keeper, "peer", subject.core.id);
    const last = records.at(-1);
    return last?.kind === "record" ? last.signed.record.sequence : null;
  };
  const first = sequenceAtKeeper();
  world.run(65 * 60_000);
  const second = sequenceAtKeeper();
  assert.ok(first !== null && second !== null && second > first);
  world.kill(subject);
  world.run(23 * 3_600_000);
  assert.equal(sequenceAtKeeper() !== null, true);
  world.run(2 * 3_600_000);
  assert.equal(sequenceAtKeeper(), null);
});

Deno.test("Two halves of a network find each other after a partition", () => {
  const world = network(30, 18);
  world.partition = (node) => node.index % 2;
  world.run(3 * 3_600_000);
  const across = (node: SimNode) =>
    node.core.contacts().filter(({ peerId }) =>
      world.nodes.find((other) => other.peerId === peerId)!.index % 2 !== node.index % 2
    ).length;
  assert.ok(world.nodes.reduce((sum, node) => sum + across(node), 0) < 30, "the other half is given up");
  world.partition = null;
  world.run(2 * 3_600_000);
  assert.ok(world.nodes.every((node) => across(node) > 3), "seed 18");
  assert.ok(lookUp(world, world.nodes[0], "peer", world.nodes[29].core.id).finished.found);
});

Deno.test("The same seed gives the same history", () => {
  const [a, b] = [network(15, 19), network(15, 19)];
  assert.equal(a.datagrams, b.datagrams);
  assert.equal(a.datagramBytes, b.datagramBytes);
  assert.ok(equalBytes(
    new TextEncoder().encode(
      a.nodes.map((node) => node.core.contacts().map(({ peerId }) => peerId).join()).join(),
    ),
    new TextEncoder().encode(
      b.nodes.map((node) => node.core.contacts().map(({ peerId }) => peerId).join()).join(),
    ),
  ));
});
