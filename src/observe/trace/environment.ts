/**
 * The standard OTEL_* variables (OpenTelemetry specification, SDK environment variables), which win over
 * `[tracing]`. A value that makes no sense is reported and ignored, as the specification asks.
 *
 * @module
 */

import type { TracingConfig } from "../../config/config.ts";

export type SamplerChoice =
  | { readonly kind: "always_on" | "always_off" }
  | { readonly kind: "ratio"; readonly ratio: number };

/** What tracing runs with. */
export interface TraceSettings {
  readonly isEnabled: boolean;
  readonly protocol: "http/protobuf" | "http/json";
  /** Full URL of the traces endpoint. */
  readonly url: string;
  readonly serviceName: string;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: SamplerChoice;
  /** Whether a peer's decision to sample or not is followed. */
  readonly isParentBased: boolean;
  readonly maxQueueSpans: number;
  readonly maxBatchSpans: number;
  readonly exportIntervalMs: number;
  /** For one batch, tries included. */
  readonly timeoutMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly compression: "gzip" | "none";
  /** PEM files. */
  readonly certificateFile: string | undefined;
  readonly clientCertificateFile: string | undefined;
  readonly clientKeyFile: string | undefined;
  /** What was ignored, one line each. */
  readonly warnings: readonly string[];
}

type Environment = (name: string) => string | undefined;

/** `config` with the environment over it. */
export function traceSettings(config: TracingConfig, environment: Environment): TraceSettings {
  const warnings: string[] = [];
  // The specification: an empty value is as good as none.
  const read = (name: string) => environment(name) || undefined;
  const resource = pairs("OTEL_RESOURCE_ATTRIBUTES", read("OTEL_RESOURCE_ATTRIBUTES"), warnings);
  const serviceName = read("OTEL_SERVICE_NAME") ?? resource["service.name"] ?? config.serviceName;
  const maxQueueSpans = wholeNumber(read, "OTEL_BSP_MAX_QUEUE_SIZE", 2048, warnings);
  return {
    isEnabled: config.enabled && read("OTEL_SDK_DISABLED")?.toLowerCase() !== "true" &&
      read("OTEL_TRACES_EXPORTER") !== "none",
    protocol: protocolOf(read, warnings),
    url: urlOf(config, read, warnings),
    serviceName,
    resource,
    ...samplerOf(config, read, warnings),
    maxQueueSpans,
    maxBatchSpans: Math.min(
      maxQueueSpans,
      wholeNumber(read, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, warnings),
    ),
    exportIntervalMs: wholeNumber(read, "OTEL_BSP_SCHEDULE_DELAY", 5000, warnings),
    timeoutMs: Math.min(
      wholeNumber(read, "OTEL_BSP_EXPORT_TIMEOUT", 30_000, warnings),
      wholeNumber(read, nameForTraces(read, "TIMEOUT"), 10_000, warnings),
    ),
    ...exporterSettings((name) => read(nameForTraces(read, name)), warnings),
    warnings,
  };
}

/** The variable that counts, of the one for traces and the one for all signals. */
function nameForTraces(read: Environment, name: string): string {
  const own = `OTEL_EXPORTER_OTLP_TRACES_${name}`;
  return read(own) === undefined ? `OTEL_EXPORTER_OTLP_${name}` : own;
}

/** Variables of which there is one for traces and one for all signals. */
function exporterSettings(
  read: Environment,
  warnings: string[],
): Pick<
  TraceSettings,
  "headers" | "compression" | "certificateFile" | "clientCertificateFile" | "clientKeyFile"
> {
  const compression = read("COMPRESSION") ?? "none";
  if (compression !== "gzip" && compression !== "none") {
    warnings.push(`OTEL_EXPORTER_OTLP_COMPRESSION=${compression} is unknown: not compressing`);
  }
  return {
    headers: pairs("OTEL_EXPORTER_OTLP_HEADERS", read("HEADERS"), warnings),
    compression: compression === "gzip" ? "gzip" : "none",
    certificateFile: read("CERTIFICATE"),
    clientCertificateFile: read("CLIENT_CERTIFICATE"),
    clientKeyFile: read("CLIENT_KEY"),
  };
}

function protocolOf(read: Environment, warnings: string[]): TraceSettings["protocol"] {
  const name = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ?? read("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (name === undefined || name === "http/protobuf") return "http/protobuf";
  if (name === "http/json") return name;
  warnings.push(`OTEL_EXPORTER_OTLP_PROTOCOL=${name} is not spoken here: using http/protobuf (or http/json)`);
  return "http/protobuf";
}

/** A signal's own URL is used as it is, a base URL gets the signal's path. */
function urlOf(config: TracingConfig, read: Environment, warnings: string[]): string {
  const own = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (own !== undefined && isHttp(own, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", warnings)) return own;
  const base = read("OTEL_EXPORTER_OTLP_ENDPOINT");
  const isBase = base !== undefined && isHttp(base, "OTEL_EXPORTER_OTLP_ENDPOINT", warnings);
  return (isBase ? base : config.endpoint).replace(/\/*$/, "") + "/v1/traces";
}

function isHttp(text: string, name: string, warnings: string[]): boolean {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return true;
  warnings.push(`${name} is no http or https URL: ignored`);
  return false;
}

function samplerOf(
  config: TracingConfig,
  read: Environment,
  warnings: string[],
): Pick<TraceSettings, "sampler" | "isParentBased"> {
  const name = read("OTEL_TRACES_SAMPLER");
  const fallback = { sampler: ratio(config.sampleRatio), isParentBased: true };
  if (name === undefined) return fallback;
  const isParentBased = name.startsWith("parentbased_");
  switch (name.replace(/^parentbased_/, "")) {
    case "always_on":
    case "always_off":
      return { sampler: { kind: name.endsWith("on") ? "always_on" : "always_off" }, isParentBased };
    case "traceidratio":
      return { sampler: ratio(ratioArgument(read, warnings)), isParentBased };
    default:
      warnings.push(`OTEL_TRACES_SAMPLER=${name} is unknown: ignored`);
      return fallback;
  }
}

function ratioArgument(read: Environment, warnings: string[]): number {
  const text = read("OTEL_TRACES_SAMPLER_ARG");
  const value = Number(text ?? 1);
  if (value >= 0 && value <= 1) return value;
  warnings.push(`OTEL_TRACES_SAMPLER_ARG=${text} is no number from 0 to 1: using 1`);
  return 1;
}

function ratio(value: number): SamplerChoice {
  return { kind: "ratio", ratio: value };
}

function wholeNumber(read: Environment, name: string, fallback: number, warnings: string[]): number {
  const text = read(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  warnings.push(`${name}=${text} is no whole number above 0: using ${fallback}`);
  return fallback;
}

/** `key=value` pairs, comma-separated, values percent-encoded (W3C Baggage). */
function pairs(name: string, text: string | undefined, warnings: string[]): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const pair of (text ?? "").split(",").filter((part) => part.trim() !== "")) {
    const [key, value] = splitPair(pair);
    try {
      if (key === "" || value === undefined) throw new URIError("no key=value");
      attributes[key] = decodeURIComponent(value);
    } catch {
      // The value may hold a token: it is not repeated.
      warnings.push(`${name} is malformed: ignored`);
      return {};
    }
  }
  return attributes;
}

function splitPair(pair: string): [string, string | undefined] {
  const equals = pair.indexOf("=");
  return equals < 0
    ? [pair.trim(), undefined]
    : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
}
