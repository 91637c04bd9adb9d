import assert from "node:assert/strict";
import { join } from "node:path";
import { generateFile, hashFile, startPair, usageOf } from "../../scripts/loopback_transfer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess, programUnderTest, runWraith } from "../support/wraith_process.ts";

const PROGRAM = programUnderTest();
const MIB = 1_048_576;

/** Names in a folder, but for what the receiver keeps for itself while a transfer is not over. */
async function finalNames(folder: string): Promise<string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name);
    return names.filter((name) => !name.startsWith(".")).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The last of the events that `--json` prints. */
function resultIn(stdout: string) {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}

function assertOneLine(stderr: string, said: RegExp): void {
  assert.match(stderr, said);
  assert.match(stderr, /^wraith: [^\n]+\n$/, "not one line");
}

Deno.test("A file crosses between two nodes, and both say so", async () => {
  await using folder = await temporaryFolder();
  await using pair = await startPair(folder.path, PROGRAM);
  const hash = await generateFile(join(folder.path, "file.bin"), 32 * MIB + 1);

  const { code, stdout, stderr } = await pair.sender.run(
    "send",
    join(folder.path, "file.bin"),
    "--to",
    pair.receiver.address,
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^sent file\.bin to ed25519:[0-9a-f]{64}: 33\.6 MB in [^\n]+\n$/);
  assert.equal(await hashFile(join(pair.receivedDir, "file.bin")), hash);
  assert.deepEqual(await finalNames(pair.receivedDir), ["file.bin"]);

  for (const node of [pair.sender, pair.receiver]) {
    const line = await node.waitForLog((candidate) =>
      ["File sent", "File received"].includes(candidate.message)
    );
    assert.equal(line.level, "info");
    const established = await node.waitForLog((candidate) => candidate.message === "Session established");
    assert.deepEqual(Object.keys(established.fields).slice(0, 3), [
      "peer_id",
      "remote_addr",
      "handshake_duration_ms",
    ]);
    assert.equal(await node.metric('wraith_sessions_total{result="success"}'), 1);
    assert.equal(await node.metric("wraith_transfers_active"), 0);
  }
  const sent = (await pair.sender.metric("wraith_bytes_sent_total"))!;
  const received = (await pair.receiver.metric("wraith_bytes_received_total"))!;
  assert.ok(sent > 32 * MIB && received > 32 * MIB, `${sent} sent, ${received} received`);

  const { transfers } = JSON.parse((await pair.receiver.run("transfers", "--json")).stdout);
  assert.deepEqual(
    transfers.map((transfer: { name: string; state: string; direction: string }) => [
      transfer.name,
      transfer.state,
      transfer.direction,
    ]),
    [["file.bin", "completed", "receive"]],
  );
  const { sessions } = JSON.parse((await pair.sender.run("sessions", "--json")).stdout);
  assert.equal(sessions[0].peer_id, pair.receiver.status.peer_id);
});

Deno.test("Without a node, send starts one for itself and leaves none behind", async () => {
  await using folder = await temporaryFolder();
  const surroundings = { workingDir: folder.path };
  const receivedDir = join(folder.path, "received");
  await using receiver = await NodeProcess.start(
    join(folder.path, "receiver"),
    ["dht.enabled=false", "transfer.accept=all", `transfer.output_dir=${receivedDir}`],
    surroundings,
  );
  const hash = await generateFile(join(folder.path, "a file.bin"), 3 * MIB);
  const args = ["send", "a file.bin", "--to", receiver.address, "--json", "--data-dir", "sender"];
  const { code, stdout, stderr } = await runWraith(args, surroundings);
  assert.equal(code, 0, stderr);
  const document = resultIn(stdout);
  assert.equal(document.event, "result");
  assert.equal(document.state, "completed");
  assert.equal(document.bytes_total, 3 * MIB);
  assert.equal(await hashFile(join(receivedDir, "a file.bin")), hash);
  await assert.rejects(Deno.stat(join(folder.path, "sender/control.sock")), Deno.errors.NotFound);
});

