/**
 * What is shown of the DHT, each as one function of a seed.
 *
 * @module
 */

import { concatBytes } from "../../src/bytes.ts";
import { peerIdOf } from "../../src/crypto/peer_id.ts";
import { compareDistance, type NodeId, nodeIdOf, pointOf } from "../../src/dht/node_id.ts";
import { decodeMessage, encodeAnswer, encodeFound } from "../../src/dht/rpc.ts";
import { seedOf } from "./fast_suite.ts";
import { ask, pick, pickSome, populate, type Question, summarize, type Summary } from "./measure.ts";
import { type Misbehave, type SimNode, World } from "./world.ts";

export interface GrowthResult extends Summary {
  readonly seed: number;
  readonly nodes: number;
  readonly meanContacts: number;
  readonly recordsPerNode: number;
  /** Share of lookups whose path widened or not is in rpcs; this is the traffic of an idle node. */
  readonly idleBytesPerNodePerSecond: number;
  readonly wallSeconds: number;
}

/** Peers looked up by id in a healthy network of `nodes`. */
export function growth(seed: number, nodes: number, lookups: number): GrowthResult {
  const startedAt = performance.now();
  const world = new World({ seed });
  populate(world, nodes);
  const idleFrom = { bytes: world.datagramBytes, now: world.now };
  world.run(60_000);
  const idleBytes = world.datagramBytes - idleFrom.bytes;
  const outcomes = ask(world, peerQuestions(world, lookups), 50);
  return {
    seed,
    nodes,
    ...summarize(outcomes),
    meanContacts: mean(world.nodes.map(({ core }) => core.peers)),
    recordsPerNode: mean(world.nodes.map(({ core }) => core.storedValues)),
    idleBytesPerNodePerSecond: idleBytes / nodes / 60,
    wallSeconds: (performance.now() - startedAt) / 1000,
  };
}

export interface ChurnResult extends Summary {
  readonly seed: number;
  readonly nodes: number;
  readonly hours: number;
  readonly replaced: number;
}

/** Half of the nodes replaced each hour; values are looked up whose publishers live on. */
export function churn(seed: number, nodes: number, hours: number, values: number): ChurnResult {
  const world = new World({ seed });
  populate(world, nodes);
  const publishers = world.nodes.slice(0, values);
  const roots = publishers.map(({ index }) => rootOf(seed, index));
  for (const [i, publisher] of publishers.entries()) {
    world.act(publisher, (core, now) => core.announce(now, roots[i]));
  }
  world.run(60_000);
  let replaced = 0;
  const perHour = nodes / 2;
  const replaceOne = () => {
    const victim = pick(world, world.nodes.slice(values));
    world.kill(victim);
    const newcomer = world.add();
    const via = pick(world, world.nodes.slice(0, -1));
    world.act(newcomer, (core, now) => core.join(now, [via]));
    replaced++;
  };
  const outcomes = [];
  for (let hour = 0; hour < hours; hour++) {
    for (let i = 0; i < perHour; i++) {
      replaceOne();
      world.run(3_600_000 / perHour);
      // Some questions after each replacement: all of the hour is covered alike.
      const questions = Array.from({ length: QUESTIONS_A_REPLACEMENT }, (): Question => {
        const asker = pick(world, world.nodes);
        return { asker, kind: "providers", target: pick(world, roots), options: { wanted: 1 } };
      });
      outcomes.push(...ask(world, questions, 0));
    }
  }
  return { seed, nodes, hours, replaced, ...summarize(outcomes) };
}

export interface AttackResult extends Summary {
  readonly seed: number;
  readonly nodes: number;
  readonly maliciousShare: number;
  readonly paths: number;
  /** Random peers through which every node entered. */
  readonly entrances: number;
  /** Honest nodes that know no honest other. */
  readonly captured: number;
}

/**
 * A share of all nodes works together: they acknowledge stores and drop them, answer every question with the closest
 * of their own kind, and every third search for values with a forged record.
 */
