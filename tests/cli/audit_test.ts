import assert from "node:assert/strict";
import { join } from "node:path";
import { EXIT } from "../../src/cli/command.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { peerIdOf } from "../../src/crypto/peer_id.ts";
import { createAudit } from "../../src/observe/audit/mod.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { ManualClock } from "../support/manual_clock.ts";

const SEED = new Uint8Array(32).fill(7);
const PEER = peerIdOf(nobleSuite.ed25519PublicKey(SEED));

async function withTrail(body: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const output = join(folder, "audit.log");
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const audit = createAudit({
    config: { enabled: true, output, maxSizeBytes: 0, maxBackups: 1 },
    bus,
    clock,
    crypto: nobleSuite,
    signer: { peerId: PEER, sign: (message) => nobleSuite.ed25519Sign(SEED, message) },
  });
  try {
    await audit.start();
    bus.emit({ type: "control.action", action: "transfer.cancel", outcome: "success", detail: "a\u202eb" });
    await audit.stop();
    await body(output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("wraith audit verify says OK and the head to keep, and exits 0", async () => {
  await withTrail(async (file) => {
    const host = testHost();
    const code = await runInProcess(["audit", "verify", "--file", file, "--peer", PEER], host);
    assert.equal(code, EXIT.success, host.stderr.text);
    assert.match(
      host.stdout.text,
      /^OK: records 1 to 4 in 1 file, 2 checkpoints, signed up to record 4 by ed25519:/,
    );
    const head = /^Head: (4:[0-9a-f]{64})$/m.exec(host.stdout.text)![1];
    const again = testHost();
    assert.equal(
      await runInProcess(["audit", "verify", "--file", file, "--head", head, "--json"], again),
      EXIT.success,
    );
    assert.equal(JSON.parse(again.stdout.text).intact, true);
  });
});

Deno.test("wraith audit verify names what is wrong, with file and line, and exits 1", async () => {
  await withTrail(async (file) => {
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace("transfer.cancel", "transfer.resume"));
    const host = testHost();
    const code = await runInProcess(["audit", "verify", "--file", file, "--peer", PEER], host);
    assert.equal(code, EXIT.failure);
    assert.match(host.stdout.text, /^EDITED .*audit\.log:3: record 3 was edited/);
    assert.match(host.stdout.text, /^NOT INTACT: /m);
  });
});

Deno.test("wraith audit tail prints records that cannot deceive their reader", async () => {
  await withTrail(async (file) => {
    const host = testHost();
    assert.equal(
      await runInProcess(["audit", "tail", "-n", "2", "--file", file], host),
      EXIT.success,
    );
    const lines = host.stdout.text.trimEnd().split("\n");
    assert.equal(lines.length, 2);
    assert.match(lines[0], /control\.action {2}Control action {2}action="transfer\.cancel" .*"a\\u202eb"/);
    const json = testHost();
    assert.equal(await runInProcess(["audit", "tail", "--json", "--file", file], json), EXIT.success);
    assert.equal(JSON.parse(json.stdout.text).length, 4);
  });
});

Deno.test("wraith audit refuses what it cannot use with one line", async () => {
  for (
    const [words, exit, line] of [
      [["audit", "verify", "--file", "/nowhere/audit.log"], EXIT.failure, /There is no audit trail at/],
      [["audit", "verify", "--file", "x", "--head", "7"], EXIT.usage, /--head takes/],
      [["audit", "verify", "--file", "x", "--peer", "me"], EXIT.usage, /--peer takes/],
      [["audit", "tail", "--file", "x", "--lines", "0"], EXIT.usage, /--lines takes/],
    ] as const
  ) {
    const host = testHost();
    assert.equal(await runInProcess([...words], host), exit, words.join(" "));
    assert.match(host.stderr.text, line);
    assert.equal(host.stderr.text.trimEnd().split("\n").length, 1);
  }
});
