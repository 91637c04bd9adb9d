import assert from "node:assert/strict";
import { join } from "node:path";
import { generateFile, hashFile } from "../../scripts/loopback_transfer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess, programUnderTest } from "../support/wraith_process.ts";

const PROGRAM = programUnderTest();
const NODES = 20;
const KILLED = 5;

async function peersOf(node: NodeProcess): Promise<string[]> {
  const { code, stdout, stderr } = await node.run("dht", "peers");
  assert.equal(code, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

/** Asks again until `isTrue`; the limit bounds the wait, it is no delay. */
async function eventually(what: string, limitMs: number, isTrue: () => Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  while (!await isTrue()) {
    if (performance.now() - startedAt > limitMs) throw new Error(`Not within ${limitMs} ms: ${what}`);
  }
  return performance.now() - startedAt;
}

Deno.test("Twenty nodes find each other, survive five deaths, and deliver to a peer known by its id alone", async () => {
  await using folder = await temporaryFolder();
  const surroundings = { program: PROGRAM, workingDir: folder.path };
  await using nodes = new AsyncDisposableStack();
  const start = async (n: number, bootstrap: NodeProcess | null) => {
    const settings = [
      "transfer.accept=all",
      `transfer.output_dir=${join(folder.path, `received${n}`)}`,
      ...(bootstrap === null ? [] : [`dht.bootstrap=${bootstrap.address}`]),
    ];
    return nodes.use(await NodeProcess.start(join(folder.path, `node${n}`), settings, surroundings));
  };
  const first = await start(0, null);
  const rest: NodeProcess[] = [];
  for (let n = 1; n < NODES; n++) rest.push(await start(n, first));
  const last = rest[rest.length - 1];

  // Within ten seconds of the last one's start it knows all the others by their first friend alone.
  const joinedMs = await eventually(
    "the last node knows the others",
    10_000,
    async () => (await peersOf(last)).length === NODES - 1,
  );
  assert.ok(joinedMs <= 10_000);
  for (const line of await peersOf(last)) {
    assert.match(line, /^ed25519:[0-9a-f]{64} 127\.0\.0\.1:\d+ \S+ \S+$/);
  }
  const wanted = rest[7];
  await eventually(
    "the first node finds the eighth",
    10_000,
    async () => (await first.run("dht", "lookup", wanted.status.peer_id)).stdout.trim() === wanted.address,
  );

  // The bootstrap peer dies, too.
  const victims = [first, ...rest.slice(1, KILLED)];
  for (const victim of victims) victim.signal("SIGKILL");
  await Promise.all(victims.map((victim) => victim.ended()));
  await eventually(
    "a survivor finds another without the dead",
    15_000,
    async () => (await last.run("dht", "lookup", wanted.status.peer_id)).stdout.trim() === wanted.address,
  );

  const file = join(folder.path, "letter.bin");
  const hash = await generateFile(file, 300_000);
  const { code, stderr } = await last.run("send", file, "--to", wanted.status.peer_id);
  assert.equal(code, 0, stderr);
  assert.equal(await hashFile(join(folder.path, "received8", "letter.bin")), hash);

  const unknown = `ed25519:${"ab".repeat(32)}`;
  const missed = await last.run("dht", "lookup", unknown);
  assert.equal(missed.code, 1);
  assert.equal(missed.stdout, "");
  assert.equal(missed.stderr, `wraith: the DHT knows nothing of ${unknown}\n`);
});
