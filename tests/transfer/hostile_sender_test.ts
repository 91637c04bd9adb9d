import assert from "node:assert/strict";
import { CHUNK_BYTES, emptyRoot, leafHash, merkleRoot } from "../../src/transfer/content_tree.ts";
import { MessageReader } from "../../src/transfer/message_reader.ts";
import { MessageWriter } from "../../src/transfer/message_writer.ts";
import { entryPages, type ManifestEntry, type Message } from "../../src/transfer/messages.ts";
import type { PeerStream } from "../../src/transfer/peer_stream.ts";
import { MAX_OFFER_ENTRIES } from "../../src/transfer/settings.ts";
import { someBytes, TransferWorld } from "../support/transfer_world.ts";

/** A peer that says whatever a test makes it say. */
class HostileSender {
  readonly world: TransferWorld;
  readonly writer: MessageWriter;
  readonly reader: MessageReader;
  readonly stream: PeerStream;

  private constructor(world: TransferWorld, stream: PeerStream) {
    this.world = world;
    this.stream = stream;
    this.writer = new MessageWriter(stream);
    this.reader = new MessageReader(stream);
  }

  static async connect(world = new TransferWorld()): Promise<HostileSender> {
    const stream = await world.connect({ windowBytes: 1 << 22 }).initiator.openStream();
    await stream.write(new Uint8Array([1]));
    return new HostileSender(world, stream);
  }

  async offer(entries: readonly Partial<ManifestEntry>[], claims: Partial<Message & { type: "offer" }> = {}) {
    const full = entries.map(entryOf);
    await this.writer.send({
      type: "offer",
      id: new Uint8Array(16),
      name: "x",
      entries: full.length,
      files: full.filter((entry) => !entry.isDirectory).length,
      bytes: full.reduce((sum, entry) => sum + entry.sizeBytes, 0),
      ...claims,
    });
    for (const page of entryPages(full)) await this.writer.send({ type: "entries", entries: page });
  }

  async chunk(file: number, index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.writer.queue({ type: "chunk", file, index, leaf: leafHash(bytes) }, bytes);
    await this.writer.flush();
  }

  /** The next message that is neither progress nor acceptance. */
  async answer(): Promise<Message | null> {
    for (;;) {
      const message = await this.world.drive(this.reader.next());
      if (message === null || !["have", "accept", "saved"].includes(message.type)) return message;
    }
  }

  async refused(reason: string, message: RegExp): Promise<void> {
    const answer = await this.answer();
    assert.ok(answer?.type === "reject" || answer?.type === "abort", JSON.stringify(answer));
    assert.equal(answer.reason, reason);
    assert.match(answer.message, message);
    this.stream.reset(0);
    await this.world.drive(this.world.received);
    assert.deepEqual(this.world.delivered(), []);
    assert.equal(this.world.receiver.disk.openFiles, 0);
    assert.equal(this.world.receiver.service.activeCount, 0);
  }
}

const NAMES: readonly [path: string, why: RegExp][] = [
  ["../../etc/cron.d/evil", /contains "\.\."/],
  ["a/../../b", /contains "\.\."/],
  ["/etc/passwd", /absolute/],
  ["a\0b", /control character/],
  ["NUL", /device/],
  [".wraith-journal-000000000000000000000000", /reserved/],
  ["d/.wraith-partial-1", /reserved/],
];

for (const [path, why] of NAMES) {
  Deno.test(`The name ${JSON.stringify(path)} is refused before anything is written`, async () => {
    const sender = await HostileSender.connect();
    await sender.offer([{ path: "innocent" }, { path }]);
    await sender.refused("refused_name", why);
    assert.deepEqual(sender.world.receiver.disk.files("/"), []);
  });
}

Deno.test("A symbolic link in the target tree is not walked", async () => {
  const world = new TransferWorld({ settings: { overwrite: "replace" } });
  world.receiver.disk.putDirectory("/outside");
  world.receiver.disk.putDirectory("/in/d");
  world.receiver.disk.putLink("/in/d/link", "/outside");
  const sender = await HostileSender.connect(world);
  await sender.offer([{ path: "d/link/evil", sizeBytes: 3 }]);
  await sender.chunk(0, 0, new Uint8Array(3));
  const answer = await sender.answer();
  assert.ok(answer?.type === "file_failed");
  assert.match(answer.message, /a symbolic link is in its place/);
  assert.deepEqual(world.receiver.disk.files("/outside"), []);
});

Deno.test("A symbolic link that appears during the transfer is not walked either", async () => {
  const world = new TransferWorld({ settings: { overwrite: "replace" } });
  world.receiver.disk.putDirectory("/outside");
  const sender = await HostileSender.connect(world);
  await sender.offer([{ path: "d/e/evil", sizeBytes: 3 }]);
  await sender.chunk(0, 0, new Uint8Array(3));
  world.receiver.disk.onOperation = (operation, path) => {
    if (operation !== "sync" || !path.includes("partial")) return;
    world.receiver.disk.onOperation = () => {};
    world.receiver.disk.putLink("/in/d/e", "/outside");
  };
  await sender.writer.send({ type: "file_end", file: 0, root: leafHash(new Uint8Array(3)) });
  const answer = await sender.answer();
  assert.ok(answer?.type === "file_failed", JSON.stringify(answer));
  assert.match(answer.message, /symbolic link/);
  assert.deepEqual(world.receiver.disk.files("/outside"), []);
});