export function attack(
  seed: number,
  nodes: number,
  shape: {
    readonly maliciousShare: number;
    readonly paths: number;
    readonly entrances: number;
    readonly lookups: number;
  },
): AttackResult {
  const { maliciousShare, paths, entrances, lookups } = shape;
  const world = new World({ seed, settings: { paths } });
  const liars: SimNode[] = [];
  const misbehave = conspiracy(liars);
  for (let i = 0; i < nodes; i++) {
    // Bootstrap peers are hostile as often as any: with one, a fifth of all would enter a world of liars only.
    const via = pickSome(world, world.nodes, entrances);
    const node = world.add();
    if (i > 0 && world.prng.next() < maliciousShare) {
      liars.push(node);
      node.misbehave = misbehave;
    }
    world.act(node, (core, now) => core.join(now, via));
    world.run(50);
  }
  world.run(15 * 60_000);
  const honest = world.nodes.filter((node) => node.misbehave === null);
  const questions = Array.from({ length: lookups }, (): Question => {
    const asker = pick(world, honest);
    const wanted = pick(world, honest.filter((node) => node !== asker));
    return { asker, kind: "peer", target: wanted.core.id };
  });
  const liarIds = new Set(liars.map(({ peerId }) => peerId));
  const captured = honest.filter(({ core }) => core.contacts().every(({ peerId }) => liarIds.has(peerId)));
  return {
    seed,
    nodes,
    maliciousShare,
    paths,
    entrances,
    captured: captured.length,
    ...summarize(ask(world, questions, 50)),
  };
}

export interface EclipseResult {
  readonly seed: number;
  readonly nodes: number;
  /** Identities that the attacker ground until they lay closer to the victim than any honest node. */
  readonly attackers: number;
  /** Of the victim's contacts, the share that is the attacker's. */
  readonly shareOfTable: number;
  /** Of the 20 closest contacts to the victim's own point, as honest nodes find them. */
  readonly shareOfNeighbourhood: number;
  readonly lookupsOfVictim: Summary;
  readonly lookupsByVictim: Summary;
}

/** All of the attacker's hosts are in one /24, and all of them lie around one victim. */
export function eclipse(seed: number, nodes: number, attackers: number, lookups: number): EclipseResult {
  const world = new World({ seed });
  populate(world, nodes);
  const victim = world.nodes[1];
  const liars: SimNode[] = [];
  const misbehave = conspiracy(liars);
  let ground = 1_000_000;
  for (let i = 0; i < attackers; i++) {
    const secret = grind(world, victim.core.id, GRIND_BITS, () => ground++);
    const liar = world.add(`198.51.100.${1 + i % 250}:${41_641 + Math.floor(i / 250)}`, secret);
    liar.misbehave = misbehave;
    liars.push(liar);
    world.act(liar, (core, now) => core.join(now, [victim, pick(world, world.nodes.slice(0, nodes))]));
    world.run(500);
  }
  world.run(2 * 3_600_000);
  const honest = world.nodes.slice(0, nodes).filter((node) => node !== victim);
  const isLiar = (peerId: string) => liars.some((liar) => liar.peerId === peerId);
  const table = victim.core.contacts();
  const closest = honest[0].core.closest(victim.core.id, 20);
  const ofVictim = Array.from({ length: lookups }, (): Question => ({
    asker: pick(world, honest),
    kind: "peer",
    target: victim.core.id,
  }));
  const byVictim = Array.from({ length: lookups }, (): Question => ({
    asker: victim,
    kind: "peer",
    target: pick(world, honest).core.id,
  }));
  return {
    seed,
    nodes,
    attackers,
    shareOfTable: table.filter(({ peerId }) => isLiar(peerId)).length / table.length,
    shareOfNeighbourhood: closest.filter(({ peerId }) => isLiar(peerId)).length / closest.length,
    lookupsOfVictim: summarize(ask(world, ofVictim, 50)),
    lookupsByVictim: summarize(ask(world, byVictim, 50)),
  };
}