Deno.test("What cannot be sent says why in one line, fails, and leaves nothing under the final name", async () => {
  await using folder = await temporaryFolder();
  await using pair = await startPair(folder.path, PROGRAM);
  const file = await folder.write("file.bin", new Uint8Array(100_000));
  const { address, status } = pair.receiver;
  const stranger = `ed25519:${"ab".repeat(32)}`;
  const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const nobody = `${stranger}@127.0.0.1:${(silent.addr as Deno.NetAddr).port}`;
  const impatient = ["--set", "network.handshake_timeout=1s", "--set", "dht.enabled=false"];
  const own = (...words: string[]) =>
    runWraith([...words, "--data-dir", join(folder.path, "own"), ...impatient], { workingDir: folder.path });

  try {
    assertOneLine(
      (await own("send", "missing.bin", "--to", address)).stderr,
      /cannot send .*missing\.bin: no such file/,
    );
    assertOneLine((await own("send", "", "--to", address)).stderr, /send: a path is empty/);
    assertOneLine((await own("send", file, "--to", "bob")).stderr, /--to bob: expected ed25519:/);
    assertOneLine((await own("send", file, "--to", nobody)).stderr, /127\.0\.0\.1:\d+.*(timeout|no answer)/i);
    const wrongId = await own("send", file, "--to", `${stranger}@${status.listen}`);
    assertOneLine(wrongId.stderr, /identity_mismatch|another peer|not .*ed25519/i);
    const unknown = await own("send", file, "--to", address);
    assertOneLine(unknown.stderr, /not among this node's known peers/);
    assert.deepEqual([wrongId.code, unknown.code], [1, 1]);
  } finally {
    silent.close();
  }
  assert.deepEqual(await finalNames(pair.receivedDir), []);
});

Deno.test("An interrupted transfer leaves no file under the final name and goes on later", async () => {
  await using folder = await temporaryFolder();
  // Slow until there is something to interrupt, then as fast as it goes: the limit is live.
  const config = await folder.write("slow.toml", '[transfer]\nrate_limit = "2MB"\n');
  const surroundings = { workingDir: folder.path, env: { WRAITH_CONFIG: config } };
  const receivedDir = join(folder.path, "received");
  const settings = ["dht.enabled=false", "transfer.accept=all", `transfer.output_dir=${receivedDir}`];
  await using sender = await NodeProcess.start(join(folder.path, "sender"), settings, surroundings);
  await using receiver = await NodeProcess.start(join(folder.path, "receiver"), settings, {
    workingDir: folder.path,
  });
  const file = join(folder.path, "large.bin");
  const hash = await generateFile(file, 64 * MIB);
  const sending = sender.run("send", file, "--to", receiver.address, "--json");

  let [running] = [{ transfer_id: "", bytes_done: 0 }];
  do {
    await receiver.waitForLog((line) => line.message === "Transfer started");
    [running] = JSON.parse((await receiver.run("transfers", "--json")).stdout).transfers;
  } while (running.bytes_done < MIB);
  const cancelled = await sender.run("transfers", "cancel", running.transfer_id.slice(0, 8));
  assert.equal(cancelled.code, 0, cancelled.stderr);
  const { code, stderr } = await sending;
  assert.equal(code, 1, stderr);
  assertOneLine(stderr, /Cancelled by the sender/);
  assert.deepEqual(await finalNames(receivedDir), []);

  await Deno.writeTextFile(config, "");
  sender.signal("SIGHUP");
  await sender.waitForLog((line) => line.message === "Configuration reloaded");
  await receiver.waitForLog((line) => line.message === "Transfer failed");
  const again = await sender.run("send", file, "--to", receiver.address, "--json");
  assert.equal(again.code, 0, again.stderr);
  assert.ok(resultIn(again.stdout).bytes_resumed >= MIB / 2, again.stdout);
  assert.equal(await hashFile(join(receivedDir, "large.bin")), hash);
});

Deno.test("Ctrl-C ends a send with 130, says what has arrived, and the same command goes on", async () => {
  await using folder = await temporaryFolder();
  const receivedDir = join(folder.path, "received");
  const settings = ["dht.enabled=false", "transfer.accept=all", `transfer.output_dir=${receivedDir}`];
  await using receiver = await NodeProcess.start(join(folder.path, "receiver"), settings, {
    workingDir: folder.path,
  });
  const file = join(folder.path, "large.bin");
  const hash = await generateFile(file, 32 * MIB);
  const own = ["--data-dir", join(folder.path, "own"), "--set", "dht.enabled=false"];
  const args = ["send", file, "--to", receiver.address, ...own];
  const child = new Deno.Command(PROGRAM[0], {
    args: [...PROGRAM.slice(1), ...args, "--set", "transfer.rate_limit=4MB"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = child.output();
  await receiver.waitForLog((line) => line.message === "Transfer started");
  for (let done = 0; done < 2 * MIB;) {
    [{ bytes_done: done }] = JSON.parse((await receiver.run("transfers", "--json")).stdout).transfers;
  }
  child.kill("SIGINT");
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 130);
  assert.equal(stdout.length, 0);
  assert.match(
    new TextDecoder().decode(stderr),
    /^wraith: interrupted: [\d.]+ MB of 33\.6 MB are at the receiver; send the same again to resume$/m,
  );
  await receiver.waitForLog((line) => line.message === "Transfer failed");
  const again = await runWraith([...args, "--json"], { workingDir: folder.path });
  assert.equal(again.code, 0, again.stderr);
  assert.ok(resultIn(again.stdout).bytes_resumed >= MIB, again.stdout);
  assert.equal(await hashFile(join(receivedDir, "large.bin")), hash);
});

Deno.test("A file of more than 4 GiB keeps what lies behind the first 2^32 bytes", async () => {
  await using folder = await temporaryFolder();
  await using pair = await startPair(folder.path, PROGRAM);
  const path = join(folder.path, "sparse.bin");
  const words = [[2 ** 32 - 5, "across the edge"], [2 ** 32 + 700_001, "behind it"]] as const;
  {
    using file = await Deno.open(path, { write: true, createNew: true });
    await file.truncate(2 ** 32 + 1_000_003);
    for (const [position, text] of words) {
      await file.seek(position, Deno.SeekMode.Start);
      await file.write(new TextEncoder().encode(text));
    }
  }
  const { code, stderr } = await runLong(pair.sender, path, pair.receiver.address);
  assert.equal(code, 0, stderr);
  using received = await Deno.open(join(pair.receivedDir, "sparse.bin"));
  assert.equal((await received.stat()).size, 2 ** 32 + 1_000_003);
  for (const [position, text] of words) {
    const bytes = new Uint8Array(text.length);
    await received.seek(position, Deno.SeekMode.Start);
    await received.read(bytes);
    assert.equal(new TextDecoder().decode(bytes), text);
  }
});

/** A file system of `bytes` at `path`, or why there can be none. */
async function mountSmall(path: string, bytes: number): Promise<string | null> {
  await Deno.mkdir(path);
  try {
    const args = ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", path];
    const { success, stderr } = await new Deno.Command("mount", { args }).output();
    return success ? null : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

Deno.test("A full disk is one clear line at the sender and leaves nothing under the final name", async (t) => {
  await using folder = await temporaryFolder();
  const small = join(folder.path, "small");
  const obstacle = await mountSmall(small, 4 * MIB);
  const name = obstacle === null ? "on a tmpfs of 4 MiB" : `skipped: cannot mount a small disk (${obstacle})`;
  await t.step({
    name,
    ignore: obstacle !== null,
    fn: async () => {
      try {
        await using pair = await startPair(folder.path, PROGRAM);
        await using receiver = await NodeProcess.start(join(folder.path, "small-receiver"), [
          "dht.enabled=false",
          "transfer.accept=all",
          `transfer.output_dir=${small}/in`,
        ], { workingDir: folder.path });
        const file = join(folder.path, "large.bin");
        await generateFile(file, 8 * MIB);
        const { code, stderr } = await pair.sender.run("send", file, "--to", receiver.address);
        assert.equal(code, 1);
        assertOneLine(stderr, /space|bytes are needed/);
        assert.deepEqual(await finalNames(join(small, "in")), []);
      } finally {
        await new Deno.Command("umount", { args: [small] }).output();
      }
    },
  });
});

Deno.test("A file of 1 GiB crosses with flat memory at both ends", async () => {
  await using folder = await temporaryFolder();
  await using pair = await startPair(folder.path, PROGRAM);
  const file = join(folder.path, "huge.bin");
  const hash = await generateFile(file, 1_024 * MIB);
  const { code, stderr } = await runLong(pair.sender, file, pair.receiver.address);
  assert.equal(code, 0, stderr);
  assert.equal(await hashFile(join(pair.receivedDir, "huge.bin")), hash);
  for (const node of [pair.sender, pair.receiver]) {
    const { peakRssBytes } = usageOf(node.pid);
    if (peakRssBytes !== null) assert.ok(peakRssBytes < 300e6, `peak RSS ${peakRssBytes}`);
  }
});

/** A send that may take as long as a slow machine needs. */
function runLong(sender: NodeProcess, file: string, to: string) {
  const args = ["send", file, "--to", to, "--data-dir", sender.dataDir];
  return runWraith(args, { workingDir: sender.dataDir, limitMs: 300_000 });
}

Deno.test("The portable implementations and BBR carry a file as well", async () => {
  await using folder = await temporaryFolder();
  const settings = ["crypto.backend=portable", "network.backend=portable", "network.congestion=bbr"];
  await using pair = await startPair(folder.path, PROGRAM, settings);
  assert.equal(pair.sender.status.crypto, "noble");
  const file = join(folder.path, "file.bin");
  const hash = await generateFile(file, 4 * MIB);
  const { code, stderr } = await pair.sender.run("send", file, "--to", pair.receiver.address);
  assert.equal(code, 0, stderr);
  assert.equal(await hashFile(join(pair.receivedDir, "file.bin")), hash);
});