Deno.test("An offer of a million entries is refused at its first message", async () => {
  const sender = await HostileSender.connect();
  await sender.offer([], { entries: 1_000_000, files: 1_000_000, bytes: 0 });
  await sender.refused("refused_size", /1000000 files and directories, the limit is 100000/);
});

Deno.test("A million entries behind an offer of few are refused with the first page", async () => {
  const sender = await HostileSender.connect();
  const entries = Array.from({ length: 512 }, (_, i) => entryOf({ path: `f${i}` }));
  await sender.offer([], { entries: 10, files: 10, bytes: 0 });
  await sender.writer.send({ type: "entries", entries });
  await sender.refused("protocol", /totals/);
});

Deno.test("Ten thousand entries of long names are accepted, more text than the limit is not", async () => {
  const accepted = await HostileSender.connect();
  const long = (i: number) => ({ path: `${"x".repeat(240)}${i}`, sizeBytes: 0 });
  await accepted.offer(Array.from({ length: 10_000 }, (_, i) => long(i)));
  assert.equal((await accepted.world.drive(accepted.reader.next()))?.type, "accept");
  accepted.stream.reset(0);
  await accepted.world.drive(accepted.world.received);

  const refused = await HostileSender.connect();
  const deep = (i: number) => ({ path: `${"y".repeat(240)}/${"z".repeat(240)}/${i}`, sizeBytes: 0 });
  const sending = refused.offer(Array.from({ length: MAX_OFFER_ENTRIES }, (_, i) => deep(i)));
  sending.catch(() => {
    // The receiver lets go before the last page.
  });
  await refused.refused("refused_size", /names of the offer are too long/);
});

Deno.test("Totals that are not those of the files are refused", async () => {
  for (const claims of [{ bytes: 5 }, { files: 0 }]) {
    const sender = await HostileSender.connect();
    await sender.offer([{ path: "a", sizeBytes: 10 }], claims);
    await sender.refused("protocol", /totals/);
  }
});

Deno.test("A file longer than it claimed is refused", async () => {
  const sender = await HostileSender.connect();
  await sender.offer([{ path: "a", sizeBytes: 10 }]);
  await sender.chunk(0, 0, someBytes(10));
  await sender.chunk(0, 1, someBytes(10));
  await sender.refused("protocol", /has no chunk 1/);
});

Deno.test("A file shorter than it claimed never gets its name", async () => {
  const sender = await HostileSender.connect();
  await sender.offer([{ path: "a", sizeBytes: CHUNK_BYTES + 1 }]);
  const bytes = someBytes(CHUNK_BYTES);
  await sender.chunk(0, 0, bytes);
  await sender.writer.send({ type: "file_end", file: 0, root: leafHash(bytes) });
  await sender.refused("protocol", /ended after 1 chunks/);
});

Deno.test("A sparse bomb is measured by its apparent size", async () => {
  const world = new TransferWorld();
  world.receiver.disk.capacityBytes = 1_000_000;
  const sender = await HostileSender.connect(world);
  await sender.offer([{ path: "bomb", sizeBytes: 2 ** 46 }]);
  await sender.refused("refused_space", /70368744177664 bytes are needed/);
});

Deno.test("Chunks out of order, repeated or of unknown files end the transfer", async () => {
  const cases: readonly [name: string, say: (sender: HostileSender) => Promise<void>, why: RegExp][] = [
    ["skips one", (sender) => sender.chunk(0, 1, someBytes(CHUNK_BYTES)), /out of order/],
    ["of a directory", (sender) => sender.chunk(1, 0, someBytes(1)), /no file 1/],
    ["of no file", (sender) => sender.chunk(7, 0, someBytes(1)), /no file 7/],
    ["repeats", async (sender) => {
      await sender.chunk(0, 0, someBytes(CHUNK_BYTES));
      await sender.chunk(0, 0, someBytes(CHUNK_BYTES));
    }, /out of order/],
    [
      "keeps what is not there",
      (sender) => sender.writer.send({ type: "keep", file: 0, first: 0, leaves: [emptyRoot()] }),
      /nothing to keep/,
    ],
    [
      "hole too long",
      (sender) => sender.writer.send({ type: "hole", file: 0, first: 0, count: 2 ** 40 }),
      /ends behind it/,
    ],
    ["speaks like a receiver", (sender) => sender.writer.send({ type: "accept" }), /unexpected accept/],
  ];
  for (const [name, say, why] of cases) {
    const sender = await HostileSender.connect();
    await sender.offer([{ path: "a", sizeBytes: 3 * CHUNK_BYTES }, { path: "d", isDirectory: true }]);
    assert.equal((await sender.world.drive(sender.reader.next()))?.type, "accept", name);
    await say(sender);
    await sender.refused("protocol", why);
  }
});

