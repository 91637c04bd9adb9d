import assert from "node:assert/strict";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import { toHex } from "../../src/bytes.ts";
import { seededEntropy } from "../../src/entropy.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { CHUNK_BYTES } from "../../src/transfer/content_tree.ts";
import type { PeerSession, PeerStream } from "../../src/transfer/peer_stream.ts";
import { decodeManifest, encodeManifest, linkOf, parseLink } from "../../src/transfer/share_manifest.ts";
import { type ContentRouter, ShareService } from "../../src/transfer/share_service.ts";
import type { TransferSettings } from "../../src/transfer/settings.ts";
import { TransferError } from "../../src/transfer/transfer_error.ts";
import { TransferService } from "../../src/transfer/transfer_service.ts";
import { MemoryLink, peerIdFor } from "../support/memory_streams.ts";
import { MemoryStorage } from "../support/memory_storage.ts";
import { ManualTime, someBytes } from "../support/transfer_world.ts";

/** A node that shares and gets, with a disk of its own. */
class ShareNode {
  readonly disk = new MemoryStorage();
  readonly events: NodeEvent[] = [];
  service: ShareService;
  readonly transfers: TransferService;
  /** Stands between this node and those who ask it. */
  tamper: (stream: PeerStream) => PeerStream = (stream) => stream;

  constructor(readonly peerId: PeerId, readonly swarm: Swarm) {
    this.disk.putDirectory("/in");
    this.disk.putDirectory("/data");
    const emit = (event: NodeEvent) => void this.events.push(event);
    const common = { storage: this.disk, timers: swarm.time, entropy: seededEntropy(1), emit };
    this.transfers = new TransferService({ ...common, settings: SETTINGS, clock: swarm.time });
    this.service = this.restart();
  }

  restart(): ShareService {
    this.service = new ShareService({
      storage: this.disk,
      folder: "/data/shares",
      timers: this.swarm.time,
      entropy: seededEntropy(2),
      emit: (event) => void this.events.push(event),
      transfers: this.transfers,
      router: this.swarm.routerFor(this.peerId),
      dial: ({ peerId }) => this.swarm.dial(this.peerId, peerId),
    });
    return this.service;
  }
}

/** Several nodes, everybody's announcements, and links between them. */
class Swarm {
  readonly time = new ManualTime();
  readonly nodes = new Map<PeerId, ShareNode>();
  readonly announced = new Map<string, Set<PeerId>>();

  node(digit: string): ShareNode {
    const peerId = peerIdFor(digit);
    const node = new ShareNode(peerId, this);
    this.nodes.set(peerId, node);
    return node;
  }

  routerFor(peerId: PeerId): ContentRouter {
    const announced = this.announced;
    return {
      announce(root, signal) {
        const link = linkOf(root);
        const providers = announced.get(link) ?? new Set();
        announced.set(link, providers.add(peerId));
        signal?.addEventListener("abort", () => providers.delete(peerId));
        return Promise.resolve();
      },
      async *findProviders(root) {
        await Promise.resolve();
        for (const provider of announced.get(linkOf(root)) ?? []) yield { peerId: provider };
      },
    };
  }

  dial(from: PeerId, to: PeerId): Promise<PeerSession> {
    const node = this.nodes.get(to);
    if (node === undefined) return Promise.reject(new Error("unreachable"));
    const link = new MemoryLink({ initiator: from, responder: to, windowBytes: 1 << 20 });
    link.responder.onStream = async (stream) => {
      await stream.read(new Uint8Array(1));
      void node.service.handleIncoming(link.responder, node.tamper(stream));
    };
    return Promise.resolve(link.initiator);
  }

  /** Waits for `promise`, moving time when nothing else moves. */
  async drive<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    promise.finally(() => settled = true).catch(() => {});
    for (let turn = 0; !settled; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (turn % 100 === 99) this.time.advanceToNext();
    }
    return await promise;
  }
}

