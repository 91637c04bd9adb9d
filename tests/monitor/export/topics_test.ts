import assert from "node:assert/strict";
import { parser } from "@prometheus-io/lezer-promql";
import { parse, parseAllDocuments } from "yaml";
import { METRIC_LIST } from "../../../src/monitor/catalogue.ts";
import { ALERT_RULES, RECORDING_RULES } from "../../../src/monitor/export/alert_rules.ts";
import { DASHBOARDS } from "../../../src/monitor/export/dashboards.ts";
import { sampleNames } from "../../../src/monitor/metric_spec.ts";
import { allArtifacts, artifactText } from "../../support/export_context.ts";
import { inTemporaryFolder, runTool, toolTest } from "../../support/external_tool.ts";

const SPECIFICATION = new URL("../../../../shared/spec/monitoring.md", import.meta.url);

function specificationText(): string | null {
  try {
    return Deno.readTextFileSync(SPECIFICATION);
  } catch {
    // deno-lint-ignore no-console
    console.log(`skipped: comparison with the specification needs ${SPECIFICATION.pathname}`);
    return null;
  }
}
const specification = specificationText();

/** Names that Prometheus itself makes. */
const FOREIGN = new Set(["up", "ALERTS"]);
const OWN = new Set([
  ...METRIC_LIST.flatMap(sampleNames),
  ...RECORDING_RULES.map((rule) => rule.record),
]);

/** Every query of every dashboard, with Grafana's variables replaced by something PromQL can read. */
function dashboardQueries(): string[] {
  return DASHBOARDS.flatMap((dashboard) => dashboard.rows)
    .flatMap((row) => row.panels)
    .flatMap((panel) => panel.queries)
    .map(({ expr }) => expr.replaceAll("$__rate_interval", "5m"));
}

/** Every expression of the rule file, the specification's among them. */
function ruleExpressions(): string[] {
  const { groups } = parse(artifactText("wraith-alerts.yml")) as { groups: { rules: { expr: string }[] }[] };
  return groups.flatMap((group) => group.rules.map((rule) => rule.expr));
}

/** The metric names that `expression` asks for; fails where it is no PromQL. */
function metricNames(expression: string): string[] {
  const names: string[] = [];
  parser.parse(expression).iterate({
    enter(node) {
      assert.ok(!node.type.isError, `no PromQL at ${node.from}: ${expression}`);
      if (node.name === "VectorSelector") {
        const [name] = /^[a-zA-Z_:][\w:]*/.exec(expression.slice(node.from, node.to)) ?? [];
        if (name) names.push(name);
      }
    },
  });
  return names;
}

Deno.test({
  name: "The specification's files are exported letter for letter",
  ignore: specification === null,
  fn() {
    const files = allArtifacts().filter(({ file }) =>
      file.includes("specification") || file === "wraith.kql"
    );
    assert.equal(files.length, 9);
    for (const { file, text } of files) {
      if (file === "specification-alerts.yml") continue;
      assert.ok(specification!.includes(`\n${text}\`\`\``), `${file} differs from the specification`);
    }
  },
});

Deno.test({
  name: "The specification's alert rules mean the same in the rule file as in its text",
  ignore: specification === null,
  fn() {
    const blocks = [...specification!.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text);
    const [group] = parse(blocks.find((text) => text.startsWith("groups:"))!).groups;
    const [suspicious] = parse(blocks.find((text) => text.startsWith("- alert:"))!);
    for (const file of ["wraith-alerts.yml", "specification-alerts.yml"]) {
      const [exported] = parse(artifactText(file)).groups;
      assert.deepEqual(exported, { ...group, rules: [...group.rules, suspicious] });
    }
  },
});

Deno.test("Every query of dashboards and rules is PromQL and asks for metrics that exist", () => {
  const queries = [...dashboardQueries(), ...ruleExpressions()];
  assert.ok(queries.length > 100);
  for (const query of queries) {
    for (const name of metricNames(query)) {
      assert.ok(OWN.has(name) || FOREIGN.has(name), `${name} is not in the catalogue: ${query}`);
    }
  }
});

