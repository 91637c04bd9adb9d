/**
 * Writes the registry's families as text: Prometheus 0.0.4 and OpenMetrics 1.0.0.
 *
 * prom-client's own writer is not used: it chooses the format per registry and not per request (and, once
 * asked for OpenMetrics, renames its counters for good), and its OpenMetrics lacks units, info metrics,
 * canonical bucket bounds and the escaping of quotes in help texts.
 *
 * `_created` samples are left out: Prometheus 2 stores them as series of their own, which doubles the cost
 * of every counter; a restart is visible in `process_start_time_seconds`.
 *
 * @module
 */

import { familyName } from "./metric_spec.ts";
import type { Family, Sample } from "./registry.ts";

export type ExpositionFormat = "openmetrics" | "text";

export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  text: "text/plain; version=0.0.4; charset=utf-8",
};

/** The whole exposition in one of the formats. */
export function writeExposition(families: readonly Family[], format: ExpositionFormat): string {
  const lines: string[] = [];
  for (const family of families) {
    if (format === "openmetrics") writeOpenMetrics(family, lines);
    else writeText(family, lines);
  }
  if (format === "openmetrics") lines.push("# EOF");
  return lines.join("\n") + "\n";
}

function writeText({ spec, samples }: Family, lines: string[]): void {
  // Format 0.0.4 knows no info type: an info metric is a gauge of value 1 there.
  const type = spec.type === "info" ? "gauge" : spec.type;
  lines.push(`# HELP ${spec.name} ${escapeText(spec.help)}`, `# TYPE ${spec.name} ${type}`);
  for (const sample of samples) lines.push(`${series(sample, String)} ${writeValue(sample.value)}`);
}

function writeOpenMetrics({ spec, samples }: Family, lines: string[]): void {
  const family = familyName(spec);
  lines.push(`# TYPE ${family} ${spec.type}`);
  if (spec.unit) lines.push(`# UNIT ${family} ${spec.unit}`);
  lines.push(`# HELP ${family} ${escapeLabel(spec.help)}`);
  for (const sample of samples) {
    lines.push(`${series(sample, canonicalBound)} ${writeValue(sample.value)}${writeExemplar(sample)}`);
  }
}

function series({ name, labels }: Sample, bound: (value: number) => string): string {
  const parts = Object.entries(labels).map(([label, value]) =>
    `${label}="${typeof value === "number" ? bound(value) : escapeLabel(value)}"`
  );
  return parts.length > 0 ? `${name}{${parts.join(",")}}` : name;
}

function writeExemplar({ exemplar }: Sample): string {
  if (!exemplar) return "";
  const labels = Object.entries(exemplar.labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
  return ` # {${labels.join(",")}} ${writeValue(exemplar.value)} ${exemplar.timestamp.toFixed(3)}`;
}

/** OpenMetrics wants `le` and `quantile` as floats: `1.0`, never `1`. */
function canonicalBound(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function writeValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

function escapeText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeText(text).replaceAll('"', '\\"');
}
