import assert from "node:assert/strict";
import { join } from "node:path";
import { generateFile, hashFile } from "../../scripts/loopback_transfer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess, programUnderTest, runWraith } from "../support/wraith_process.ts";

const MIB = 1_048_576;

Deno.test("A folder is shared by two nodes, found in the DHT and fetched from both", async () => {
  await using folder = await temporaryFolder();
  const surroundings = { workingDir: folder.path };
  await Deno.mkdir(join(folder.path, "album/raw"), { recursive: true });
  const hash = await generateFile(join(folder.path, "album/raw/one.bin"), 5 * MIB + 3);
  await Deno.writeTextFile(join(folder.path, "album/notes.txt"), "hello\n");

  await using first = await NodeProcess.start(join(folder.path, "a"), [], surroundings);
  const bootstrap = [`dht.bootstrap=${first.address}`];
  await using second = await NodeProcess.start(join(folder.path, "b"), bootstrap, surroundings);
  await using getter = await NodeProcess.start(join(folder.path, "c"), bootstrap, surroundings);

  const shared = await first.run("share", "album");
  assert.equal(shared.code, 0, shared.stderr);
  assert.match(shared.stdout, /^wraith:[0-9a-f]{64}\n$/);
  const link = shared.stdout.trim();
  // The same content has the same link, whoever shares it.
  assert.equal((await second.run("share", "album")).stdout.trim(), link);
  assert.deepEqual(
    JSON.parse((await first.run("share", "--json")).stdout).shares,
    [{ link, name: "album", files: 2, bytes: 5 * MIB + 9 }],
  );

  const got = await getter.run("get", link, "--output", "out", "--json");
  assert.equal(got.code, 0, got.stderr);
  assert.equal(JSON.parse(got.stdout.trimEnd().split("\n").at(-1)!).state, "completed");
  assert.equal(await hashFile(join(folder.path, "out/album/raw/one.bin")), hash);
  assert.equal(await Deno.readTextFile(join(folder.path, "out/album/notes.txt")), "hello\n");

  // Without a node of its own, and from a named peer.
  const own = ["--data-dir", "own", "--set", "dht.enabled=false"];
  const direct = await runWraith(
    ["get", link, "-o", "direct", "--from", second.address, ...own],
    surroundings,
  );
  assert.equal(direct.code, 0, direct.stderr);
  assert.match(direct.stdout, /^got album: 5\.24 MB in [^\n]+\n$/);
  assert.equal(await hashFile(join(folder.path, "direct/album/raw/one.bin")), hash);

  for (const node of [first, second]) assert.equal((await node.run("share", "--stop", link)).code, 0);
  const gone = await runWraith(["get", link, "-o", "gone", "--from", second.address, ...own], surroundings);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^wraith: No provider is left[^\n]*\n$/);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(join(folder.path, "gone"))), []);
});

Deno.test("A link that is none, or that nobody shares, is one clear line", async () => {
  await using folder = await temporaryFolder();
  const own = ["--data-dir", "own", "--set", "dht.enabled=false"];
  const run = (...words: string[]) => runWraith([...words, ...own], { workingDir: folder.path });
  const malformed = await run("get", "wraith:12");
  assert.equal(malformed.code, 2);
  assert.match(malformed.stderr, /wraith:12 is no link: expected wraith:<64 hex digits>/);
  const unknown = await run("get", `wraith:${"ab".repeat(32)}`);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^wraith: Cannot get wraith:(ab){32}: nobody is known to share it[^\n]*\n$/);
});

/** Runs the program with `--json` until an event is as wanted, then kills it. */
async function killWhen(
  args: readonly string[],
  workingDir: string,
  isSo: (event: { readonly bytes_done: number }) => boolean,
): Promise<void> {
  const [program, ...words] = programUnderTest();
  const child = new Deno.Command(program, {
    args: [...words, ...args],
    cwd: workingDir,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let text = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.split("\n").slice(0, -1).some((line) => isSo(JSON.parse(line)))) break;
  }
  child.kill("SIGKILL");
  assert.equal((await child.status).signal, "SIGKILL", text);
}

Deno.test("A fetch that is killed goes on with the chunks it has", async () => {
  await using folder = await temporaryFolder();
  const surroundings = { workingDir: folder.path };
  const hash = await generateFile(join(folder.path, "large.bin"), 24 * MIB + 5);
  const settings = ["dht.enabled=false", "transfer.rate_limit=4MB"];
  await using provider = await NodeProcess.start(join(folder.path, "a"), settings, surroundings);
  const link = (await provider.run("share", "large.bin")).stdout.trim();
  const words = ["get", link, "-o", "out", "--from", provider.address, "--json"];
  const own = ["--data-dir", "own", "--set", "dht.enabled=false"];
  await killWhen([...words, ...own], folder.path, ({ bytes_done }) => bytes_done >= 6 * MIB);
  const left = await Array.fromAsync(Deno.readDir(join(folder.path, "out")), (entry) => entry.name);
  assert.ok(left.length > 0 && left.every((name) => name.startsWith(".wraith-")), left.join());

  const { code, stdout, stderr } = await runWraith([...words, ...own], surroundings);
  assert.equal(code, 0, stderr);
  const result = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  assert.ok(result.bytes_resumed >= 4 * MIB, stdout);
  assert.equal(result.bytes_transferred, 24 * MIB + 5 - result.bytes_resumed);
  assert.equal(await hashFile(join(folder.path, "out/large.bin")), hash);
  assert.deepEqual(
    await Array.fromAsync(Deno.readDir(join(folder.path, "out")), (entry) => entry.name),
    ["large.bin"],
  );
});
