import assert from "node:assert/strict";
import { join } from "node:path";
import { fromHex, toHex } from "../../src/bytes.ts";
import { NodeProcess, programUnderTest, runWraith } from "../support/wraith_process.ts";

Deno.test("No level of the log holds a byte of the keys that two nodes live by, and trace says much else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "wraith-secrets-" });
  try {
    for (const level of ["info", "trace"]) await transferAt(level, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function transferAt(level: string, folder: string): Promise<void> {
  const surroundings = { program: programUnderTest(), workingDir: folder };
  const settings = ["dht.enabled=false", `logging.level=${level}`, "transfer.accept=all"];
  await using receiver = await NodeProcess.start(
    join(folder, `receiver-${level}`),
    [...settings, `transfer.output_dir=${join(folder, `received-${level}`)}`],
    surroundings,
  );
  await using sender = await NodeProcess.start(join(folder, `sender-${level}`), settings, surroundings);
  const file = join(folder, "file.bin");
  await Deno.writeFile(file, crypto.getRandomValues(new Uint8Array(50_000)));
  const sent = await runWraith(
    ["send", file, "--to", receiver.address, "--data-dir", sender.dataDir],
    surroundings,
  );
  assert.equal(sent.code, 0, sent.stderr);
  await receiver.waitForLog((line) => line.message === "File received");
  for (const node of [sender, receiver]) {
    const text = [...node.log.map((line) => JSON.stringify(line)), ...node.errors].join("\n");
    for (const secret of await secretsOf(node)) assertAbsent(text, secret);
    const messages = new Set(node.log.map((line) => line.message));
    for (const message of ["Crypto operation", "Packet received", "Packet sent"]) {
      assert.equal(messages.has(message), level === "trace", `${message} at ${level}`);
    }
  }
}

/** The secrets of the identity file: every value in it of 64 hexadecimal digits. */
async function secretsOf(node: NodeProcess): Promise<Uint8Array[]> {
  const text = await Deno.readTextFile(join(node.dataDir, "identity.key"));
  const secrets = [...text.matchAll(/_(?:seed|secret_key) = "([0-9a-f]{64})"/g)].map((match) =>
    fromHex(match[1])
  );
  assert.equal(secrets.length, 2);
  return secrets;
}

/** Not even eight bytes of it in a row. */
function assertAbsent(text: string, secret: Uint8Array): void {
  const lower = text.toLowerCase();
  for (let start = 0; start + 8 <= secret.length; start++) {
    assert.ok(!lower.includes(toHex(secret.subarray(start, start + 8))), "a secret is in the log");
  }
}
