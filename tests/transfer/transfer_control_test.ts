import assert from "node:assert/strict";
import { ChunkPool } from "../../src/transfer/chunk_pool.ts";
import { CHUNK_BYTES } from "../../src/transfer/content_tree.ts";
import type { TransferView } from "../../src/monitor/node_view.ts";
import type { TransferSnapshot } from "../../src/transfer/transfer_record.ts";
import { someBytes, TransferWorld } from "../support/transfer_world.ts";

Deno.test("Either end pauses a transfer, and the other shows it", async () => {
  for (const side of ["sender", "receiver"] as const) {
    const world = new TransferWorld({ settings: SLOW });
    world.sender.disk.put("/src/a", someBytes(40 * CHUNK_BYTES));
    const link = world.connect();
    const sending = world.sender.service.send(link.initiator, ["/src/a"]);
    await world.drive(
      until(() => (world.receiver.service.transfers(1)[0]?.bytesDone ?? 0) > 4 * CHUNK_BYTES),
    );
    const handle = side === "sender" ? sending : world.receiver.service.find(sending.id)!;
    assert.ok(handle.pause());
    await world.drive(until(() => bothAre(world, "paused")));
    await quiet();
    world.time.advance(10_000);
    await quiet();
    const stopped = world.receiver.service.transfers(1)[0].bytesDone;
    world.time.advance(60_000);
    await quiet();
    assert.equal(world.receiver.service.transfers(1)[0].bytesDone, stopped);
    assert.ok(stopped < 40 * CHUNK_BYTES);
    assert.ok(handle.resume());
    assert.equal((await world.drive(sending.outcome)).state, "completed");
    await world.drive(world.received);
    assert.deepEqual(world.receiver.disk.read("/in/a"), someBytes(40 * CHUNK_BYTES));
    const types = world.sender.events.map((event) => event.type);
    assert.ok(types.includes("transfer.paused") && types.includes("transfer.resumed"));
  }
});

Deno.test("Either end cancels a transfer, both say who did, and sending again resumes it", async () => {
  for (const side of ["sender", "receiver"] as const) {
    const world = new TransferWorld({ settings: SLOW });
    world.sender.disk.put("/src/a", someBytes(40 * CHUNK_BYTES));
    const link = world.connect();
    const sending = world.sender.service.send(link.initiator, ["/src/a"]);
    await world.drive(
      until(() => (world.receiver.service.transfers(1)[0]?.bytesDone ?? 0) > 20 * CHUNK_BYTES),
    );
    const handle = side === "sender" ? sending : world.receiver.service.find(sending.id)!;
    assert.ok(handle.cancel());
    const outcome = await world.drive(sending.outcome);
    await world.drive(world.received);
    for (const view of [outcome, world.receiver.service.transfers(1)[0]]) {
      assert.deepEqual([view.state, view.message], ["cancelled", `Cancelled by the ${side}`]);
    }
    assert.deepEqual(world.delivered(), []);
    assert.deepEqual([world.sender.disk.openFiles, world.receiver.disk.openFiles], [0, 0]);
    assert.equal(handle.cancel(), false);
    const again = await world.send(["/src/a"]);
    assert.equal(again.state, "completed");
    assert.ok(again.bytesResumed >= 16 * CHUNK_BYTES);
  }
});

Deno.test("Stopping a service cancels what is under way and waits for it", async () => {
  const world = new TransferWorld({ settings: SLOW });
  world.sender.disk.put("/src/a", someBytes(40 * CHUNK_BYTES));
  const link = world.connect();
  const sending = world.sender.service.send(link.initiator, ["/src/a"]);
  await world.drive(until(() => (world.receiver.service.transfers(1)[0]?.bytesDone ?? 0) > 0));
  await world.drive(world.receiver.service.stop());
  assert.equal((await world.drive(sending.outcome)).reason, "cancelled");
  assert.equal(world.receiver.disk.openFiles, 0);
});

Deno.test("The rate limit holds over all transfers together", async () => {
  const world = new TransferWorld({ settings: { rateLimitBytesPerSecond: CHUNK_BYTES } });
  for (const name of ["a", "b"]) world.sender.disk.put(`/src/${name}`, someBytes(10 * CHUNK_BYTES));
  const link = world.connect();
  const began = world.time.now();
  const outcomes = ["a", "b"].map((name) =>
    world.sender.service.send(link.initiator, [`/src/${name}`]).outcome
  );
  for (const { state } of await world.drive(Promise.all(outcomes))) assert.equal(state, "completed");
  const seconds = (world.time.now() - began) / 1_000;
  assert.ok(seconds >= 19.5 && seconds <= 22, `${seconds} s for 20 chunks at one a second`);
});

