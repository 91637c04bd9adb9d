/**
 * The metrics as one JSON document, for programs that read no exposition format.
 *
 * @module
 */

import type { MetricType } from "./metric_spec.ts";
import type { Family } from "./registry.ts";

/** `GET /v1/metrics?format=json`, and `wraith metrics --json`. Field names are stable. */
export interface MetricsDocument {
  readonly metrics: readonly MetricDocument[];
}

export interface MetricDocument {
  readonly name: string;
  readonly type: MetricType;
  /** The base unit; empty where there is none. */
  readonly unit: string;
  readonly help: string;
  readonly samples: readonly {
    /** The family's name, or that with `_bucket`, `_sum`, `_count`. */
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    /** Text (`NaN`, `Infinity`) where JSON has no number for it. */
    readonly value: number | string;
  }[];
}

/** `families` as a document. */
export function metricsDocument(families: readonly Family[]): MetricsDocument {
  return {
    metrics: families.map(({ spec, samples }) => ({
      name: spec.name,
      type: spec.type,
      unit: spec.unit,
      help: spec.help,
      samples: samples.map(({ name, labels, value }) => ({
        name,
        labels: Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)])),
        value: Number.isFinite(value) ? value : String(value),
      })),
    })),
  };
}
