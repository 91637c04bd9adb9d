import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { seededPrng } from "../../src/entropy.ts";
import { CHUNK_BYTES } from "../../src/transfer/content_tree.ts";
import { fault } from "../support/memory_storage.ts";
import { someBytes, TransferWorld } from "../support/transfer_world.ts";

/** What is sent in every case: several chunks, one chunk, nothing, and a directory around them. */
const FILES: Readonly<Record<string, Uint8Array>> = {
  "/d/big": someBytes(3 * CHUNK_BYTES + 100, 1),
  "/d/empty": new Uint8Array(0),
  "/d/sub/small": someBytes(2_000, 2),
  "/d/sub/two": someBytes(CHUNK_BYTES + 1, 3),
};

Deno.test("A transfer that is cut between any two writes is completed by sending again", async () => {
  const boundaries: number[] = [];
  const world = newWorld();
  const link = world.connect({ windowBytes: 1 << 20 });
  const pipe = link.pipe.bind(link);
  link.pipe = () => {
    const made = pipe();
    const write = made.write.bind(made);
    made.write = async (bytes) => {
      await write(bytes);
      boundaries.push(link.bytesWritten);
    };
    return made;
  };
  assert.equal(
    (await world.drive(world.sender.service.send(link.initiator, ["/src/d"]).outcome)).message,
    null,
  );
  assert.ok(boundaries.length > 10, `${boundaries.length} writes`);
  for (const cutAfterBytes of boundaries) await cutAndResume({ cutAfterBytes });
});

Deno.test("A transfer that is cut at any of 200 random bytes is completed by sending again", async () => {
  const seed = 20_251_123;
  const prng = seededPrng(seed);
  for (let round = 0; round < 200; round++) {
    const cutAfterBytes = 1 + Math.floor(prng.next() * 1_070_000);
    const powerCut = prng.next() < 0.3;
    await cutAndResume({ cutAfterBytes, powerCut, label: `seed ${seed}, round ${round}` });
  }
});

async function cutAndResume(
  options: { cutAfterBytes: number; powerCut?: boolean; label?: string },
): Promise<void> {
  const label = `${options.label ?? ""} cut after ${options.cutAfterBytes}, power cut ${!!options.powerCut}`;
  const world = newWorld();
  const first = await world.send(["/src/d"], { cutAfterBytes: options.cutAfterBytes, windowBytes: 100_000 });
  assertNothingWrong(world, label);
  if (options.powerCut) {
    world.receiver.disk.losePower();
    world.restartReceiver();
    assertNothingWrong(world, label);
  }
  if (first.state === "completed") return assertDelivered(world, label);
  assert.equal(first.reason, "network", `${label}: ${first.message}`);
  const second = await world.send(["/src/d"]);
  assert.equal(second.message, null, label);
  assert.equal(second.bytesTransferred + second.bytesResumed >= 1_050_000, true, label);
  assertDelivered(world, label);
}

Deno.test("Sending again moves only what is missing", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a", someBytes(20 * CHUNK_BYTES));
  await world.send(["/src/a"], { cutAfterBytes: 15 * CHUNK_BYTES });
  world.restartReceiver();
  const second = await world.send(["/src/a"]);
  assert.equal(second.state, "completed");
  assert.ok(second.bytesResumed >= 12 * CHUNK_BYTES, `${second.bytesResumed} bytes resumed`);
  assert.equal(second.bytesTransferred, 20 * CHUNK_BYTES - second.bytesResumed);
  assert.deepEqual(world.receiver.disk.read("/in/a"), someBytes(20 * CHUNK_BYTES));
});

Deno.test("A bit that flipped on the receiving disk is found and its chunk sent again", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a", someBytes(20 * CHUNK_BYTES));
  await world.send(["/src/a"], { cutAfterBytes: 15 * CHUNK_BYTES });
  const [partial] = world.leftovers().filter((path) => path.includes("partial"));
  world.receiver.disk.corrupt(partial, (bytes) => bytes[3 * CHUNK_BYTES + 7] ^= 1);
  const second = await world.send(["/src/a"]);
  assert.equal(second.state, "completed");
  assert.equal(second.bytesTransferred, 20 * CHUNK_BYTES - second.bytesResumed + CHUNK_BYTES);
  assert.deepEqual(world.receiver.disk.read("/in/a"), someBytes(20 * CHUNK_BYTES));
  const rejected = world.receiver.events.find((event) => event.type === "transfer.chunk_rejected");
  assert.equal(rejected?.chunk, 3);
});

