import assert from "node:assert/strict";
import { join } from "node:path";
import { EXIT } from "../../src/cli/command.ts";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { systemEntropy } from "../../src/entropy.ts";
import { startNode, type WraithNode } from "../../src/node/node.ts";
import type { SessionDocument } from "../../src/node/control_status.ts";
import type { TransferDocument } from "../../src/node/transfer_documents.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** A node in `dataDir` on free ports, quiet but for errors in its log file; disposing stops it. */
async function nodeIn(dataDir: string, ...settings: string[]): Promise<WraithNode & AsyncDisposable> {
  const overrides = [
    `node.data_dir=${dataDir}`,
    "network.listen=127.0.0.1:0",
    "network.backend=portable",
    "crypto.backend=portable",
    "monitoring.enabled=false",
    "dht.enabled=false",
    `logging.output=${join(dataDir, "log")}`,
    ...settings,
  ];
  const load = () => loadConfig({ overrides, env: {}, workingDir: "/" });
  const node = await startNode({
    config: load().config,
    reload: load,
    clock: systemClock,
    entropy: systemEntropy,
    env: { get: () => undefined },
    role: "daemon",
  });
  return Object.assign(node, {
    async [Symbol.asyncDispose]() {
      node.stop("test over");
      await node.ended;
    },
  });
}

async function run(...words: string[]) {
  const host = testHost();
  const code = await runInProcess(words, host);
  return { code, out: host.stdout.text, err: host.stderr.text };
}

function addressOf({ view }: WraithNode): string {
  return `${view.facts.peerId}@${view.facts.listen}`;
}

Deno.test("A file goes from node to node, and both list it", async () => {
  await using folder = await temporaryFolder();
  const [senderDir, receiverDir] = [join(folder.path, "s"), join(folder.path, "r")];
  await using _sender = await nodeIn(senderDir);
  await using receiver = await nodeIn(receiverDir, "transfer.accept=all");
  const content = new Uint8Array(700_000).map((_, index) => index % 251);
  const file = await folder.write("file.bin", content);

  const sent = await run("send", file, "--to", addressOf(receiver), "--json", "--data-dir", senderDir);
  assert.equal(sent.code, EXIT.success, sent.err);
  const document: TransferDocument = JSON.parse(sent.out.trimEnd().split("\n").at(-1)!);
  assert.deepEqual([document.state, document.bytes_done], ["completed", content.length]);
  assert.deepEqual(await Deno.readFile(join(receiverDir, "received", "file.bin")), content);

  const { transfers } = JSON.parse((await run("transfers", "--json", "--data-dir", receiverDir)).out);
  assert.deepEqual(transfers.map((transfer: TransferDocument) => [transfer.name, transfer.direction]), [
    ["file.bin", "receive"],
  ]);
  const listed = await run("transfers", "--data-dir", senderDir);
  assert.match(listed.out, /^ID +DIRECTION .*\n[0-9a-f]{8} +send +completed +100% +700 kB .* file\.bin\n$/);
  const gone = await run("transfers", "pause", document.transfer_id, "--data-dir", senderDir);
  assert.equal(gone.code, EXIT.failure);
  assert.match(gone.err, /^wraith: no single transfer under way begins with [0-9a-f]{32}\n$/);
});

Deno.test("Transfers that start together share one session", async () => {
  await using folder = await temporaryFolder();
  const [senderDir, receiverDir] = [join(folder.path, "s"), join(folder.path, "r")];
  await using _sender = await nodeIn(senderDir, "transfer.max_parallel=20");
  await using receiver = await nodeIn(receiverDir, "transfer.accept=all", "transfer.max_parallel=20");
  // More than the 5 handshakes that a node takes from one source at a time.
  const sent = await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const file = await folder.write(`file-${index}`, `content ${index}`);
    return await run("send", file, "--to", addressOf(receiver), "--data-dir", senderDir);
  }));
  assert.deepEqual(sent.filter(({ code }) => code !== EXIT.success), []);
  const { sessions } = JSON.parse((await run("sessions", "--json", "--data-dir", senderDir)).out);
  assert.equal(sessions.length, 1);
});

Deno.test("Datagrams grow no further than either side's network.max_datagram", async () => {
  await using folder = await temporaryFolder();
  const [senderDir, receiverDir] = [join(folder.path, "s"), join(folder.path, "r")];
  await using _sender = await nodeIn(senderDir);
  await using receiver = await nodeIn(receiverDir, "transfer.accept=all", "network.max_datagram=1300");
  const file = await folder.write("file.bin", new Uint8Array(400_000));
  const sent = await run("send", file, "--to", addressOf(receiver), "--data-dir", senderDir);
  assert.equal(sent.code, EXIT.success, sent.err);
  const { sessions } = JSON.parse((await run("sessions", "--json", "--data-dir", senderDir)).out);
  assert.deepEqual(sessions.map((session: SessionDocument) => session.datagram_bytes), [1_300]);
});

Deno.test("Without a node, send is one for as long as it takes", async () => {
  await using folder = await temporaryFolder();
  await using receiver = await nodeIn(join(folder.path, "r"), "transfer.accept=all");
  const file = await folder.write("note.txt", "hello");
  const own = ["--data-dir", join(folder.path, "own"), "--set", "dht.enabled=false"];
  const quick = ["--set", "network.backend=portable", "--set", "network.listen=127.0.0.1:0"];
  const { code, out, err } = await run("send", file, "--to", addressOf(receiver), ...own, ...quick);
  assert.equal(code, EXIT.success, err);
  assert.match(out, /^sent note\.txt to ed25519:[0-9a-f]{64}: 5 B in /);
  assert.equal(await Deno.readTextFile(join(folder.path, "r/received/note.txt")), "hello");
});

Deno.test("A refusal by the receiver is the sender's one line", async () => {
  await using folder = await temporaryFolder();
  await using _sender = await nodeIn(join(folder.path, "s"));
  await using receiver = await nodeIn(join(folder.path, "r"));
  const file = await folder.write("file.bin", "x");
  const { code, out, err } = await run(
    "send",
    file,
    "--to",
    addressOf(receiver),
    "--data-dir",
    join(folder.path, "s"),
  );
  assert.deepEqual([code, out], [EXIT.failure, ""]);
  assert.match(err, /^wraith: Refused: the sender is not among this node's known peers .*\n$/);
});

Deno.test("A peer without an address cannot be sent to while the DHT is off", async () => {
  await using folder = await temporaryFolder();
  await using _sender = await nodeIn(join(folder.path, "s"));
  const file = await folder.write("file.bin", "x");
  const peer = `ed25519:${"ab".repeat(32)}`;
  const { code, err } = await run("send", file, "--to", peer, "--data-dir", join(folder.path, "s"));
  assert.equal(code, EXIT.failure);
  assert.equal(err, `wraith: cannot look up ${peer}: the DHT is off; say where it is with @host:port\n`);
});

Deno.test("A node that meets an error nobody expected says so and ends by itself", async () => {
  await using folder = await temporaryFolder();
  const node = await nodeIn(join(folder.path, "n"));
  node.fail(new Error("the invariant\nbroke"));
  await node.ended;
  const lines = (await Deno.readTextFile(join(folder.path, "n/log"))).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  const [fault] = lines.filter((line) => line.level === "error");
  assert.match(fault.message, /^internal error: Error: the invariant broke at /);
  assert.equal(lines.at(-1).message, "Node stopped");
});
