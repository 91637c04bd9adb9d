/**
 * Writes the generated parts of the monitoring pages: `docs/metrics.md`, and what stands between the marks of
 * `docs/operations.md`.
 *
 * `./scripts/deno run --allow-read --allow-write --allow-run scripts/monitoring_docs.ts`
 *
 * @module
 */

import { METRIC_LIST } from "../src/monitor/catalogue.ts";
import type { AlertRule } from "../src/monitor/export/alert_rule.ts";
import { ALERT_RULES, RECORDING_RULES } from "../src/monitor/export/alert_rules.ts";
import { SPECIFIED_ALERTS, type SpecifiedAlert } from "../src/monitor/export/specified_alerts.ts";
import { type MetricSpec, sampleNames } from "../src/monitor/metric_spec.ts";

const DOCS = new URL("../docs/", import.meta.url);

/** The page of all metrics. */
export function metricsPage(): string {
  const specified = METRIC_LIST.filter((spec) => spec.specified);
  const others = METRIC_LIST.filter((spec) => !spec.specified && spec.name.startsWith("wraith_"));
  const standard = METRIC_LIST.filter((spec) => spec.name.startsWith("process_"));
  return `# Metrics

Written from \`src/monitor/catalogue.ts\` by \`scripts/monitoring_docs.ts\`; a test keeps both in step. What to do
about a number that is not normal is in the runbook of an alert that watches it.

Every series is present from the first scrape, at 0 while nothing has happened, except where 0 would be a false
statement (marked *absent until known*). A label value that a family does not declare is counted under the value
\`overflow\`, and a family holds at most 100 label sets: a peer cannot make series.

Source: *events* are counted when they happen, *snapshot* and *scrape* are read when Prometheus asks, *sample* is taken
every \`monitoring.update_interval\`.

## Of the specification

${metricTable(specified)}
## Beside it

${metricTable(others)}
## Of the process

${metricTable(standard)}`;
}

/** The runbooks: one heading for each alert. */
export function runbooks(): string {
  return [...SPECIFIED_ALERTS.map(specifiedRunbook), ...ALERT_RULES.map(runbook)].join("\n");
}

/** `page` with its generated part made anew. */
export function withRunbooks(page: string): string {
  const [begin, end] = ["<!-- generated: runbooks -->\n", "<!-- end of generated -->"];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`operations.md has lost its mark ${begin.trim()}`);
  return `${page.slice(0, from)}${begin}\n${runbooks()}\n${page.slice(to)}`;
}

function metricTable(specs: readonly MetricSpec[]): string {
  const rows = specs.map((spec) =>
    [
      `\`${spec.name}\``,
      spec.type,
      labelText(spec),
      `${spec.help}${spec.absentUntilSet ? " *Absent until known.*" : ""}`,
      spec.normal,
      alertsOn(spec),
      spec.source,
    ].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")
  );
  return `| Name | Type | Labels | Meaning | Normal | Watched by | Source |
| --- | --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row} |\n`).join("")}`;
}

/** Links to the runbooks of the alerts that look at this metric. */
function alertsOn(spec: MetricSpec): string {
  const looksAt = new RegExp(`\\b(${sampleNames(spec).join("|")})\\b`);
  const recorded = RECORDING_RULES.filter(({ expr }) => looksAt.test(expr)).map(({ record }) => record);
  return [...SPECIFIED_ALERTS, ...ALERT_RULES]
    .filter(({ expr }) => looksAt.test(expr) || recorded.some((record) => expr.includes(record)))
    .map(({ alert }) => `[${alert}](operations.md#${alert.toLowerCase()})`).join(", ");
}

function labelText({ labels }: MetricSpec): string {
  return Object.entries(labels).map(([name, values]) =>
    values === "open" ? `\`${name}\`` : `\`${name}\`: ${values.join(", ")}`
  ).join("; ");
}

function runbook(rule: AlertRule): string {
  return section(rule, sentence(rule.description));
}

function specifiedRunbook(rule: SpecifiedAlert): string {
  return section(rule, `Of the specification; ${rule.better} has not its faults.`);
}

function section(
  rule: Pick<AlertRule, "alert" | "severity" | "meaning" | "action" | "expr" | "for">,
  introduction: string,
): string {
  return `### ${rule.alert}

Severity: ${rule.severity}. ${introduction}

*Means:* ${rule.meaning}

*Do:* ${rule.action}

\`\`\`promql
${rule.expr}
\`\`\`
${rule.for ? `\nFires after ${rule.for}.\n` : "\nFires at once.\n"}`;
}

/** A description without Alertmanager's placeholders, which mean nothing on a page. */
function sentence(description: string): string {
  return description.replace(/\{\{[^}]*\}\}/g, "…");
}

/** `page` as the formatter leaves it, so that writing it anew changes nothing. */
export async function formatted(page: string): Promise<string> {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: new URL("../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = formatter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(page));
  await writer.close();
  const { success, stdout } = await formatter.output();
  if (!success) throw new Error("Cannot format a page: deno fmt failed");
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("metrics.md", DOCS), await formatted(metricsPage()));
  const page = new URL("operations.md", DOCS);
  await Deno.writeTextFile(page, await formatted(withRunbooks(await Deno.readTextFile(page))));
}
