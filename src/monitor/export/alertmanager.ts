/**
 * Alertmanager's files: whom to page.
 *
 * @module
 */

import type { ExportTopic } from "./artifact.ts";
import { PAGERDUTY_RECEIVERS } from "./specification.ts";
import { yamlText } from "./yaml_text.ts";

export const alertmanagerTopic: ExportTopic = {
  what: "alertmanager",
  summary: "Alertmanager: whom to page",
  artifacts: () => [
    {
      file: "alertmanager.yml",
      about: "a whole configuration that pages through PagerDuty's Events API v2",
      text: eventsApiV2(),
    },
    {
      file: "alertmanager-service-key.yml",
      about: "the specification's receiver made a whole configuration (Events API v1)",
      text: eventsApiV1(),
    },
    {
      file: "alertmanager-specification.yml",
      about: "the specification's receivers, as written: a part of a file",
      text: PAGERDUTY_RECEIVERS,
    },
  ],
};

function eventsApiV2(): string {
  const receiver = {
    name: "pagerduty",
    pagerduty_configs: [{
      routing_key: "<YOUR_ROUTING_KEY>",
      severity: "{{ or .CommonLabels.severity `error` }}",
      description: "{{ .GroupLabels.alertname }}: {{ .CommonAnnotations.summary }}",
      class: "{{ .GroupLabels.alertname }}",
      group: "{{ .CommonLabels.job }}",
      component: "{{ .CommonLabels.instance }}",
      send_resolved: true,
      // As details and not as a link: PagerDuty refuses an empty one, and the specification's alerts have none.
      details: {
        runbook: "{{ .CommonAnnotations.runbook_url }}",
        action: "{{ .CommonAnnotations.action }}",
      },
    }],
  };
  return yamlText(
    "PagerDuty through the Events API v2, which knows severities.\n" +
      '<YOUR_ROUTING_KEY>: the key of an "Events API v2" integration.',
    document(receiver),
  );
}

function eventsApiV1(): string {
  const receiver = {
    name: "pagerduty",
    pagerduty_configs: [{
      service_key: "<YOUR_SERVICE_KEY>",
      description: "{{ .GroupLabels.alertname }}",
    }],
  };
  return yamlText(
    "The specification's receiver with the route it needs.\n" +
      "The Events API v1 carries no severity.\n" +
      "Without alertname in group_by, .GroupLabels.alertname would be empty.",
    document(receiver),
  );
}

function document(receiver: { readonly name: string }): unknown {
  return {
    route: {
      receiver: receiver.name,
      group_by: ["alertname", "job", "instance"],
      group_wait: "30s",
      group_interval: "5m",
      repeat_interval: "4h",
      routes: [{ receiver: "silent", matchers: ['severity="info"'] }],
    },
    // A node that is down or not the node at all explains everything else about it.
    inhibit_rules: [{
      source_matchers: ['alertname=~"WraithDown|WraithWrongTarget"'],
      target_matchers: ['alertname=~"Wraith.*|HighErrorRate|LowThroughput"', 'severity!="critical"'],
      equal: ["job", "instance"],
    }],
    receivers: [receiver, { name: "silent" }],
  };
}