Deno.test("A chunk that does not match its hash is asked for again, three times", async () => {
  const sender = await HostileSender.connect();
  await sender.offer([{ path: "a", sizeBytes: 10 }]);
  const leaf = leafHash(someBytes(10));
  for (let attempt = 0; attempt < 3; attempt++) {
    await sender.writer.queue({ type: "chunk", file: 0, index: 0, leaf }, someBytes(10, 99));
    await sender.writer.flush();
    assert.deepEqual(await sender.answer(), { type: "want", file: 0, first: 0, count: 1 });
  }
  await sender.writer.queue({ type: "chunk", file: 0, index: 0, leaf }, someBytes(10, 99));
  await sender.writer.flush();
  const answer = await sender.answer();
  assert.ok(answer?.type === "file_failed" && answer.reason === "integrity", JSON.stringify(answer));
  assert.deepEqual(sender.world.delivered(), []);
});

Deno.test("A chunk that comes right the second time completes the file", async () => {
  const sender = await HostileSender.connect();
  await sender.offer([{ path: "a", sizeBytes: 10 }]);
  const leaf = leafHash(someBytes(10));
  await sender.writer.queue({ type: "chunk", file: 0, index: 0, leaf }, someBytes(10, 99));
  await sender.writer.send({ type: "file_end", file: 0, root: merkleRoot([leaf]) });
  assert.equal((await sender.answer())?.type, "want");
  await sender.chunk(0, 0, someBytes(10));
  assert.deepEqual(await sender.answer(), { type: "receipt", file: 0, root: leaf });
  assert.deepEqual(sender.world.receiver.disk.read("/in/a"), someBytes(10));
});

Deno.test("A wrong root keeps a file from its name", async () => {
  const sender = await HostileSender.connect();
  await sender.offer([{ path: "a", sizeBytes: 10 }]);
  await sender.chunk(0, 0, someBytes(10));
  await sender.writer.send({ type: "file_end", file: 0, root: emptyRoot() });
  const answer = await sender.answer();
  assert.ok(answer?.type === "file_failed" && answer.reason === "integrity", JSON.stringify(answer));
  assert.deepEqual(sender.world.delivered(), []);
});

for (const overwrite of ["rename", "never", "replace"] as const) {
  Deno.test(`Two names that differ in case do not cost a file where case is ignored (${overwrite})`, async () => {
    const world = new TransferWorld({ settings: { overwrite } });
    world.receiver.disk.ignoresCase = true;
    const sender = await HostileSender.connect(world);
    await sender.offer([{ path: "Read.me", sizeBytes: 4 }, { path: "READ.ME", sizeBytes: 4 }]);
    for (const file of [0, 1]) {
      const bytes = someBytes(4, file + 1);
      await sender.chunk(file, 0, bytes);
      await sender.writer.send({ type: "file_end", file, root: leafHash(bytes) });
    }
    const answers = [await sender.answer(), await sender.answer(), await sender.answer()];
    const complete = answers.find((answer) => answer?.type === "complete");
    assert.ok(complete?.type === "complete");
    const contents = world.delivered().map((path) => world.receiver.disk.read(path));
    assert.equal(contents.length, complete.delivered);
    assert.deepEqual(
      contents.filter((bytes) => bytes!.every((byte, i) => byte === someBytes(4, 1)[i])).length,
      1,
    );
    if (overwrite !== "never") assert.deepEqual(world.delivered(), ["/in/read (1).me", "/in/read.me"]);
  });
}

Deno.test("A peer that opens a stream and says nothing is let go", async () => {
  const sender = await HostileSender.connect();
  await sender.world.drive(sender.world.received);
  await assert.rejects(() => sender.world.drive(sender.reader.next()), /reset/);
});

Deno.test("A sender that falls silent in the middle loses its place after five minutes", async () => {
  const sender = await HostileSender.connect();
  const began = sender.world.time.now();
  await sender.offer([{ path: "a", sizeBytes: 2 * CHUNK_BYTES }]);
  await sender.chunk(0, 0, someBytes(CHUNK_BYTES));
  await sender.refused("network", /sent nothing for 5 minutes/);
  assert.ok(sender.world.time.now() - began >= 300_000);
});

Deno.test("Bytes that are no message end the transfer as malformed", async () => {
  for (
    const bytes of [[0x01, 0xff], [0x40, 0x03, 0x82, 0x18, 0x63], [0xc0], [0xbf, 0xff, 0xff, 0xff], [
      0x02,
      0x81,
      0x0c,
    ]]
  ) {
    const sender = await HostileSender.connect();
    await sender.stream.write(new Uint8Array(bytes));
    void sender.stream.finish();
    await sender.refused("protocol", /Cannot read a message|begins with an offer/);
  }
});

function entryOf(entry: Partial<ManifestEntry>): ManifestEntry {
  return { path: "a", isDirectory: false, sizeBytes: 0, mode: 0o644, mtimeMs: 0, ...entry };
}
