import { equal, ok } from "node:assert/strict";
import { nobleSuite } from "../../../src/crypto/noble_suite.ts";
import { measurePrimitives } from "../../../src/node/benchmark/primitives.ts";

Deno.test("Every operation is measured once per suite", async () => {
  const suites = [nobleSuite, { ...nobleSuite, name: "native" as const }];
  const rows = await measurePrimitives(suites, { rounds: 1, roundMs: 0 });
  const names = rows.map((row) => `${row.suite} ${row.operation}`);
  equal(new Set(names).size, names.length);
  equal(
    rows.filter((row) => row.suite === "noble").length,
    rows.filter((row) => row.suite === "native").length,
  );
  ok(rows.every((row) => row.us >= 0 && Number.isFinite(row.us)));
});