Deno.test("PromQL that is none, and a metric that does not exist, would be noticed", () => {
  assert.throws(() => metricNames("sum(rate(wraith_bytes_sent_total[5m])"));
  assert.deepEqual(metricNames("sum(wraith_made_up_total) / up"), ["wraith_made_up_total", "up"]);
  assert.ok(!OWN.has("wraith_made_up_total"));
});

Deno.test("Every metric is shown in a dashboard or alerted on, or is known not to be", () => {
  const shown = new Set([...dashboardQueries(), ...ruleExpressions()].flatMap(metricNames));
  const unseen = METRIC_LIST.filter((spec) => !sampleNames(spec).some((name) => shown.has(name)));
  assert.deepEqual(unseen.map(({ name }) => name), [
    // Read when a collector is in doubt; the others of the standard set are shown under our own names.
    "wraith_metrics_collector_success",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
  ]);
});

Deno.test("Every dashboard keeps the linter's rules", () => {
  for (const dashboard of DASHBOARDS) {
    for (const panel of dashboard.rows.flatMap((row) => row.panels)) {
      assert.ok(panel.title && panel.description && panel.unit, panel.title);
      assert.ok(panel.queries.length > 0, panel.title);
      for (const { expr } of panel.queries) {
        assert.match(expr, /job=~"\$job", instance=~"\$instance"/, panel.title);
        assert.doesNotMatch(expr, /\[\d+[smh]\]/, `${panel.title}: a fixed range`);
      }
    }
  }
});

