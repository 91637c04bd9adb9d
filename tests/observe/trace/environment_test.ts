import assert from "node:assert/strict";
import { traceSettings } from "../../../src/observe/trace/environment.ts";
import { formatTraceparent, parseTraceparent } from "../../../src/observe/trace/traceparent.ts";

const CONFIG = {
  enabled: true,
  endpoint: "http://localhost:4318",
  serviceName: "wraith-protocol",
  sampleRatio: 0.5,
};

function settings(environment: Readonly<Record<string, string>>) {
  return traceSettings(CONFIG, (name) => environment[name]);
}

Deno.test("Trace settings come from the file, with the standard's defaults beside", () => {
  assert.deepEqual(settings({}), {
    isEnabled: true,
    protocol: "http/protobuf",
    url: "http://localhost:4318/v1/traces",
    serviceName: "wraith-protocol",
    resource: {},
    sampler: { kind: "ratio", ratio: 0.5 },
    isParentBased: true,
    maxQueueSpans: 2048,
    maxBatchSpans: 512,
    exportIntervalMs: 5000,
    timeoutMs: 10_000,
    headers: {},
    compression: "none",
    certificateFile: undefined,
    clientCertificateFile: undefined,
    clientKeyFile: undefined,
    warnings: [],
  });
});

Deno.test("OTEL_ variables win over the file", () => {
  const found = settings({
    OTEL_SERVICE_NAME: "edge",
    OTEL_RESOURCE_ATTRIBUTES: "service.name=other,deployment.environment.name=prod%20eu",
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector:4318/base/",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
    OTEL_BSP_MAX_QUEUE_SIZE: "100",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc,x-tenant=1",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "2000",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
  });
  assert.equal(found.serviceName, "edge");
  assert.equal(found.resource["deployment.environment.name"], "prod eu");
  assert.equal(found.url, "https://collector:4318/base/v1/traces");
  assert.equal(found.protocol, "http/json");
  assert.deepEqual(found.sampler, { kind: "ratio", ratio: 0.25 });
  assert.equal(found.isParentBased, false);
  assert.deepEqual(found.headers, { authorization: "Bearer abc", "x-tenant": "1" });
  assert.equal(found.timeoutMs, 2000, "the traces' own variable wins");
  assert.equal(found.compression, "gzip");
  assert.equal(found.maxQueueSpans, 100);
  assert.equal(found.maxBatchSpans, 100);
  assert.deepEqual(found.warnings, []);
});

Deno.test("The signal's own endpoint is used as it is", () => {
  const url = "http://collector:4318/custom";
  assert.equal(
    settings({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url, OTEL_EXPORTER_OTLP_ENDPOINT: "http://x" }).url,
    url,
  );
});

Deno.test("Values that make no sense are reported and ignored, never fatal", () => {
  const found = settings({
    OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_TRACES_SAMPLER: "sometimes",
    OTEL_BSP_SCHEDULE_DELAY: "-1",
    OTEL_RESOURCE_ATTRIBUTES: "novalue",
    OTEL_SDK_DISABLED: "yes",
  });
  assert.equal(found.warnings.length, 5);
  assert.equal(found.url, "http://localhost:4318/v1/traces");
  assert.equal(found.exportIntervalMs, 5000);
  assert.ok(found.isEnabled, "only true means true");
});

Deno.test("An export has the shorter of its two times, and a wrong one is told by its whole name", () => {
  assert.equal(settings({ OTEL_BSP_EXPORT_TIMEOUT: "3000" }).timeoutMs, 3000);
  assert.equal(
    settings({ OTEL_BSP_EXPORT_TIMEOUT: "3000", OTEL_EXPORTER_OTLP_TIMEOUT: "500" }).timeoutMs,
    500,
  );
  const { timeoutMs, warnings } = settings({ OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "soon" });
  assert.equal(timeoutMs, 10_000);
  assert.deepEqual(warnings, [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=soon is no whole number above 0: using 10000",
  ]);
});

Deno.test("A traceparent round-trips, and a malformed one is none", () => {
  const span = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", isSampled: true };
  assert.deepEqual(parseTraceparent(formatTraceparent(span)), span);
  assert.deepEqual(parseTraceparent(`cc-${span.traceId}-${span.spanId}-09-what-the-future-will-be`), span);
  for (
    const text of [
      "",
      `00-${span.traceId}-${span.spanId}`,
      `00-${span.traceId}-${span.spanId}-01-more`,
      `ff-${span.traceId}-${span.spanId}-01`,
      `00-${"0".repeat(32)}-${span.spanId}-01`,
      `00-${span.traceId}-${"0".repeat(16)}-01`,
      `00-${span.traceId.toUpperCase()}-${span.spanId}-01`,
    ]
  ) assert.equal(parseTraceparent(text), null, text);
});
