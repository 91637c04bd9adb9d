import assert from "node:assert/strict";
import { CHUNK_BYTES } from "../../src/transfer/content_tree.ts";
import { SENDER, someBytes, TransferWorld } from "../support/transfer_world.ts";

const SIZES = [0, 1, 4_095, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES + 17];

for (const size of SIZES) {
  Deno.test(`A file of ${size} bytes arrives whole, with mode and time, and leaves nothing else`, async () => {
    const world = new TransferWorld();
    const bytes = someBytes(size);
    world.sender.disk.put("/src/a.bin", bytes, 0o640, 1_500_000_000_123);
    const outcome = await world.send(["/src/a.bin"]);
    assert.equal(outcome.message, null);
    assert.equal(outcome.state, "completed");
    assert.deepEqual(world.delivered(), ["/in/a.bin"]);
    assert.deepEqual(world.receiver.disk.read("/in/a.bin"), bytes);
    const facts = (await world.receiver.disk.lstat("/in/a.bin"))!;
    assert.equal(facts.mode, 0o640);
    assert.equal(facts.mtimeMs, 1_500_000_000_123);
    assert.deepEqual(world.leftovers(), []);
    assertAtRest(world);
  });
}

Deno.test("A tree arrives with empty directories, modes, times and unicode names", async () => {
  const world = new TransferWorld();
  const disk = world.sender.disk;
  disk.put("/src/tree/a.txt", someBytes(10), 0o600);
  disk.put("/src/tree/deep/er/b", someBytes(300_000, 2));
  disk.put("/src/tree/日本語/ünï.txt", someBytes(5, 3));
  disk.putDirectory("/src/tree/empty/inside");
  await disk.setModified("/src/tree/empty", 1_400_000_000_000);
  await disk.setMode("/src/tree/empty", 0o700);
  disk.putLink("/src/tree/link", "/etc/passwd");
  disk.put("/src/tree/deep/.wraith-partial-000000000000000000000000", someBytes(10));
  const link = world.connect();
  const handle = world.sender.service.send(link.initiator, ["/src/tree/"]);
  const outcome = await world.drive(handle.outcome);
  await world.drive(world.received);
  assert.equal(outcome.message, null);
  assert.deepEqual(handle.skipped, [
    "/src/tree/deep/.wraith-partial-000000000000000000000000",
    "/src/tree/link",
  ]);
  assert.deepEqual(world.delivered(), [
    "/in/tree/a.txt",
    "/in/tree/deep/er/b",
    "/in/tree/日本語/ünï.txt",
  ]);
  const empty = (await world.receiver.disk.lstat("/in/tree/empty"))!;
  assert.deepEqual([empty.mode, empty.mtimeMs], [0o700, 1_400_000_000_000]);
  assert.equal((await world.receiver.disk.lstat("/in/tree/empty/inside"))?.kind, "directory");
  assert.equal(await world.receiver.disk.lstat("/in/tree/link"), null);
  assertAtRest(world);
});

Deno.test("What was confirmed survives a power cut at the receiver", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/d/a", someBytes(600_000));
  world.sender.disk.put("/src/d/e/b", someBytes(10));
  assert.equal((await world.send(["/src/d"])).state, "completed");
  world.receiver.disk.losePower();
  assert.deepEqual(world.delivered(), ["/in/d/a", "/in/d/e/b"]);
  assert.deepEqual(world.receiver.disk.read("/in/d/a"), someBytes(600_000));
});

Deno.test("Both ends report the same course of a transfer", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a", someBytes(2 * CHUNK_BYTES));
  await world.send(["/src/a"]);
  for (const [end, direction] of [[world.sender, "send"], [world.receiver, "receive"]] as const) {
    const types = end.events.map((event) => event.type).filter((type) => type !== "transfer.progress");
    assert.deepEqual(types, [
      "transfer.offered",
      "transfer.started",
      "transfer.verifying",
      "transfer.verified",
      "transfer.completed",
    ]);
    const [view] = end.service.transfers(10);
    assert.deepEqual(
      [view.direction, view.state, view.bytesDone, view.bytesTotal, view.filesDone],
      [direction, "completed", 2 * CHUNK_BYTES, 2 * CHUNK_BYTES, 1],
    );
  }
});

Deno.test("Holes cross the network as a few bytes and stay zeros", async () => {
  const world = new TransferWorld();
  const bytes = new Uint8Array(20 * CHUNK_BYTES + 5);
  bytes.set(someBytes(100), 10 * CHUNK_BYTES);
  world.sender.disk.put("/src/sparse", bytes);
  const outcome = await world.send(["/src/sparse"]);
  assert.equal(outcome.state, "completed");
  assert.deepEqual(world.receiver.disk.read("/in/sparse"), bytes);
  assert.equal(outcome.bytesTransferred, CHUNK_BYTES + 5);
});