export interface PartitionResult {
  readonly seed: number;
  readonly nodes: number;
  readonly partitionHours: number;
  /** Lookups within one side while cut. */
  readonly within: Summary;
  /** Minutes after the cut healed, and the share of lookups across it that succeeded then. */
  readonly across: readonly { readonly minutes: number; readonly successShare: number }[];
}

/** The network falls into two halves for a while. */
export function partition(
  seed: number,
  nodes: number,
  partitionHours: number,
  lookups: number,
): PartitionResult {
  const world = new World({ seed });
  populate(world, nodes);
  world.partition = (node) => node.index % 2;
  world.run(partitionHours * 3_600_000);
  const sides = [0, 1].map((side) => world.nodes.filter((node) => node.index % 2 === side));
  const question = (from: readonly SimNode[], to: readonly SimNode[]): Question => ({
    asker: pick(world, from),
    kind: "peer",
    target: pick(world, to).core.id,
  });
  const some = (make: (i: number) => Question) => Array.from({ length: lookups }, (_, i) => make(i));
  const within = summarize(ask(world, some((i) => question(sides[i % 2], sides[i % 2])), 50));
  world.partition = null;
  const healedAt = world.now;
  const across = [];
  for (const minutes of [1, 10, 30, 60, 90, 120]) {
    world.run(healedAt + minutes * 60_000 - world.now);
    const { successShare } = summarize(ask(world, some((i) => question(sides[i % 2], sides[1 - i % 2])), 0));
    across.push({ minutes, successShare });
  }
  return { seed, nodes, partitionHours, within, across };
}

/** Searches for random peers by random others. */
export function peerQuestions(world: World, count: number): Question[] {
  return Array.from({ length: count }, () => {
    const asker = pick(world, world.nodes);
    const wanted = pick(world, world.nodes.filter((node) => node !== asker));
    return { asker, kind: "peer", target: wanted.core.id };
  });
}

/** How hostile nodes answer. They are asked for what they know, and know only each other. */
function conspiracy(liars: readonly SimNode[]): Misbehave {
  let asked = 0;
  return (world, node, from, bytes) => {
    const message = decodeMessage(bytes);
    if (message.is === "answer" || message.request.kind === "ping" || message.request.kind === "leave") {
      return false;
    }
    const { requestId, request } = message;
    const head = { requestId, isClient: false };
    if (request.kind === "store") {
      world.send(node, from, encodeAnswer(head, { kind: "store", status: "stored" }), false);
      return true;
    }
    const accomplices = liars.filter((liar) => liar !== node)
      .sort((a, b) => compareDistance(request.target, a.core.id, b.core.id)).slice(0, 20);
    const forged = request.kind === "find_value" && asked++ % 3 === 0 ? [FORGED] : [];
    for (const answer of encodeFound(head, request.kind, accomplices, forged)) {
      world.send(node, from, answer, false);
    }
    return true;
  };
}

/** Tries secrets until one's point shares `bits` bits with `near`. */
function grind(world: World, near: NodeId, bits: number, next: () => number): Uint8Array {
  const digits = bits / 4;
  for (;;) {
    const secret = seedOf(world.seed, next());
    const id = nodeIdOf(world.suite, peerIdOf(world.suite.ed25519PublicKey(secret)));
    if (id.slice(0, digits) === near.slice(0, digits)) return secret;
  }
}

function rootOf(seed: number, index: number): NodeId {
  return pointOf(seedOf(seed + 1, index));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const QUESTIONS_A_REPLACEMENT = 4;
/** Well-formed enough to reach the signature check of a careless implementation. */
const FORGED = concatBytes(
  Uint8Array.of(0x82, 0x58, 0x20),
  new Uint8Array(32),
  Uint8Array.of(0x58, 0x40),
  new Uint8Array(64),
);
/** Twelve bits: closer than all but one in 4096, that is closer than any other of a thousand nodes. */
const GRIND_BITS = 12;