const TREE: Readonly<Record<string, Uint8Array>> = {
  "d/big": someBytes(9 * CHUNK_BYTES + 5, 4),
  "d/empty": new Uint8Array(0),
  "d/sub/ünï": someBytes(100, 5),
};

async function sharedTree(node: ShareNode) {
  for (const [path, bytes] of Object.entries(TREE)) node.disk.put(`/files/${path}`, bytes);
  return await node.service.share("/files/d");
}

function assertTree(node: ShareNode): void {
  const files = node.disk.files("/in/");
  assert.deepEqual(files, Object.keys(TREE).map((path) => `/in/${path}`).sort());
  for (const path of files) assert.deepEqual(node.disk.read(path), TREE[path.slice(4)]);
  assert.equal(node.disk.openFiles, 0);
}

Deno.test("A directory is fetched from several providers at once", async () => {
  const swarm = new Swarm();
  const providers = ["1", "2", "3"].map((digit) => swarm.node(digit));
  const links = [];
  for (const provider of providers) links.push(await sharedTree(provider));
  assert.equal(new Set(links.map((share) => share.link)).size, 1);
  assert.deepEqual([links[0].files, links[0].name], [3, "d"]);
  const chunks = new Map<ShareNode, number>();
  for (const provider of providers) {
    provider.disk.onOperation = (operation, path) => {
      if (operation === "read" && path.endsWith("big")) chunks.set(provider, (chunks.get(provider) ?? 0) + 1);
    };
  }
  const getter = swarm.node("9");
  const outcome = await swarm.drive(getter.service.get(parseLink(links[0].link)!, "/in").outcome);
  assert.equal(outcome.message, null);
  assertTree(getter);
  assert.ok(chunks.size > 1, "one provider served everything");
});

Deno.test("A lying provider is dropped and the others complete the fetch", async () => {
  for (const liesAfterBytes of [400, 300_000, 700_000]) {
    const swarm = new Swarm();
    const [liar, honest] = [swarm.node("1"), swarm.node("2")];
    const { root } = await sharedTree(liar);
    await sharedTree(honest);
    let lies = 0;
    liar.tamper = (stream) => tampered(stream, liesAfterBytes, () => lies++);
    const getter = swarm.node("9");
    const outcome = await swarm.drive(getter.service.get(root, "/in").outcome);
    assert.equal(outcome.message, null);
    assert.ok(lies > 0);
    assertTree(getter);
  }
});

Deno.test("A provider that falls silent is dropped after ten seconds", async () => {
  const swarm = new Swarm();
  const [silent, honest] = [swarm.node("1"), swarm.node("2")];
  const { root } = await sharedTree(silent);
  await sharedTree(honest);
  silent.tamper = (stream) => ({ ...methodsOf(stream), write: () => new Promise<void>(() => {}) });
  const getter = swarm.node("9");
  const outcome = await swarm.drive(getter.service.get(root, "/in").outcome);
  assert.equal(outcome.message, null);
  assertTree(getter);
});

Deno.test("With nobody, or only liars, a fetch ends with a reason and no file", async () => {
  const swarm = new Swarm();
  const getter = swarm.node("9");
  const nobody = await swarm.drive(getter.service.get(new Uint8Array(32), "/in").outcome);
  assert.match(nobody.message!, /nobody is known to share it/);
  const liar = swarm.node("1");
  const { root } = await sharedTree(liar);
  liar.tamper = (stream) => tampered(stream, 0, () => {});
  const outcome = await swarm.drive(getter.service.get(root, "/in").outcome);
  assert.equal(outcome.reason, "network");
  assert.match(outcome.message!, /No provider is left/);
  assert.deepEqual(getter.disk.files("/in/"), []);
});