Deno.test("Ten thousand small files need no round trip each", async () => {
  const world = new TransferWorld();
  for (let i = 0; i < 10_000; i++) world.sender.disk.put(`/src/many/${i}`, someBytes(16, i));
  const outcome = await world.send(["/src/many"], { windowBytes: 1 << 20 });
  assert.equal(outcome.message, null);
  assert.equal(outcome.filesDone, 10_000);
  assert.equal(world.delivered().length, 10_000);
  assert.deepEqual(world.receiver.disk.read("/in/many/7777"), someBytes(16, 7777));
  assertAtRest(world);
});

Deno.test("A transfer is sent again under another name when the first is taken", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a.tar.gz", someBytes(10));
  world.sender.disk.put("/src/d/x", someBytes(10));
  for (let round = 0; round < 3; round++) {
    assert.equal((await world.send(["/src/a.tar.gz", "/src/d"])).state, "completed");
  }
  assert.deepEqual(world.delivered(), [
    "/in/a (1).tar.gz",
    "/in/a (2).tar.gz",
    "/in/a.tar.gz",
    "/in/d (1)/x",
    "/in/d (2)/x",
    "/in/d/x",
  ]);
});

Deno.test("With overwrite = never an existing name is refused before the first byte", async () => {
  const world = new TransferWorld({ settings: { overwrite: "never" } });
  world.sender.disk.put("/src/a", someBytes(10));
  world.receiver.disk.put("/in/a", someBytes(3, 9));
  const outcome = await world.send(["/src/a"]);
  assert.deepEqual([outcome.state, outcome.reason], ["failed", "refused_exists"]);
  assert.match(outcome.message!, /"a": it exists already/);
  assert.equal(outcome.bytesTransferred, 0);
  assert.deepEqual(world.receiver.disk.read("/in/a"), someBytes(3, 9));
  assert.deepEqual(world.leftovers(), []);
});

Deno.test("With overwrite = replace files are replaced and directories merged", async () => {
  const world = new TransferWorld({ settings: { overwrite: "replace" } });
  world.sender.disk.put("/src/d/a", someBytes(10));
  world.receiver.disk.put("/in/d/a", someBytes(3, 9));
  world.receiver.disk.put("/in/d/other", someBytes(3, 8));
  assert.equal((await world.send(["/src/d"])).state, "completed");
  assert.deepEqual(world.delivered(), ["/in/d/a", "/in/d/other"]);
  assert.deepEqual(world.receiver.disk.read("/in/d/a"), someBytes(10));
});

const POLICIES = [
  { settings: { accept: "none" as const }, reason: "refused_policy", message: /accepts no transfers/ },
  { settings: { accept: "known" as const }, reason: "refused_policy", message: /known peers/ },
  { settings: { maxFileSizeBytes: 9 }, reason: "refused_size", message: /10 bytes, the limit is 9/ },
];

for (const { settings, reason, message } of POLICIES) {
  Deno.test(`A receiver with ${JSON.stringify(settings)} says why it refuses`, async () => {
    const world = new TransferWorld({ settings });
    world.sender.disk.put("/src/a", someBytes(10));
    const outcome = await world.send(["/src/a"]);
    assert.equal(outcome.reason, reason);
    assert.match(outcome.message!, message);
    assert.deepEqual(world.receiver.disk.files("/in/"), []);
    assert.equal(world.receiver.events.at(-1)?.type, "transfer.failed");
    assertAtRest(world);
  });
}

Deno.test("A known peer is accepted", async () => {
  const world = new TransferWorld({ settings: { accept: "known", knownPeers: [SENDER] } });
  world.sender.disk.put("/src/a", someBytes(10));
  assert.equal((await world.send(["/src/a"])).state, "completed");
});

Deno.test("What does not fit on the disk is refused before the first byte", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a", someBytes(1_000));
  world.receiver.disk.capacityBytes = 999;
  const outcome = await world.send(["/src/a"]);
  assert.equal(outcome.reason, "refused_space");
  assert.match(outcome.message!, /1000 bytes are needed and \d+ are free/);
});

Deno.test("A missing or repeated path is one clear error and no stream", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a", someBytes(1));
  world.sender.disk.put("/other/a", someBytes(1));
  assert.match((await world.send(["/src/b"])).message!, /Cannot send \/src\/b: it does not exist/);
  assert.match((await world.send(["/src/a", "/other/a"])).message!, /two of the paths are named "a"/);
  assert.match((await world.send([])).message!, /no path was given/);
  assert.deepEqual(world.receiver.events, []);
});

Deno.test("A trace context goes to peers that may know, and is taken from those", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  for (const accepts of [true, false]) {
    const world = new TransferWorld({ trace: { traceparentFor: () => traceparent, accepts: () => accepts } });
    world.sender.disk.put("/src/a", someBytes(1));
    await world.send(["/src/a"]);
    const offered = world.receiver.events.find((event) => event.type === "transfer.offered");
    assert.equal(offered?.traceparent, accepts ? traceparent : undefined);
  }
});

/** No file stays open and no buffer is lost, however a transfer ended. */
function assertAtRest(world: TransferWorld): void {
  assert.equal(world.sender.disk.openFiles, 0, "files open at the sender");
  assert.equal(world.receiver.disk.openFiles, 0, "files open at the receiver");
  assert.equal(world.sender.service.activeCount + world.receiver.service.activeCount, 0);
}
