import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { type PeerId, peerIdOf } from "../../src/crypto/peer_id.ts";
import { type DhtNetwork, DhtService, type DhtSession } from "../../src/dht/dht_service.ts";
import { nodeIdOf } from "../../src/dht/node_id.ts";
import { seededPrng } from "../../src/entropy.ts";
import type { NodeEvent } from "../../src/observe/events.ts";

const HOUR_MS = 3_600_000;

/** Services in one process, joined by sessions that are map entries and datagrams that are microtasks. */
class Wires {
  readonly #nodes = new Map<string, Node>();
  #sessions = 0;

  connect(from: Node, peerId: PeerId, address: string): DhtSession {
    const to = this.#nodes.get(address);
    if (to === undefined || to.peerId !== peerId) throw new Error(`Nobody at ${address}`);
    const session = { id: ++this.#sessions, peerId, remoteAddr: address };
    from.sessions.set(peerId, session);
    to.sessions.set(from.peerId, { id: ++this.#sessions, peerId: from.peerId, remoteAddr: from.address });
    return session;
  }

  send(from: Node, address: string, bytes: Uint8Array): void {
    const copy = bytes.slice();
    queueMicrotask(() => {
      const to = this.#nodes.get(address);
      const session = to?.sessions.get(from.peerId);
      if (to !== undefined && session !== undefined) to.service.onDatagram(session, copy);
    });
  }

  node(n: number, bootstrap: Node | null, contactsFile?: string): Node {
    const node = new Node(this, n, bootstrap, contactsFile);
    this.#nodes.set(node.address, node);
    return node;
  }

  unplug(node: Node): void {
    this.#nodes.delete(node.address);
  }
}

class Node implements DhtNetwork {
  readonly sessions = new Map<PeerId, DhtSession>();
  readonly events: NodeEvent[] = [];
  readonly address: string;
  readonly peerId: PeerId;
  readonly service: DhtService;
  readonly #wires: Wires;
  #watchers: (() => void)[] = [];

  constructor(wires: Wires, n: number, bootstrap: Node | null, contactsFile?: string) {
    this.#wires = wires;
    const seed = new Uint8Array(32).fill(n);
    this.peerId = peerIdOf(nobleSuite.ed25519PublicKey(seed));
    this.address = `127.0.0.1:${4000 + n}`;
    this.service = new DhtService({
      identity: { peerId: this.peerId, seed },
      suite: nobleSuite,
      prng: seededPrng(n),
      clock: systemClock,
      network: this,
      emit: (event) => {
        this.events.push(event);
        for (const watcher of this.#watchers) watcher();
      },
      bootstrap: bootstrap === null ? [] : [bootstrap],
      ...(contactsFile === undefined ? {} : { contactsFile }),
    });
  }

  sessionWith(peerId: PeerId): DhtSession | null {
    return this.sessions.get(peerId) ?? null;
  }

  async connect(peerId: PeerId, address: string): Promise<DhtSession> {
    await Promise.resolve();
    return this.#wires.connect(this, peerId, address);
  }

  sendDatagram(sessionId: number, bytes: Uint8Array): boolean {
    const session = [...this.sessions.values()].find(({ id }) => id === sessionId);
    if (session !== undefined) this.#wires.send(this, session.remoteAddr, bytes);
    return session !== undefined;
  }

  /** Waits for an event that satisfies `isIt`, the past ones included; the test's own limit bounds the wait. */
  async until(isIt: (event: NodeEvent) => boolean): Promise<void> {
    while (!this.events.some(isIt)) await new Promise<void>((wake) => this.#watchers = [wake]);
  }
}

const isJoined = (event: NodeEvent) => event.type === "dht.joined";
const knowsItself = (event: NodeEvent) =>
  event.type === "node.notice" && event.message.startsWith("Peers see");

async function network(count: number): Promise<Node[]> {
  const wires = new Wires();
  const first = wires.node(1, null);
  const nodes = [first, ...Array.from({ length: count - 1 }, (_, i) => wires.node(i + 2, first))];
  for (const node of nodes) await node.service.start();
  await Promise.all(nodes.slice(1).map((node) => node.until(isJoined)));
  await Promise.all(nodes.map((node) => node.until(knowsItself)));
  return nodes;
}

const stopAll = (nodes: readonly Node[]) => Promise.all(nodes.map((node) => node.service.stop()));

Deno.test("DhtService finds a peer by nothing but its id", async () => {
  const nodes = await network(6);
  const target = nodes[5];
  const isPublished = (event: NodeEvent) =>
    event.type === "dht.rpc.finished" && event.rpc === "store" && event.result === "success";
  await target.until(isPublished);
  const found = await nodes[2].service.lookupPeer(target.peerId, { thorough: true });
  assert.deepEqual(found, { peerId: target.peerId, addresses: [target.address], introducers: [] });
  assert.equal(await nodes[2].service.lookupPeer(`ed25519:${"00".repeat(32)}`), null);
  const closest = await nodes[0].service.closestPeers(nodeIdOf(nobleSuite, target.peerId));
  assert.equal(closest[0].peerId, target.peerId);
  assert.equal(nodes[0].service.view.peers, 5);
  assert.deepEqual(nodes[0].service.peers().map(({ remoteAddr }) => remoteAddr).sort(), [
    ...nodes.slice(1).map(({ address }) => address).sort(),
  ]);
  await stopAll(nodes);
});

Deno.test("DhtService finds every provider of a content, until they take it back", async () => {
  const nodes = await network(5);
  const root = new Uint8Array(32).fill(0xab);
  const withdrawal = new AbortController();
  await Promise.all([nodes[1], nodes[3]].map((node) => node.service.announce(root, withdrawal.signal)));
  const providers = await Array.fromAsync(nodes[4].service.findProviders(root));
  assert.deepEqual(
    new Map(providers.map(({ peerId, addresses }) => [peerId, addresses])),
    new Map([nodes[1], nodes[3]].map((node) => [node.peerId, [node.address]])),
  );
  assert.deepEqual(await Array.fromAsync(nodes[4].service.findProviders(new Uint8Array(32))), []);
  withdrawal.abort();
  await stopAll(nodes);
});

Deno.test("A search can be abandoned and cancelled, and ends when the DHT does", async () => {
  const nodes = await network(3);
  const asker = nodes[2].service;
  const cancel = new AbortController();
  const search = asker.lookupPeer(`ed25519:${"01".repeat(32)}`, { signal: cancel.signal });
  cancel.abort(new Error("No longer wanted"));
  await assert.rejects(search, /No longer wanted/);
  const root = new Uint8Array(32).fill(1);
  await nodes[1].service.announce(root);
  for await (const provider of asker.findProviders(root)) {
    assert.equal(provider.peerId, nodes[1].peerId);
    break;
  }
  const unfinished = asker.lookupPeer(`ed25519:${"02".repeat(32)}`);
  const outcome = assert.rejects(unfinished, /has stopped/);
  await stopAll(nodes);
  await outcome;
  await assert.rejects(asker.lookupPeer(nodes[0].peerId), /has stopped/);
});

Deno.test("A restarted node enters through the contacts it saved, without a bootstrap peer", async () => {
  const folder = await Deno.makeTempDir();
  const contactsFile = `${folder}/contacts.json`;
  const wires = new Wires();
  const first = wires.node(1, null);
  const second = wires.node(2, first);
  const restarting = wires.node(3, first, contactsFile);
  for (const node of [first, second, restarting]) await node.service.start();
  await restarting.until(isJoined);
  await restarting.service.closestPeers(nodeIdOf(nobleSuite, second.peerId));
  await restarting.service.stop();
  wires.unplug(first);

  const restarted = wires.node(3, null, contactsFile);
  await restarted.service.start();
  await restarted.until(isJoined);
  assert.ok(restarted.service.peers().some(({ peerId }) => peerId === second.peerId));
  await stopAll([first, restarted]);

  await Deno.writeTextFile(contactsFile, "not json");
  const unlucky = wires.node(4, second, contactsFile);
  await unlucky.service.start();
  assert.ok(unlucky.events.some((event) => event.type === "node.notice" && /is no JSON/.test(event.message)));
  await unlucky.until(isJoined);
  await unlucky.service.stop();
  assert.match(await Deno.readTextFile(contactsFile), /"version": 1/);

  // Alone this time: what it knew is not thrown away.
  for (const node of [second, unlucky]) wires.unplug(node);
  const before = await Deno.readTextFile(contactsFile);
  assert.match(before, /ed25519:/);
  const lonely = wires.node(3, null, contactsFile);
  await lonely.service.start();
  await lonely.service.stop();
  assert.equal(await Deno.readTextFile(contactsFile), before);
  await second.service.stop();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Contacts carry times people can read", async () => {
  const nodes = await network(2);
  const [contact] = nodes[0].service.peers();
  assert.ok(Math.abs(contact.lastSeenMs - Date.now()) < HOUR_MS);
  assert.ok(contact.firstSeenMs <= contact.lastSeenMs);
  await stopAll(nodes);
});
