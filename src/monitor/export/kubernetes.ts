/**
 * Kubernetes' files: probes, and a whole workload around them.
 *
 * @module
 */

import type { ExportContext, ExportTopic } from "./artifact.ts";
import { KUBERNETES_PROBES } from "./specification.ts";
import { yamlText } from "./yaml_text.ts";

export const kubernetesTopic: ExportTopic = {
  what: "kubernetes",
  summary: "Kubernetes: probes and a workload",
  artifacts: (context) => [
    { file: "wraith-probes.yml", about: "httpGet probes with a startup probe", text: probesText(context) },
    { file: "wraith-statefulset.yml", about: "a workload with those probes", text: workload(context) },
    {
      file: "wraith-probes-specification.yml",
      about: "the specification's exec probes, as written",
      text: KUBERNETES_PROBES,
    },
  ],
};

/** The probes of a container. The kubelet asks from outside the pod's loopback: monitoring.bind must say so. */
export function probes({ config }: ExportContext): Record<string, unknown> {
  const { tlsCert } = config.monitoring;
  const httpGet = (path: string) => ({ path, port: "metrics", ...(tlsCert ? { scheme: "HTTPS" } : {}) });
  return {
    // Gates the other two, so that neither needs an initial delay: up to 60 s for a slow start.
    startupProbe: {
      httpGet: httpGet("/startupz"),
      periodSeconds: 2,
      failureThreshold: 30,
      timeoutSeconds: 5,
    },
    livenessProbe: { httpGet: httpGet("/livez"), periodSeconds: 10, failureThreshold: 3, timeoutSeconds: 5 },
    readinessProbe: { httpGet: httpGet("/readyz"), periodSeconds: 5, failureThreshold: 1, timeoutSeconds: 3 },
  };
}

function probesText(context: ExportContext): string {
  return yamlText(
    "Probes over HTTP: no process is started, no shell is needed in the image.\n" +
      "They need WRAITH_MONITORING_BIND=0.0.0.0: the kubelet asks from outside.",
    probes(context),
  );
}

function workload(context: ExportContext): string {
  const { prometheusPort } = context.config.monitoring;
  const udpPort = Number(/:(\d+)$/.exec(context.config.network.listen)?.[1] ?? 41641);
  const labels = { "app.kubernetes.io/name": "wraith" };
  const container = {
    name: "wraith",
    image: "wraith:latest",
    args: ["daemon", "--data-dir", "/var/lib/wraith"],
    env: [
      { name: "WRAITH_MONITORING_BIND", value: "0.0.0.0" },
      { name: "WRAITH_MONITORING_PROMETHEUS_PORT", value: String(prometheusPort) },
    ],
    ports: [
      { name: "wraith", containerPort: udpPort, protocol: "UDP" },
      { name: "metrics", containerPort: prometheusPort, protocol: "TCP" },
    ],
    ...probes(context),
    resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "1Gi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 65532,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "data", mountPath: "/var/lib/wraith" }, { name: "tmp", mountPath: "/tmp" }],
  };
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "wraith", labels },
    spec: {
      clusterIP: "None",
      // The first nodes of a fleet find each other by this name before any of them is ready.
      publishNotReadyAddresses: true,
      selector: labels,
      ports: [
        { name: "wraith", port: udpPort, protocol: "UDP" },
        { name: "metrics", port: prometheusPort, protocol: "TCP" },
      ],
    },
  };
  const statefulSet = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "wraith", labels },
    spec: {
      serviceName: "wraith",
      replicas: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 30,
          securityContext: { fsGroup: 65532 },
          containers: [container],
          volumes: [{ name: "tmp", emptyDir: {} }],
        },
      },
      volumeClaimTemplates: [{
        metadata: { name: "data" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Gi" } } },
      }],
    },
  };
  return yamlText("A fleet of three nodes; each keeps its identity in its own volume.", service) +
    yamlText("The nodes.", statefulSet);
}
