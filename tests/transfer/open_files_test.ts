/** However many files a transfer has, few of them are open at a time: processes have 1024 descriptors as a rule. */

import assert from "node:assert/strict";
import { CHUNK_BYTES, leafHash, merkleRoot } from "../../src/transfer/content_tree.ts";
import { MessageReader } from "../../src/transfer/message_reader.ts";
import { MessageWriter } from "../../src/transfer/message_writer.ts";
import { entryPages, type ManifestEntry } from "../../src/transfer/messages.ts";
import type { MemoryStorage } from "../support/memory_storage.ts";
import { someBytes, TransferWorld } from "../support/transfer_world.ts";

/** 24 partial files, 33 in the commit queue, 16 steps under way, the journal. */
const LIMIT = 24 + 33 + 16 + 1;

/** Remembers the most files that were open on `disk`. */
function watch(disk: MemoryStorage): { peak: number } {
  const seen = { peak: 0 };
  const before = disk.onOperation;
  disk.onOperation = (operation, path) => {
    seen.peak = Math.max(seen.peak, disk.openFiles);
    before(operation, path);
  };
  return seen;
}

/** A disk that takes its time with every sync, as real ones do. */
function makeSyncsSlow(disk: MemoryStorage): void {
  const open = disk.open.bind(disk);
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    const sync = file.sync.bind(file);
    file.sync = async () => {
      for (let turn = 0; turn < 500; turn++) await Promise.resolve();
      await sync();
    };
    return file;
  };
}

Deno.test("A receiver whose disk is slow does not open file after file", async () => {
  for (const bytes of [0, 10]) {
    const world = new TransferWorld();
    makeSyncsSlow(world.receiver.disk);
    const seen = watch(world.receiver.disk);
    for (let i = 0; i < 1_000; i++) world.sender.disk.put(`/src/d/${i}`, someBytes(bytes, i));
    const outcome = await world.send(["/src/d"], { windowBytes: 1 << 22 });
    assert.equal(outcome.message, null);
    assert.equal(world.delivered().length, 1_000);
    assert.ok(seen.peak <= LIMIT, `${seen.peak} files of ${bytes} bytes were open`);
  }
});

Deno.test("A sender that begins every file before it ends one does not hold them all open", async () => {
  const world = new TransferWorld();
  const seen = watch(world.receiver.disk);
  const stream = await world.connect({ windowBytes: 1 << 22 }).initiator.openStream();
  await stream.write(new Uint8Array([1]));
  const [writer, reader] = [new MessageWriter(stream), new MessageReader(stream)];
  const chunks = [someBytes(CHUNK_BYTES, 1), someBytes(100, 2)];
  const sizeBytes = CHUNK_BYTES + 100;
  const entries = Array.from({ length: 200 }, (_, i): ManifestEntry => {
    return { path: `f${i}`, isDirectory: false, sizeBytes, mode: 0o644, mtimeMs: 0 };
  });
  const count = entries.length;
  const offer = { id: new Uint8Array(16), name: "x", entries: count, files: count, bytes: count * sizeBytes };
  await writer.send({ type: "offer", ...offer });
  for (const page of entryPages(entries)) await writer.send({ type: "entries", entries: page });
  const sending = (async () => {
    for (const [index, bytes] of chunks.entries()) {
      for (let file = 0; file < count; file++) {
        await writer.queue({ type: "chunk", file, index, leaf: leafHash(bytes) }, bytes);
      }
      await writer.flush();
    }
    const root = merkleRoot(chunks.map((bytes) => leafHash(bytes)));
    for (let file = 0; file < count; file++) await writer.send({ type: "file_end", file, root });
  })();
  for (;;) {
    const message = await world.drive(reader.next());
    assert.ok(message !== null && !["reject", "abort", "file_failed"].includes(message.type), message?.type);
    if (message.type === "complete") break;
  }
  await world.drive(sending);
  stream.reset(0);
  await world.drive(world.received);
  assert.equal(world.delivered().length, count);
  const whole = new Uint8Array(sizeBytes);
  whole.set(chunks[0]);
  whole.set(chunks[1], CHUNK_BYTES);
  assert.deepEqual(world.receiver.disk.read("/in/f7"), whole);
  assert.ok(seen.peak <= LIMIT, `${seen.peak} files were open`);
  assert.equal(world.receiver.disk.openFiles, 0);
});

Deno.test("A tree that was made anew since the last attempt is compared with few files open", async () => {
  const world = new TransferWorld({ settings: { overwrite: "replace" } });
  const put = (seed: number) => {
    for (let i = 0; i < 400; i++) world.sender.disk.put(`/src/d/${i}`, someBytes(1_000, seed + i));
    world.sender.disk.put("/src/d/last", someBytes(3 * CHUNK_BYTES));
  };
  put(1);
  const first = await world.send(["/src/d"], { cutAfterBytes: 900_000 });
  assert.equal(first.reason, "network");
  const before = world.delivered().length;
  assert.ok(before > 300, `${before} were delivered by the first attempt`);
  put(5_000);
  makeSyncsSlow(world.receiver.disk);
  const seen = watch(world.receiver.disk);
  const second = await world.send(["/src/d"]);
  assert.equal(second.message, null);
  for (const i of [0, 200, 399]) {
    assert.deepEqual(world.receiver.disk.read(`/in/d/${i}`), someBytes(1_000, 5_000 + i));
  }
  assert.ok(seen.peak <= LIMIT, `${seen.peak} files were open`);
});