Deno.test("A bit that flipped under a final name is found and the file replaced beside it", async () => {
  const world = newWorld();
  await world.send(["/src/d"], { cutAfterBytes: 1_050_000 });
  world.restartReceiver();
  const done = world.delivered().filter((path) => path.endsWith("big"));
  assert.equal(done.length, 1);
  world.receiver.disk.corrupt(done[0], (bytes) => bytes[CHUNK_BYTES] ^= 1);
  const second = await world.send(["/src/d"]);
  assert.equal(second.message, null);
  assert.deepEqual(world.receiver.disk.read("/in/d/big (1)"), FILES["/d/big"]);
});

Deno.test("A source that changed between two attempts arrives as it is now", async () => {
  const world = new TransferWorld();
  const before = someBytes(12 * CHUNK_BYTES);
  world.sender.disk.put("/src/a", before);
  await world.send(["/src/a"], { cutAfterBytes: 10 * CHUNK_BYTES });
  const after = new Uint8Array(14 * CHUNK_BYTES + 3);
  after.set(before);
  after.set(someBytes(1_000, 9), 2 * CHUNK_BYTES);
  world.sender.disk.put("/src/a", after, 0o644, 1_650_000_000_000);
  const second = await world.send(["/src/a"]);
  assert.equal(second.message, null);
  assert.ok(second.bytesResumed > 0);
  assert.deepEqual(world.receiver.disk.read("/in/a"), after);
});

Deno.test("A journal torn at any byte costs at most its tail", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a", someBytes(20 * CHUNK_BYTES));
  await world.send(["/src/a"], { cutAfterBytes: 15 * CHUNK_BYTES });
  const [journal] = world.leftovers().filter((path) => path.includes("journal"));
  const whole = world.receiver.disk.read(journal)!.slice();
  const [partial] = world.leftovers().filter((path) => path.includes("partial"));
  const content = world.receiver.disk.read(partial)!.slice();
  for (let length = 0; length <= whole.length; length += 7) {
    const torn = new TransferWorld();
    torn.sender.disk.put("/src/a", someBytes(20 * CHUNK_BYTES));
    torn.receiver.disk.put(partial, content);
    const bytes = whole.slice();
    bytes.fill(0xff, length);
    torn.receiver.disk.put(journal, bytes);
    const outcome = await torn.send(["/src/a"]);
    assert.equal(outcome.message, null, `torn at ${length}`);
    assert.deepEqual(torn.receiver.disk.read("/in/a"), someBytes(20 * CHUNK_BYTES));
    assert.deepEqual(torn.leftovers(), []);
  }
});

for (const code of ["ENOSPC", "EIO", "EACCES"]) {
  Deno.test(`A disk that answers ${code} at any moment loses nothing, and sending again completes`, async () => {
    for (let failing = 1;; failing++) {
      const world = newWorld();
      let operations = 0;
      world.receiver.disk.onOperation = (_operation, path) => {
        if (++operations === failing) throw fault(code, path);
      };
      const first = await world.send(["/src/d"]);
      world.receiver.disk.onOperation = () => {};
      const label = `${code} at operation ${failing}: ${first.message}`;
      assertNothingWrong(world, label);
      assert.equal(world.receiver.disk.openFiles, 0, label);
      assert.equal(world.sender.disk.openFiles, 0, label);
      if (first.state !== "completed") {
        assert.equal(first.reason, "storage", label);
        const second = await world.send(["/src/d"]);
        assert.equal(second.message, null, label);
      }
      assertDelivered(world, label);
      if (operations < failing) break;
    }
  });
}

