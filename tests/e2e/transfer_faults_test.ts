/**
 * The fault matrix of docs/transfers.md with real processes. After each fault: nothing wrong under a final name,
 * and sending again completes.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { generateFile, hashFile, type NodePair, startPair } from "../../scripts/loopback_transfer.ts";
import { seededPrng } from "../../src/entropy.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess, programUnderTest, runWraith } from "../support/wraith_process.ts";

const PROGRAM = programUnderTest();
const MIB = 1_048_576;
/** Slow enough that a fault falls into the middle of a transfer. */
const SLOW = ["transfer.rate_limit=16MB"];
const SEED = Number(Deno.env.get("WRAITH_FAULT_SEED") ?? 20_251_128);
const ROUNDS = 20;

interface Source {
  readonly path: string;
  readonly hashes: ReadonlyMap<string, string>;
}

/** A directory of one large file, several small ones and a subdirectory. */
async function makeSource(folder: string, name: string): Promise<Source> {
  const path = join(folder, name);
  await Deno.mkdir(join(path, "sub"), { recursive: true });
  const hashes = new Map<string, string>();
  hashes.set("large.bin", await generateFile(join(path, "large.bin"), 8 * MIB + 7));
  for (let i = 0; i < 20; i++) {
    const file = `sub/small ${i}`;
    hashes.set(file, await generateFile(join(path, file), 1_000 * i));
  }
  return { path, hashes };
}

/** Every file under a final name is whole. @returns how many there are. */
async function countWhole(received: string, { hashes }: Source): Promise<number> {
  let found = 0;
  for (const folder of [received, join(received, "sub")]) {
    for (const { name, isFile } of await listed(folder)) {
      if (!isFile || name.startsWith(".wraith-")) continue;
      const relative = folder === received ? name : `sub/${name}`;
      assert.equal(await hashFile(join(folder, name)), hashes.get(relative), `${relative} is wrong`);
      found++;
    }
  }
  return found;
}