Deno.test("More transfers than may run at a time wait their turn", async () => {
  const world = new TransferWorld({ settings: { maxParallel: 2 } });
  const names = Array.from({ length: 7 }, (_, i) => `f${i}`);
  for (const name of names) world.sender.disk.put(`/src/${name}`, someBytes(3 * CHUNK_BYTES));
  const link = world.connect();
  let running = 0;
  let most = 0;
  const outcomes = names.map((name) => world.sender.service.send(link.initiator, [`/src/${name}`]).outcome);
  await world.drive(Promise.all(outcomes.map(async (outcome) => {
    const views = world.sender.service.transfers(10);
    running = views.filter((view) => view.state === "running").length;
    most = Math.max(most, running);
    assert.equal((await outcome).state, "completed");
  })));
  assert.ok(most <= 2, `${most} ran at a time`);
  assert.equal(world.delivered().length, 7);
});

Deno.test("The same files cannot be received twice at a time", async () => {
  const world = new TransferWorld();
  world.sender.disk.put("/src/a", someBytes(10 * CHUNK_BYTES));
  const link = world.connect();
  const outcomes = [0, 1].map(() => world.sender.service.send(link.initiator, ["/src/a"]).outcome);
  const reasons = (await world.drive(Promise.all(outcomes))).map((outcome) => outcome.reason);
  assert.deepEqual(reasons.sort(), ["refused_busy", null].sort());
});

Deno.test("A sender that starts over in a new session takes the place of its dead attempt", async () => {
  const world = new TransferWorld({ settings: SLOW });
  world.sender.disk.put("/src/a", someBytes(40 * CHUNK_BYTES));
  const first = world.sender.service.send(world.connect().initiator, ["/src/a"]);
  await world.drive(until(() => (world.receiver.service.transfers(1)[0]?.bytesDone ?? 0) > 20 * CHUNK_BYTES));
  const second = await world.send(["/src/a"]);
  assert.equal(second.state, "completed");
  assert.ok(second.bytesResumed > 16 * CHUNK_BYTES);
  assert.equal((await world.drive(first.outcome)).reason, "network");
  assert.deepEqual(world.receiver.disk.files("/in/"), ["/in/a"]);
  assert.deepEqual(world.receiver.disk.read("/in/a"), someBytes(40 * CHUNK_BYTES));
});

Deno.test("Buffers do not grow with the file", async () => {
  // Counted, because resident memory depends on the collector's mood.
  const made: number[] = [];
  const original = ChunkPool.prototype.take;
  ChunkPool.prototype.take = function () {
    made.push(this.made);
    return original.call(this);
  };
  try {
    const world = new TransferWorld();
    world.sender.disk.put("/src/a", someBytes(100 * CHUNK_BYTES));
    assert.equal((await world.send(["/src/a"])).state, "completed");
  } finally {
    ChunkPool.prototype.take = original;
  }
  // A take for each run of four chunks at either end.
  assert.ok(made.length >= 50);
  assert.ok(Math.max(...made) <= 16, `${Math.max(...made)} buffers`);
});

Deno.test("A view of a transfer is what the monitoring side expects", () => {
  const view = (snapshot: TransferSnapshot): TransferView => snapshot;
  const world = new TransferWorld();
  const handle = world.sender.service.send(world.connect().initiator, ["/src/missing"]);
  assert.equal(view(handle.snapshot()).state, "queued");
  assert.equal(world.sender.service.find(handle.id.slice(0, 6)), handle);
  return world.drive(handle.outcome).then(() => assert.equal(world.sender.service.find(handle.id), null));
});

/** Ten chunks a second in the world's own time, so that a test can act in the middle of a transfer. */
const SLOW = { rateLimitBytesPerSecond: 10 * CHUNK_BYTES };

function bothAre(world: TransferWorld, state: string): boolean {
  return [world.sender, world.receiver].every((end) => end.service.transfers(1)[0]?.state === state);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Enough turns for everything that is under way to come to rest. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
}
