/**
 * Everything that `wraith export` can print about monitoring.
 *
 * @module
 */

import { alertmanagerTopic } from "./alertmanager.ts";
import type { ExportTopic } from "./artifact.ts";
import { kibanaTopic, logstashTopic } from "./elastic.ts";
import { grafanaTopic } from "./grafana.ts";
import { healthcheckTopic, logrotateTopic, readinessTopic, systemdTopic } from "./host.ts";
import { kubernetesTopic } from "./kubernetes.ts";
import { alertsTopic, prometheusTopic } from "./prometheus.ts";
import { wiresharkTopic } from "./wireshark.ts";

export const EXPORT_TOPICS: readonly ExportTopic[] = [
  prometheusTopic,
  alertsTopic,
  alertmanagerTopic,
  grafanaTopic,
  logstashTopic,
  kibanaTopic,
  kubernetesTopic,
  systemdTopic,
  logrotateTopic,
  healthcheckTopic,
  readinessTopic,
  wiresharkTopic,
];