Deno.test("Shares outlive a restart, and a file that changed is served no more", async () => {
  const swarm = new Swarm();
  const provider = swarm.node("1");
  const { root, link } = await sharedTree(provider);
  provider.service.stop();
  assert.equal(swarm.announced.get(link)?.size, 0);
  await provider.restart().start();
  assert.deepEqual(provider.service.shares().map((share) => share.link), [link]);
  const getter = swarm.node("9");
  assert.equal((await swarm.drive(getter.service.get(root, "/in").outcome)).state, "completed");
  assertTree(getter);

  provider.disk.put("/files/d/big", someBytes(9 * CHUNK_BYTES + 5, 77), 0o644, 1_650_000_000_000);
  const late = swarm.node("8");
  const outcome = await swarm.drive(late.service.get(root, "/in").outcome);
  assert.equal(outcome.state, "failed");
  assert.equal(late.disk.files("/in/").some((path) => path.endsWith("big")), false);
});

Deno.test("Unsharing withdraws the announcement and the files", async () => {
  const swarm = new Swarm();
  const provider = swarm.node("1");
  const { root, link } = await sharedTree(provider);
  assert.ok(await provider.service.unshare(root));
  assert.equal(await provider.service.unshare(root), false);
  assert.equal(swarm.announced.get(link)?.size, 0);
  assert.deepEqual(provider.service.shares(), []);
  assert.deepEqual(provider.disk.files("/data/"), []);
});

Deno.test("A manifest of hostile names is refused as an offer would be", () => {
  for (const path of ["../x", "/x", "a/../b", ".wraith-x", "nul", "a\u0000"]) {
    const bytes = encodeManifest([{ path, mode: 0o644, mtimeMs: 0, content: null }]);
    assert.throws(() => decodeManifest(bytes, "posix"), (error) => {
      assert.ok(error instanceof TransferError);
      return error.reason === "refused_name";
    });
  }
  assert.throws(() => decodeManifest(someBytes(40), "posix"), TransferError);
});

Deno.test("A link is read back, and nothing else is one", () => {
  const root = someBytes(32);
  assert.deepEqual(parseLink(linkOf(root)), root);
  assert.deepEqual(parseLink(` wraith:${toHex(root).toUpperCase()}\n`), root);
  for (const link of ["", "wraith:", "wraith:12", linkOf(root).slice(1), `${linkOf(root)}0`]) {
    assert.equal(parseLink(link), null);
  }
});

/** `stream`, flipping a bit of everything written behind the first `afterBytes` bytes. */
function tampered(stream: PeerStream, afterBytes: number, onLie: () => void): PeerStream {
  let written = 0;
  return {
    ...methodsOf(stream),
    write(bytes) {
      const copy = bytes.slice();
      if (written + copy.length > afterBytes && copy.length > 100) {
        copy[copy.length - 1] ^= 1;
        onLie();
      }
      written += copy.length;
      return stream.write(copy);
    },
  };
}

function methodsOf(stream: PeerStream): PeerStream {
  return {
    id: stream.id,
    unacknowledgedBytes: 0,
    read: (into) => stream.read(into),
    write: (bytes) => stream.write(bytes),
    finish: () => stream.finish(),
    reset: (code) => stream.reset(code),
  };
}

const SETTINGS: TransferSettings = {
  outputDir: "/in",
  accept: "all",
  knownPeers: [],
  maxFileSizeBytes: 0,
  maxParallel: 4,
  rateLimitBytesPerSecond: 0,
  overwrite: "rename",
  partialTtlMs: 86_400_000,
};

/** The provider's streams break after this many bytes of each. */
function cutAfter(node: ShareNode, limitBytes: number): void {
  node.tamper = (stream) => {
    let written = 0;
    return {
      ...methodsOf(stream),
      async write(bytes) {
        written += bytes.length;
        if (written <= limitBytes) return await stream.write(bytes);
        stream.reset(1);
        throw new Error("the link is cut");
      },
    };
  };
}

