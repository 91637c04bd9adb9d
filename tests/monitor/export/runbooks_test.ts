import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { EXIT } from "../../../src/cli/command.ts";
import { ALERT_RULES } from "../../../src/monitor/export/alert_rules.ts";
import { SPECIFIED_ALERTS } from "../../../src/monitor/export/specified_alerts.ts";
import { createMonitor } from "../../../src/monitor/monitor.ts";
import { EventBus } from "../../../src/observe/event_bus.ts";
import { runInProcess, testHost } from "../../support/cli_host.ts";
import { artifactText } from "../../support/export_context.ts";
import { inTemporaryFolder, runTool, toolTest } from "../../support/external_tool.ts";
import { FakeNodeView, monitoringConfig } from "../../support/fake_node_view.ts";
import { ManualClock } from "../../support/manual_clock.ts";

interface Rule {
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: { readonly severity: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

function rulesOf(text: string): Rule[] {
  return (parse(text).groups as { rules: Rule[] }[]).flatMap(({ rules }) => rules)
    .filter(({ alert }) => alert !== undefined);
}

Deno.test("The runbooks of the specification's alerts speak of the rules as written", () => {
  const written = rulesOf(artifactText("specification-alerts.yml"));
  assert.deepEqual(
    SPECIFIED_ALERTS.map(({ alert, expr, for: wait, severity }) => ({ alert, expr, for: wait, severity })),
    written.map(({ alert, expr, for: wait, labels }) => ({
      alert,
      expr,
      for: wait,
      severity: labels!.severity,
    })),
  );
  for (const { better } of SPECIFIED_ALERTS) assert.ok(ALERT_RULES.some(({ alert }) => alert === better));
});

Deno.test("A node serves the runbook of every alert, to who has no token too", async () => {
  await inTemporaryFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/token`, "secret-token\n");
    const clock = new ManualClock();
    const config = monitoringConfig({ tokenFile: `${folder}/token` });
    const monitor = createMonitor({ view: new FakeNodeView(), bus: new EventBus(clock), clock, config });
    await monitor.start();
    try {
      const response = await fetch(`${monitor.url}/runbooks`);
      const page = await response.text();
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
      assert.match(
        response.headers.get("content-security-policy")!,
        /^default-src 'none'; style-src 'sha256-/,
      );
      const anchors = [...page.matchAll(/<section id="([a-z]+)">/g)].map(([, anchor]) => anchor);
      const alerts = rulesOf(artifactText("wraith-alerts.yml")).map(({ alert }) => alert!.toLowerCase());
      assert.deepEqual(anchors.toSorted(), alerts.toSorted());
      assert.match(page, /up\{job=&#34;wraith&#34;\} == 0/);
      assert.match(page, /<code>wraith healthcheck<\/code>/);
    } finally {
      await monitor.stop();
    }
  });
});

toolTest("promtool", "prometheus", "An alert links to the runbook on the node it is about", async () => {
  await inTemporaryFolder(async (folder) => {
    const rules = "wraith-alerts.yml";
    await Deno.writeTextFile(`${folder}/${rules}`, artifactText(rules));
    const annotationsOf = (alert: string, runbook: string, summary: string) => {
      const { description, action } = ALERT_RULES.find((rule) => rule.alert === alert)!;
      return { summary, description, action, runbook_url: runbook };
    };
    const node = 'job="wraith", instance="node-1:9443"';
    const test = (
      series: Readonly<Record<string, string>>,
      alertname: string,
      labels: Readonly<Record<string, string>>,
      annotations: Readonly<Record<string, string>>,
    ) => ({
      interval: "15s",
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      alert_rule_test: [{
        eval_time: "90m",
        alertname,
        exp_alerts: [{ exp_labels: labels, exp_annotations: annotations }],
      }],
    });
    const failures = `wraith_transfers_total{${node}, direction="send", result="failure", reason="storage"}`;
    const document = {
      rule_files: [rules],
      evaluation_interval: "30s",
      tests: [
        test(
          { [`wraith_ready{${node}}`]: "0x480" },
          "WraithNotReady",
          { job: "wraith", instance: "node-1:9443", severity: "warning" },
          annotationsOf(
            "WraithNotReady",
            "http://node-1:9443/runbooks#wraithnotready",
            "node-1:9443 is not ready",
          ),
        ),
        // It speaks of the job: the link leads to a node that is up.
        test(
          {
            [failures]: "0+1x480",
            [`up{${node}}`]: "1x480",
            'up{job="wraith", instance="a-node-that-is-down:9090"}': "0x480",
          },
          "WraithTransferErrorBudgetBurn",
          { job: "wraith", severity: "critical" },
          annotationsOf(
            "WraithTransferErrorBudgetBurn",
            "http://node-1:9443/runbooks#wraithtransfererrorbudgetburn",
            "Transfers of job wraith fail at 100%",
          ),
        ),
        // Nothing is known to be up.
        test(
          { "some_other_series": "1x480" },
          "WraithTargetMissing",
          { job: "wraith", severity: "critical" },
          annotationsOf(
            "WraithTargetMissing",
            "http://localhost:9090/runbooks#wraithtargetmissing",
            "No WRAITH node is scraped at all",
          ),
        ),
      ],
    };
    await Deno.writeTextFile(`${folder}/tests.yml`, stringify(document));
    const { success, output } = await runTool("promtool", ["test", "rules", "tests.yml"], { cwd: folder });
    assert.ok(success, output);
  });
});

Deno.test("--docs-url leads every runbook link elsewhere, and must be a URL", async () => {
  const exported = async (...words: string[]) => {
    const host = testHost();
    const code = await runInProcess(["export", "alerts", ...words], host);
    return { code, out: host.stdout.text, err: host.stderr.text };
  };
  const { out } = await exported("--docs-url", "https://docs.example/wraith");
  const links = rulesOf(out).flatMap(({ annotations }) => annotations?.runbook_url ?? []);
  assert.equal(links.length, ALERT_RULES.length);
  for (const link of links) {
    assert.match(link, /^https:\/\/docs\.example\/wraith\/operations\.md#wraith[a-z]+$/);
  }
  const refused = await exported("--docs-url", "docs");
  assert.deepEqual([refused.code, refused.err.trim().split("\n").length], [EXIT.usage, 1]);
});
