/**
 * Prometheus' files: what to scrape, and what to alert on.
 *
 * @module
 */

import { RUNBOOKS_PATH } from "../runbooks_route.ts";
import type { AlertRule } from "./alert_rule.ts";
import { ALERT_RULES, RECORDING_RULES } from "./alert_rules.ts";
import type { ExportContext, ExportTopic } from "./artifact.ts";
import { ALERT_RULES_TEXT, SCRAPE_CONFIG, SUSPICIOUS_HANDSHAKES } from "./specification.ts";
import { LONG_LINES, yamlText } from "./yaml_text.ts";

export const prometheusTopic: ExportTopic = {
  what: "prometheus",
  summary: "Prometheus: what to scrape",
  artifacts: (context) => [
    { file: "prometheus.yml", about: "a whole configuration for this node", text: scrapeConfig(context) },
    {
      file: "prometheus-fleet.yml",
      about: "the same, finding the fleet through the node's /sd",
      text: fleetConfig(context),
    },
    {
      file: "prometheus-specification.yml",
      about: "the specification's file, as written",
      text: SCRAPE_CONFIG,
    },
  ],
};

export const alertsTopic: ExportTopic = {
  what: "alerts",
  summary: "Prometheus: alert and recording rules",
  artifacts: (context) => [
    {
      file: "wraith-alerts.yml",
      about: "the specification's rules and the better ones beside them",
      text: `---\n# ${LONG_LINES}\n${specificationRules()}\n${ownGroups(context)}`,
    },
    {
      file: "specification-alerts.yml",
      about: "the specification's rules, as written",
      text: `---\n${specificationRules()}`,
    },
  ],
};

/** The specification's group with its fifth rule, which the text shows apart, in its place. */
function specificationRules(): string {
  return `${ALERT_RULES_TEXT}\n${SUSPICIOUS_HANDSHAKES.replace(/^(?=.)/gm, "      ")}`;
}

/** Our groups as further items of the same list. */
function ownGroups(context: ExportContext): string {
  const groups = [
    { name: "wraith-recording", interval: "30s", rules: RECORDING_RULES },
    { name: "wraith-node", interval: "30s", rules: ALERT_RULES.map((rule) => ruleDocument(rule, context)) },
  ];
  const text = yamlText("", { groups });
  return text.slice(text.indexOf("groups:\n") + "groups:\n".length);
}

function ruleDocument(rule: AlertRule, context: ExportContext): unknown {
  return {
    alert: rule.alert,
    expr: rule.expr,
    ...(rule.for ? { for: rule.for } : {}),
    labels: { severity: rule.severity },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      action: rule.action,
      runbook_url: runbookUrl(rule, context),
    },
  };
}

/**
 * Where the alert's runbook is. Nodes serve the runbooks, so without `--docs-url` the link leads to the node that
 * the alert is about; where it is about the fleet, to one that is up.
 */
function runbookUrl({ alert, isAboutFleet }: AlertRule, { config, docsUrl }: ExportContext): string {
  const anchor = alert.toLowerCase();
  if (docsUrl !== null) return `${docsUrl}operations.md#${anchor}`;
  const { prometheusPort, tlsCert } = config.monitoring;
  const anyNode = '{{ with query "up{job=\\"wraith\\"} == 1" }}{{ . | first | label "instance" }}' +
    `{{ else }}localhost:${prometheusPort}{{ end }}`;
  const host = isAboutFleet ? anyNode : "{{ $labels.instance }}";
  return `${tlsCert ? "https" : "http"}://${host}${RUNBOOKS_PATH}#${anchor}`;
}

function scrapeConfig(context: ExportContext): string {
  const { prometheusPort } = context.config.monitoring;
  return yamlText(
    "Prometheus for one WRAITH node on this machine.\n" +
      "wraith export alerts --dir . writes the rules that rule_files names.",
    prometheusDocument({
      ...scrapeJob(context),
      static_configs: [{ targets: [`localhost:${prometheusPort}`] }],
    }),
  );
}

function fleetConfig(context: ExportContext): string {
  const { prometheusPort, tlsCert } = context.config.monitoring;
  const url = `${tlsCert ? "https" : "http"}://localhost:${prometheusPort}/sd`;
  return yamlText(
    "Prometheus for the fleet of the WRAITH node on this machine: those of its\n" +
      "DHT contacts that are its known_peers or bootstrap peers. They must listen\n" +
      "beyond loopback (monitoring.bind) on one port (monitoring.sd_port).",
    prometheusDocument({
      ...scrapeJob(context),
      http_sd_configs: [{ url, refresh_interval: "1m", ...authorization(context) }],
      relabel_configs: [{ source_labels: ["__meta_wraith_peer_id"], target_label: "peer_id" }],
    }),
  );
}

function prometheusDocument(job: unknown): unknown {
  return {
    global: { scrape_interval: "15s", evaluation_interval: "30s" },
    rule_files: ["wraith-alerts*.yml"],
    alerting: { alertmanagers: [{ static_configs: [{ targets: ["localhost:9093"] }] }] },
    scrape_configs: [job],
  };
}

function scrapeJob(context: ExportContext): Record<string, unknown> {
  const { metricsPath } = context.config.monitoring;
  return {
    job_name: "wraith",
    scrape_interval: "15s",
    scrape_timeout: "10s",
    ...(metricsPath === "/metrics" ? {} : { metrics_path: metricsPath }),
    ...authorization(context),
  };
}

function authorization({ config }: ExportContext): Record<string, unknown> {
  const { tokenFile, tlsCert } = config.monitoring;
  return {
    ...(tlsCert ? { scheme: "https" } : {}),
    ...(tokenFile ? { authorization: { type: "Bearer", credentials_file: tokenFile } } : {}),
  };
}
