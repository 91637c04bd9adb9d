/**
 * Grafana's files: dashboards bare and in the envelope of its HTTP API, and provisioning.
 *
 * @module
 */

import type { Artifact, ExportTopic } from "./artifact.ts";
import { DASHBOARDS } from "./dashboards.ts";
import { dashboardJson, type DashboardSpec } from "./grafana_panel.ts";
import { DASHBOARD } from "./specification.ts";
import { yamlText } from "./yaml_text.ts";

export const grafanaTopic: ExportTopic = {
  what: "grafana",
  summary: "Grafana: dashboards and their provisioning",
  artifacts: () => [
    ...DASHBOARDS.map(bareFile),
    ...DASHBOARDS.map(apiPayload),
    {
      file: "grafana-dashboards.yml",
      about: "provisioning: where Grafana finds the bare files",
      text: provider(),
    },
    { file: "grafana-datasource.yml", about: "provisioning: Prometheus on this machine", text: datasource() },
    {
      file: "grafana-specification.json",
      about: "the specification's dashboard, as written (HTTP API envelope, Grafana below 12)",
      text: DASHBOARD,
    },
  ],
};

function bareFile(spec: DashboardSpec): Artifact {
  return {
    file: `${spec.uid}.json`,
    about: `dashboard ${spec.title}, for provisioning or import`,
    text: `${JSON.stringify(dashboardJson(spec), null, 2)}\n`,
  };
}

function apiPayload(spec: DashboardSpec): Artifact {
  const payload = { dashboard: dashboardJson(spec), overwrite: true, message: "wraith export grafana" };
  return {
    file: `${spec.uid}.api.json`,
    about: `the same, for POST /api/dashboards/db`,
    text: `${JSON.stringify(payload, null, 2)}\n`,
  };
}

function provider(): string {
  return yamlText(
    "Goes to /etc/grafana/provisioning/dashboards/.\nThe bare dashboard files go to the path below.",
    {
      apiVersion: 1,
      providers: [{
        name: "wraith",
        folder: "WRAITH",
        type: "file",
        allowUiUpdates: false,
        options: { path: "/var/lib/grafana/dashboards/wraith" },
      }],
    },
  );
}

function datasource(): string {
  return yamlText("Goes to /etc/grafana/provisioning/datasources/.\nPoint url at your Prometheus.", {
    apiVersion: 1,
    datasources: [{
      name: "Prometheus",
      type: "prometheus",
      access: "proxy",
      url: "http://localhost:9091",
      isDefault: true,
      jsonData: { timeInterval: "15s", httpMethod: "POST" },
    }],
  });
}