Deno.test("No two panels of a dashboard overlap", () => {
  for (const { file, text } of allArtifacts().filter(({ file }) => /^wraith-\w+\.json$/.test(file))) {
    if (file === "wraith-index-template.json") continue;
    const { panels } = JSON.parse(text) as {
      panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [i, { gridPos: a }] of panels.entries()) {
      assert.ok(a.x + a.w <= 24);
      for (const { gridPos: b } of panels.slice(i + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
        assert.ok(apart, `${file}: ${JSON.stringify([a, b])}`);
      }
    }
  }
});

Deno.test("Every dashboard is a Dashboard of @grafana/schema", async () => {
  const bare = allArtifacts().filter(({ file }) => DASHBOARDS.some(({ uid }) => file === `${uid}.json`));
  assert.equal(bare.length, DASHBOARDS.length);
  const folder = await Deno.makeTempDir({ dir: new URL("./", import.meta.url).pathname, prefix: ".schema-" });
  try {
    const module = bare.map(({ text }, i) => `export const dashboard${i}: Dashboard = ${text};`);
    await Deno.writeTextFile(
      `${folder}/dashboards.ts`,
      `import type { Dashboard } from "@grafana/schema";\n${module.join("\n")}`,
    );
    await Deno.writeTextFile(
      `${folder}/wrong.ts`,
      `import type { Dashboard } from "@grafana/schema";\n` +
        `export const dashboard: Dashboard = { schemaVersion: "x", panels: 3 };`,
    );
    const good = await runTool(Deno.execPath(), ["check", "--quiet", `${folder}/dashboards.ts`]);
    assert.ok(good.success, good.output);
    const bad = await runTool(Deno.execPath(), ["check", "--quiet", `${folder}/wrong.ts`]);
    assert.match(bad.output, /schemaVersion|panels/);
    assert.ok(!bad.success);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("API payloads hold the bare dashboards", () => {
  for (const { uid } of DASHBOARDS) {
    const payload = JSON.parse(artifactText(`${uid}.api.json`));
    assert.deepEqual(payload.dashboard, JSON.parse(artifactText(`${uid}.json`)));
  }
});

Deno.test("Scrape files follow the configuration", () => {
  const [job] = parse(
    allArtifacts([
      "monitoring.prometheus_port=9191",
      "monitoring.metrics_path=/m",
      "monitoring.token_file=/run/token",
    ]).find(({ file }) => file === "prometheus.yml")!.text,
  ).scrape_configs;
  assert.deepEqual(job.static_configs, [{ targets: ["localhost:9191"] }]);
  assert.equal(job.metrics_path, "/m");
  assert.deepEqual(job.authorization, { type: "Bearer", credentials_file: "/run/token" });
});

Deno.test("Kubernetes probes ask the paths that the listener serves, and never delay", () => {
  const probes = parse(artifactText("wraith-probes.yml"));
  assert.deepEqual(
    Object.values(probes).map((probe) => (probe as { httpGet: { path: string } }).httpGet.path),
    [
      "/startupz",
      "/livez",
      "/readyz",
    ],
  );
  const [service, statefulSet] = parseAllDocuments(artifactText("wraith-statefulset.yml")).map((d) =>
    d.toJS()
  );
  assert.equal(service.spec.publishNotReadyAddresses, true);
  const [container] = statefulSet.spec.template.spec.containers;
  assert.deepEqual(container.livenessProbe, probes.livenessProbe);
  const ports = container.ports.map(({ name }: { name: string }) => name);
  assert.ok(ports.includes(container.livenessProbe.httpGet.port));
});

Deno.test("The index template types every field of the log", () => {
  const template = JSON.parse(artifactText("wraith-index-template.json"));
  const fields = template.template.mappings.properties.fields.properties;
  assert.equal(fields.error_type.type, "keyword");
  assert.equal(fields.handshake_duration_ms.type, "double");
  assert.equal(template.template.mappings.dynamic, false);
});

Deno.test("Logstash pipelines keep to its grammar: sections of plugins of settings", () => {
  for (const file of ["wraith.conf", "wraith-specification.conf"]) {
    const rest = artifactText(file)
      .replace(/^\s*#.*$/gm, "")
      .replace(/"(?:[^"\\]|\\.)*"/g, "S")
      // Inside out: a setting, an array, a plugin, a condition, a section.
      .replace(/\[\s*S(?:\s*,\s*S)*\s*\]/g, "S")
      .replace(/\w+\s*=>\s*(?:S|\w+)/g, "=")
      .replace(/\w+\s*\{[\s=]*\}/g, "P")
      .replace(/if\s+\[\w+\]\s*==\s*S\s*\{[\sP]*\}/g, "P")
      .replace(/(?:input|filter|output)\s*\{[\sP]*\}/g, "")
      .trim();
    assert.equal(rest, "", file);
  }
});

Deno.test("Every runbook link leads to a heading of docs/operations.md", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/operations.md", import.meta.url));
  const anchors = new Set([...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title.toLowerCase()));
  for (const { alert } of ALERT_RULES) assert.ok(anchors.has(alert.toLowerCase()), alert);
});

toolTest("yamllint", "yamllint", "Every YAML file passes yamllint", async () => {
  await inTemporaryFolder(async (folder) => {
    const files = allArtifacts().filter(({ file }) => file.endsWith(".yml"));
    assert.ok(files.length > 10);
    for (const { file, text } of files) await Deno.writeTextFile(`${folder}/${file}`, text);
    const ours = files.map(({ file }) => file).filter((file) => !file.includes("specification"));
    const strict = await runTool("yamllint", ["--strict", ...ours], { cwd: folder });
    assert.ok(strict.success, strict.output);
    // As written, the specification's files lack a document start: a warning, no error.
    const all = await runTool("yamllint", ["."], { cwd: folder });
    assert.ok(all.success, all.output);
  });
});

toolTest("promtool", "prometheus", "Prometheus takes every scrape file", async () => {
  await inTemporaryFolder(async (folder) => {
    for (const { file, text } of allArtifacts()) await Deno.writeTextFile(`${folder}/${file}`, text);
    for (const file of ["prometheus.yml", "prometheus-fleet.yml", "prometheus-specification.yml"]) {
      const { success, output } = await runTool("promtool", ["check", "config", file], { cwd: folder });
      assert.ok(success, output);
    }
  });
});

toolTest("amtool", "prometheus-alertmanager", "Alertmanager takes every whole configuration", async () => {
  await inTemporaryFolder(async (folder) => {
    for (const file of ["alertmanager.yml", "alertmanager-service-key.yml"]) {
      await Deno.writeTextFile(`${folder}/${file}`, artifactText(file));
      const { success, output } = await runTool("amtool", ["check-config", file], { cwd: folder });
      assert.ok(success, output);
      const [receiver] = parse(artifactText(file)).receivers;
      const [pagerduty] = receiver.pagerduty_configs;
      // amtool lets both keys pass; PagerDuty does not.
      assert.ok("service_key" in pagerduty !== "routing_key" in pagerduty);
    }
  });
});

toolTest("systemd-analyze", "systemd", "systemd finds nothing wrong with the unit", async () => {
  await inTemporaryFolder(async (folder) => {
    const unit = artifactText("wraith.service").replace("/usr/local/bin/wraith ", `${Deno.execPath()} `);
    await Deno.writeTextFile(`${folder}/wraith.service`, unit);
    const { success, output } = await runTool("systemd-analyze", ["verify", `${folder}/wraith.service`]);
    assert.ok(success && output === "", output);
  });
});

toolTest("logrotate", "logrotate", "logrotate takes the stanza", async () => {
  await inTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/stanza`, artifactText("wraith.logrotate"));
    await Deno.chmod(`${folder}/stanza`, 0o644);
    const { success, output } = await runTool("logrotate", [
      "--debug",
      "--state",
      `${folder}/state`,
      `${folder}/stanza`,
    ]);
    assert.ok(success && !/error:/.test(output), output);
  });
});

toolTest("curl", "curl", "The probe scripts say the specification's words", async () => {
  const answers: Record<string, [number, string]> = {
    ready: [200, '{"status":"ok","checks":[{"name":"dht_peers","passing":true,"reason":"x","observed":7}]}'],
    lonely: [
      503,
      '{"status":"unavailable","checks":[{"name":"dht_peers","passing":false,"reason":"x","observed":1}]}',
    ],
    stopping: [
      503,
      '{"status":"unavailable","checks":[{"name":"lifecycle","passing":false,"reason":"x","observed":null}]}',
    ],
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const [status, body] = answers[new URL(request.url).pathname.split("/")[1]];
    return new Response(`${body}\n`, { status });
  });
  try {
    await inTemporaryFolder(async (folder) => {
      const run = async (script: string, url: string) => {
        await Deno.writeTextFile(`${folder}/${script}`, artifactText(script));
        const { code, stdout } = await new Deno.Command("sh", {
          args: [`${folder}/${script}`],
          env: { WRAITH_MONITORING_URL: url },
        }).output();
        return `${code} ${new TextDecoder().decode(stdout).trim()}`;
      };
      const base = `http://127.0.0.1:${server.addr.port}`;
      assert.equal(await run("wraith-healthcheck", `${base}/ready`), "0 OK: WRAITH healthy");
      assert.equal(
        await run("wraith-healthcheck", `${base}/lonely`),
        "2 CRITICAL: WRAITH event loop stalled",
      );
      assert.equal(
        await run("wraith-healthcheck", "http://127.0.0.1:1"),
        "2 CRITICAL: WRAITH process not running",
      );
      assert.equal(await run("wraith-readiness", `${base}/ready`), "0 OK: DHT ready (7 peers)");
      assert.equal(await run("wraith-readiness", `${base}/lonely`), "1 WARNING: Insufficient DHT peers (1)");
      assert.equal(await run("wraith-readiness", `${base}/stopping`), "1 WARNING: WRAITH not ready");
    });
  } finally {
    await server.shutdown();
  }
});
