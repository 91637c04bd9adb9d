import { equal, match, ok } from "node:assert/strict";
import { benchTable, cryptoBench } from "../../scripts/bench/crypto.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";

Deno.test("cryptoBench measures every operation once per suite", () => {
  const rows = cryptoBench([nobleSuite, { ...nobleSuite, name: "native" }], { rounds: 1, roundMs: 0 });
  const names = rows.map((row) => `${row.suite} ${row.operation}`);
  equal(new Set(names).size, names.length);
  equal(
    rows.filter((row) => row.suite === "noble").length,
    rows.filter((row) => row.suite === "native").length,
  );
  ok(rows.every((row) => row.us >= 0 && Number.isFinite(row.us)));
});

Deno.test("benchTable puts suites side by side and the gain behind them", () => {
  const table = benchTable([
    { suite: "noble", operation: "seal", us: 25, bytes: 1_200 },
    { suite: "native", operation: "seal", us: 1, bytes: 1_200 },
    { suite: "noble", operation: "sign", us: 90, bytes: null },
    { suite: "native", operation: "sign", us: 45, bytes: null },
  ]);
  const [head, seal, sign] = table.split("\n");
  match(head, /^us per operation +noble +native +gain$/);
  match(seal, /^seal +25\.0 \(48 MB\/s\) +1\.00 \(1200 MB\/s\) +25\.0x$/);
  match(sign, /^sign +90\.0 +45\.0 +2\.0x$/);
});
