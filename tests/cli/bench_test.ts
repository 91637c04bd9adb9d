import assert from "node:assert/strict";
import { primitiveTable } from "../../src/cli/bench.ts";
import { EXIT } from "../../src/cli/command.ts";
import { runProgram } from "../../src/cli/program.ts";
import { wraith } from "../../src/cli/wraith.ts";
import { testHost } from "../support/cli_host.ts";

async function run(...words: string[]) {
  const host = testHost();
  const code = await runProgram(await wraith(words), words, host);
  return { code, out: host.stdout.text, err: host.stderr.text };
}

Deno.test("wraith bench measures the part that was asked for, as one document", async () => {
  const { code, out, err } = await run("bench", "sockets", "--json");
  assert.equal(code, EXIT.success, err);
  const { sockets, crypto, transfers, skipped } = JSON.parse(out);
  assert.deepEqual([crypto, transfers], [[], []]);
  const backends = skipped.length === 0 ? ["portable", "native"] : ["portable"];
  for (const backend of backends) {
    const rows = sockets.filter((row: { backend: string }) => row.backend === backend);
    assert.deepEqual(rows.map((row: { packet_bytes: number }) => row.packet_bytes), [
      1_200,
      1_452,
      8_952,
      65_507,
    ]);
    for (const row of rows) {
      assert.ok(row.datagrams_per_second > 0 && row.loss_ratio >= 0, JSON.stringify(row));
    }
  }
});

Deno.test("wraith bench refuses a part it does not have", async () => {
  const { code, err } = await run("bench", "disk");
  assert.equal(code, EXIT.usage);
  assert.match(err, /^wraith: .*disk.*crypto, sockets, transfer/);
});

Deno.test("The table of primitives puts suites side by side and the gain behind them", () => {
  const table = primitiveTable([
    { suite: "noble", operation: "seal", us: 25, bytes: 1_200 },
    { suite: "native", operation: "seal", us: 1, bytes: 1_200 },
    { suite: "noble", operation: "sign", us: 1_900, bytes: null },
    { suite: "native", operation: "sign", us: 45, bytes: null },
  ]);
  const [head, seal, sign] = table.split("\n");
  assert.match(head, /^OPERATION +NOBLE +NATIVE +GAIN$/);
  assert.match(seal, /^seal +25\.0 us \(48 MB\/s\) +1\.00 us \(1200 MB\/s\) +25\.0x$/);
  assert.match(sign, /^sign +1\.90 ms +45\.0 us +42\.2x$/);
});
