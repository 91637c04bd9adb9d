import assert from "node:assert/strict";
import { formatted, metricsPage, withRunbooks } from "../../scripts/monitoring_docs.ts";
import { METRIC_LIST } from "../../src/monitor/catalogue.ts";
import { sampleNames } from "../../src/monitor/metric_spec.ts";
import { RECORDING_RULES } from "../../src/monitor/export/alert_rules.ts";

const docs = (name: string) => Deno.readTextFile(new URL(`../../docs/${name}`, import.meta.url));

Deno.test("docs/metrics.md is what the catalogue says", async () => {
  assert.equal(await docs("metrics.md"), await formatted(metricsPage()), "run scripts/monitoring_docs.ts");
});

Deno.test("docs/operations.md has the runbooks of the alerts as they are", async () => {
  const page = await docs("operations.md");
  assert.equal(page, await formatted(withRunbooks(page)), "run scripts/monitoring_docs.ts");
});

Deno.test("No page names a metric that does not exist", async () => {
  const known = new Set([
    ...METRIC_LIST.flatMap((spec) => [spec.name, ...sampleNames(spec)]),
    ...RECORDING_RULES.map(({ record }) => record.replace(/^\w+:|:\w+$/g, "")),
  ]);
  for await (const { name } of Deno.readDir(new URL("../../docs/", import.meta.url))) {
    if (!name.endsWith(".md")) continue;
    for (const [metric] of (await docs(name)).matchAll(/\b(?:wraith|process)_[a-z_]+\b/g)) {
      // A family's name without what its samples add, as in wraith_bytes_*_total, is a pattern and no name.
      if (metric.endsWith("_")) continue;
      assert.ok(known.has(metric), `docs/${name} names ${metric}`);
    }
  }
});