Deno.test("A power cut at any operation of the disk loses nothing that was confirmed", async () => {
  for (let failing = 1;; failing++) {
    const world = newWorld();
    let operations = 0;
    world.receiver.disk.onOperation = (_operation, path) => {
      if (++operations >= failing) throw fault("EIO", path);
    };
    const first = await world.send(["/src/d"]);
    world.receiver.disk.onOperation = () => {};
    world.receiver.disk.losePower();
    world.restartReceiver();
    const label = `power cut at operation ${failing}`;
    assertNothingWrong(world, label);
    if (first.state !== "completed") {
      const second = await world.send(["/src/d"]);
      assert.equal(second.message, null, label);
    }
    assertDelivered(world, label);
    if (operations < failing) break;
  }
});

Deno.test("A file that changes while it is sent fails alone, with a clear reason", async () => {
  const changes: readonly [string, (world: TransferWorld) => void, RegExp][] = [
    [
      "grows",
      (world) => world.sender.disk.put("/src/d/big", someBytes(9), 0o644),
      /another file took its place/,
    ],
    ["is written to", (world) => {
      world.sender.disk.corrupt("/src/d/big", (bytes) => bytes[0] ^= 1);
      void world.sender.disk.setModified("/src/d/big", 5);
    }, /it was written to/],
    ["is removed", (world) => void world.sender.disk.remove("/src/d/big"), /it was removed/],
  ];
  for (const [name, change, message] of changes) {
    const world = newWorld();
    world.sender.disk.put("/src/d/big", someBytes(10 * CHUNK_BYTES, 1)); // three reads
    let reads = 0;
    world.sender.disk.onOperation = (operation, path) => {
      if (operation === "read" && path.endsWith("big") && ++reads === 3) change(world);
    };
    const outcome = await world.send(["/src/d"]);
    assert.equal(outcome.reason, "source_changed", name);
    assert.match(outcome.message!, /1 of 4 files were not delivered/);
    assert.match(outcome.message!, message);
    assert.equal(world.delivered().some((path) => path.endsWith("big")), false, name);
    assert.equal(world.delivered().length, 3, name);
    assert.equal(world.sender.disk.openFiles, 0, name);
  }
});

Deno.test("A source that cannot be read fails alone", async () => {
  const world = newWorld();
  world.sender.disk.onOperation = (operation, path) => {
    if (operation === "open:read" && path.endsWith("small")) throw fault("EACCES", path);
  };
  const outcome = await world.send(["/src/d"]);
  assert.equal(outcome.reason, "source_unreadable");
  assert.match(outcome.message!, /"d\/sub\/small": permission denied/);
  assert.deepEqual([outcome.filesDone, outcome.filesFailed], [3, 1]);
});

Deno.test("Partial data that nobody came back for is reclaimed after its time", async () => {
  const world = newWorld();
  await world.send(["/src/d"], { cutAfterBytes: 600_000 });
  assert.ok(world.leftovers().length >= 2);
  for (const path of world.leftovers()) await world.receiver.disk.setModified(path, world.time.epochMs());
  assert.equal(await world.receiver.service.reclaim(), 0);
  world.time.advance(86_400_001);
  const leftovers = world.leftovers().length;
  assert.equal(await world.receiver.service.reclaim(), leftovers);
  assert.deepEqual(world.leftovers(), []);
  assertNothingWrong(world, "after reclaim");
});

function newWorld(): TransferWorld {
  const world = new TransferWorld();
  for (const [path, bytes] of Object.entries(FILES)) world.sender.disk.put(`/src${path}`, bytes);
  return world;
}

/** Whatever has a final name has its final content. */
function assertNothingWrong(world: TransferWorld, label: string): void {
  for (const path of world.delivered()) {
    const expected = FILES[path.slice("/in".length)];
    assert.ok(expected !== undefined, `${label}: ${path} should not exist`);
    assert.ok(Buffer.from(world.receiver.disk.read(path)!).equals(expected), `${label}: ${path} is wrong`);
  }
}

function assertDelivered(world: TransferWorld, label: string): void {
  assertNothingWrong(world, label);
  assert.deepEqual(world.delivered(), Object.keys(FILES).map((path) => `/in${path}`).sort(), label);
}