/** A getter whose first attempt broke off in the middle of the large file. */
async function interrupted(swarm: Swarm) {
  const provider = swarm.node("1");
  const { root } = await sharedTree(provider);
  cutAfter(provider, 6 * CHUNK_BYTES);
  const getter = swarm.node("9");
  const first = await swarm.drive(getter.service.get(root, "/in").outcome);
  assert.equal(first.reason, "network", first.message ?? "");
  const partial = getter.disk.files("/in/").find((path) => path.includes(".wraith-partial-"))!;
  assert.equal(getter.disk.files("/in/").some((path) => path.endsWith("big")), false);
  provider.tamper = (stream) => stream;
  const again = async () => await swarm.drive(getter.service.get(root, "/in").outcome);
  return { provider, getter, partial, again };
}

Deno.test("A fetch that broke off goes on with the chunks it has", async () => {
  const { getter, again } = await interrupted(new Swarm());
  const second = await again();
  assert.equal(second.message, null);
  assert.equal(second.bytesResumed, 5 * CHUNK_BYTES);
  assert.equal(second.bytesTransferred, 4 * CHUNK_BYTES + 5 + 100);
  assertTree(getter);
  assert.deepEqual(getter.disk.files("/data/shares/"), []);
});

Deno.test("After a power cut a fetch goes on with what the disk really kept", async () => {
  const { getter, again } = await interrupted(new Swarm());
  getter.disk.losePower();
  getter.disk.putDirectory("/in");
  assert.equal((await again()).message, null);
  assertTree(getter);
});

Deno.test("A bit that flipped in a partial file of a fetch is found before the file gets its name", async () => {
  const { getter, partial, again } = await interrupted(new Swarm());
  getter.disk.corrupt(partial, (bytes) => bytes[2 * CHUNK_BYTES + 1] ^= 4);
  const second = await again();
  assert.equal(second.message, null);
  assert.equal(second.bytesResumed, 0);
  assertTree(getter);
});

Deno.test("A bit that flipped in a file that a fetch had completed is found by the next attempt", async () => {
  const { provider, getter, again } = await interrupted(new Swarm());
  // The large file arrives, the last one does not.
  provider.disk.onOperation = (_, path) => {
    if (path.endsWith("ünï")) throw new Error("the disk fails");
  };
  assert.equal((await again()).state, "failed");
  assert.ok(getter.disk.files("/in/").includes("/in/d/big"));
  provider.disk.onOperation = () => {};
  getter.disk.corrupt("/in/d/big", (bytes) => bytes[7] ^= 1);
  assert.equal((await again()).message, null);
  assert.deepEqual(getter.disk.read("/in/d/big (1)"), TREE["d/big"]);
  assert.notDeepEqual(getter.disk.read("/in/d/big"), TREE["d/big"]);
});

Deno.test("What a fetch left in any directory is reclaimed after its time, and not before", async () => {
  const { getter, partial } = await interrupted(new Swarm());
  getter.disk.put("/in/d/mine.txt", someBytes(10));
  getter.transfers.updateSettings({ ...SETTINGS, outputDir: "/elsewhere", partialTtlMs: 2_000_000_000_000 });
  await getter.transfers.reclaim();
  assert.ok(getter.disk.files("/in/").includes(partial));
  getter.transfers.updateSettings({ ...SETTINGS, outputDir: "/elsewhere", partialTtlMs: 1_000 });
  assert.equal(await getter.transfers.reclaim(), 2);
  assert.deepEqual(getter.disk.files("/in/"), ["/in/d/mine.txt"]);
  assert.deepEqual(getter.disk.files("/data/shares/"), []);
});

Deno.test("One link is fetched into one directory once at a time", async () => {
  const swarm = new Swarm();
  const { root } = await sharedTree(swarm.node("1"));
  const getter = swarm.node("9");
  const outcomes = [getter.service.get(root, "/in").outcome, getter.service.get(root, "/in").outcome];
  const [first, second] = await swarm.drive(Promise.all(outcomes));
  assert.deepEqual([first.state, second.reason], ["completed", "refused_busy"]);
  assertTree(getter);
});