async function listed(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Sends again and expects everything to be there afterwards, once. */
async function completes(
  sender: Pick<NodeProcess, "run">,
  source: Source,
  address: string,
  received: string,
): Promise<void> {
  const { code, stderr } = await sender.run("send", source.path, "--to", address);
  assert.equal(code, 0, stderr);
  assert.equal(await countWhole(received, source), source.hashes.size);
  const names = (await listed(join(received, ".."))).map((entry) => entry.name);
  assert.deepEqual(names.filter((name) => name.startsWith(".wraith-")), [], "left behind");
}

Deno.test(`kill -9 of the sender at ${ROUNDS} random moments (seed ${SEED})`, async () => {
  await using folder = await temporaryFolder();
  await using pair = await startPair(folder.path, PROGRAM, [...SLOW, "transfer.accept=all"]);
  const prng = seededPrng(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const source = await makeSource(folder.path, `s${round}`);
    const limitMs = 50 + Math.floor(prng.next() * 1_200);
    await killedAfter(limitMs, pair, folder.path, source.path);
    const received = join(pair.receivedDir, `s${round}`);
    await countWhole(received, source);
    const run = (...words: string[]) =>
      runWraith([...words, "--data-dir", join(folder.path, "own"), ...PRIVATE], { workingDir: folder.path });
    await completes({ run }, source, pair.receiver.address, received);
    await Deno.remove(source.path, { recursive: true });
  }
});

/** A private sender with an identity that stays the same, killed after `limitMs` if it still runs. */
async function killedAfter(limitMs: number, pair: NodePair, folder: string, path: string): Promise<void> {
  const args = ["send", path, "--to", pair.receiver.address, "--data-dir", join(folder, "own"), ...PRIVATE];
  try {
    await runWraith(args, { workingDir: folder, limitMs });
  } catch (error) {
    assert.match(String(error), /took longer/);
  }
}

const PRIVATE = ["--set", "dht.enabled=false", "--set", "transfer.rate_limit=16MB"];

Deno.test(`kill -9 of the receiver at ${ROUNDS} random moments (seed ${SEED})`, async () => {
  await using folder = await temporaryFolder();
  const prng = seededPrng(SEED + 1);
  const receivedDir = join(folder.path, "received");
  const settings = [
    "dht.enabled=false",
    "transfer.accept=all",
    `transfer.output_dir=${receivedDir}`,
    ...SLOW,
  ];
  const startReceiver = () =>
    NodeProcess.start(join(folder.path, "receiver"), settings, { workingDir: folder.path });
  const own = ["--data-dir", join(folder.path, "own"), ...PRIVATE];
  const run = (...words: string[]) => runWraith([...words, ...own], { workingDir: folder.path });
  for (let round = 0; round < ROUNDS; round++) {
    const source = await makeSource(folder.path, `s${round}`);
    const received = join(receivedDir, `s${round}`);
    {
      await using receiver = await startReceiver();
      const killAtMs = 100 + Math.floor(prng.next() * 1_000);
      const args = ["send", source.path, "--to", receiver.address, ...own];
      const sending = runWraith(args, { workingDir: folder.path, limitMs: killAtMs + 200 }).then(
        (result) => assert.equal(result.code, 0, result.stderr),
        (error) => assert.match(String(error), /took longer/),
      );
      await new Promise((resolve) => setTimeout(resolve, killAtMs));
      receiver.signal("SIGKILL");
      await receiver.ended();
      await sending;
    }
    await countWhole(received, source);
    await using receiver = await startReceiver();
    await completes({ run }, source, receiver.address, received);
    await Deno.remove(source.path, { recursive: true });
  }
});

Deno.test("A link that is cut and restored", async () => {
  await using folder = await temporaryFolder();
  const idle = ["network.idle_timeout=5s", "network.keepalive_interval=1s"];
  await using pair = await startPair(folder.path, PROGRAM, [...SLOW, ...idle]);
  const source = await makeSource(folder.path, "s");
  const sending = pair.sender.run("send", source.path, "--to", pair.receiver.address);
  await pair.receiver.waitForLog((line) => line.message === "Transfer started");
  pair.receiver.signal("SIGSTOP");
  const { code, stderr } = await sending;
  pair.receiver.signal("SIGCONT");
  assert.equal(code, 1);
  assert.match(stderr, /interrupted: the session ended; send again to resume/);
  await pair.receiver.waitForLog((line) => line.message === "Transfer failed");
  await countWhole(join(pair.receivedDir, "s"), source);
  await completes(pair.sender, source, pair.receiver.address, join(pair.receivedDir, "s"));
});

Deno.test("The target directory is removed in the middle", async () => {
  await using folder = await temporaryFolder();
  await using pair = await startPair(folder.path, PROGRAM, SLOW);
  const source = await makeSource(folder.path, "s");
  const sending = pair.sender.run("send", source.path, "--to", pair.receiver.address);
  await pair.receiver.waitForLog((line) => line.message === "Transfer started");
  await Deno.remove(pair.receivedDir, { recursive: true });
  const { code, stderr } = await sending;
  assert.equal(code, 1, "completed without a directory");
  assert.match(stderr, /output directory cannot be used: it does not exist/);
  await completes(pair.sender, source, pair.receiver.address, join(pair.receivedDir, "s"));
});

Deno.test("The source is truncated in the middle", async () => {
  await using folder = await temporaryFolder();
  await using pair = await startPair(folder.path, PROGRAM, SLOW);
  const path = join(folder.path, "shrinking.bin");
  await generateFile(path, 16 * MIB);
  const sending = pair.sender.run("send", path, "--to", pair.receiver.address);
  await pair.receiver.waitForLog((line) => line.message === "Transfer started");
  await Deno.truncate(path, 3 * MIB);
  const { code, stderr } = await sending;
  assert.equal(code, 1);
  assert.match(stderr, /"shrinking\.bin" changed while it was sent/);
  await assert.rejects(Deno.stat(join(pair.receivedDir, "shrinking.bin")), Deno.errors.NotFound);
  const again = await pair.sender.run("send", path, "--to", pair.receiver.address);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(await hashFile(join(pair.receivedDir, "shrinking.bin")), await hashFile(path));
});

/** A file system in memory at `path`, or why there can be none. */
async function mount(path: string, options: string): Promise<string | null> {
  await Deno.mkdir(path);
  try {
    const args = ["-t", "tmpfs", "-o", options, "tmpfs", path];
    const { success, stderr } = await new Deno.Command("mount", { args }).output();
    return success ? null : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs `step` on a mounted disk, or says why it is skipped. */
async function onDisk(
  t: Deno.TestContext,
  folder: string,
  options: string,
  step: (disk: string) => Promise<void>,
): Promise<void> {
  const disk = join(folder, "disk");
  const obstacle = await mount(disk, options);
  await t.step({
    name: obstacle === null ? `on a tmpfs with ${options}` : `skipped: cannot mount a disk (${obstacle})`,
    ignore: obstacle !== null,
    fn: async () => {
      try {
        await step(disk);
      } finally {
        await new Deno.Command("umount", { args: [disk] }).output();
      }
    },
  });
}

Deno.test("The disk fills up in the middle", async (t) => {
  await using folder = await temporaryFolder();
  await onDisk(t, folder.path, `size=${20 * MIB}`, async (disk) => {
    await using pair = await startPair(folder.path, PROGRAM, SLOW);
    const settings = [
      "dht.enabled=false",
      "transfer.accept=all",
      `transfer.output_dir=${disk}/in`,
      ...SLOW,
    ];
    await using receiver = await NodeProcess.start(join(folder.path, "small"), settings, {
      workingDir: folder.path,
    });
    const source = await makeSource(folder.path, "s");
    const sending = pair.sender.run("send", source.path, "--to", receiver.address);
    await receiver.waitForLog((line) => line.message === "Transfer started");
    await Deno.writeFile(join(disk, "filler"), new Uint8Array(18 * MIB)).catch(() => {
      // As much of it as there was room for.
    });
    const { code, stderr } = await sending;
    assert.equal(code, 1);
    assert.match(stderr, /the disk is full: free some space and send again/);
    await countWhole(join(disk, "in/s"), source);
    await Deno.remove(join(disk, "filler"));
    await completes(pair.sender, source, receiver.address, join(disk, "in/s"));
  });
});

Deno.test("The receiver may not write", async (t) => {
  await using folder = await temporaryFolder();
  await onDisk(t, folder.path, "ro", async (disk) => {
    await using pair = await startPair(folder.path, PROGRAM, [`transfer.accept=all`]);
    const settings = ["dht.enabled=false", "transfer.accept=all", `transfer.output_dir=${disk}/in`];
    await using receiver = await NodeProcess.start(join(folder.path, "readonly"), settings, {
      workingDir: folder.path,
    });
    const source = await makeSource(folder.path, "s");
    const { code, stderr } = await pair.sender.run("send", source.path, "--to", receiver.address);
    assert.equal(code, 1);
    assert.match(stderr, /file system is read-only: choose another directory/);
    await completes(pair.sender, source, pair.receiver.address, join(pair.receivedDir, "s"));
  });
});
