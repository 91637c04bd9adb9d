/**
 * The catalogue as live numbers: one prom-client registry per node, and a typed handle per metric that
 * keeps every family within its declared labels and its cap.
 *
 * @module
 */

import { Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import { type MetricKey, METRICS } from "./catalogue.ts";
import {
  initialSeries,
  type LabelSchema,
  type LabelSet,
  MAX_SERIES_PER_FAMILY,
  type MetricSpec,
  type MetricType,
  OVERFLOW,
} from "./metric_spec.ts";

/** What ties one observation to a trace. */
export interface Exemplar {
  readonly traceId: string;
  readonly spanId: string;
}

type LabelsOf<L extends LabelSchema> = {
  readonly [K in keyof L]: L[K] extends readonly (infer V)[] ? V : string;
};

/** Counts up; or follows a number that something else counts. */
export interface CounterHandle<L> {
  inc(labels: L, by?: number): void;
  /** Makes the series show `total`, which its owner only ever increases. */
  follow(labels: L, total: number): void;
}

export interface GaugeHandle<L> {
  set(labels: L, value: number): void;
}

export interface ObserverHandle<L> {
  observe(labels: L, value: number, exemplar?: Exemplar | null): void;
}

type HandleOf<S> = S extends MetricSpec<infer T, infer L> ? T extends "counter" ? CounterHandle<LabelsOf<L>>
  : T extends "gauge" | "info" ? GaugeHandle<LabelsOf<L>>
  : ObserverHandle<LabelsOf<L>>
  : never;

export type MetricHandles = { readonly [K in MetricKey]: HandleOf<(typeof METRICS)[K]> };

/** One sample of a family as the serializer wants it. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar: { readonly labels: LabelSet; readonly value: number; readonly timestamp: number } | null;
}

/** A family with everything it holds now. */
export interface Family {
  readonly spec: MetricSpec;
  readonly samples: readonly Sample[];
}

/** The metrics of one node. Nothing about it is global. */
export class MetricRegistry {
  readonly metrics: MetricHandles;
  readonly #registry = new Registry();
  readonly #guards = new Map<string, SeriesGuard>();
  readonly #specs = new Map<string, MetricSpec>();

  constructor() {
    // prom-client accepts exemplars only in a registry of this content type; the text itself is ours.
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    const handles: Partial<Record<MetricKey, unknown>> = {};
    for (const [key, spec] of Object.entries(METRICS) as [MetricKey, MetricSpec][]) {
      const guard = new SeriesGuard(spec, () => this.metrics.metricsOverflow.inc({}));
      this.#guards.set(spec.name, guard);
      this.#specs.set(spec.name, spec);
      handles[key] = this.#create(spec, guard);
    }
    this.metrics = handles as MetricHandles;
    for (const family of this.#specs.keys()) this.metrics.metricsSeries.set({ family }, 0);
  }

  /** How many label sets each family holds. */
  seriesCounts(): ReadonlyMap<string, number> {
    return new Map([...this.#guards].map(([name, guard]) => [name, guard.size]));
  }

  /** Everything, in the catalogue's order; families that never had a value are left out. */
  async families(): Promise<Family[]> {
    const families: Family[] = [];
    for (const metric of await this.#registry.getMetricsAsJSON() as unknown as ClientMetric[]) {
      if (metric.values.length === 0) continue;
      families.push({ spec: this.#specs.get(metric.name)!, samples: metric.values.map(toSample(metric)) });
    }
    return families;
  }

  #create(spec: MetricSpec, guard: SeriesGuard): unknown {
    const config = {
      name: spec.name,
      help: spec.help,
      labelNames: Object.keys(spec.labels),
      registers: [this.#registry],
    };
    const create: Record<MetricType, () => unknown> = {
      counter: () => counterHandle(new Counter(config), guard),
      gauge: () => gaugeHandle(new Gauge(config), guard),
      info: () => gaugeHandle(new Gauge(config), guard),
      summary: () =>
        summaryHandle(
          new Summary({ ...config, ...SUMMARY_WINDOW, percentiles: [...spec.quantiles!] }),
          guard,
        ),
      histogram: () =>
        histogramHandle(
          new Histogram({ ...config, buckets: [...spec.buckets!], enableExemplars: true }),
          guard,
        ),
    };
    return create[spec.type]();
  }
}

/**
 * Keeps a family within its declaration: an unknown label value, or one label set too many, becomes the
 * family's single overflow series and is counted.
 */
class SeriesGuard {
  readonly #spec: MetricSpec;
  readonly #labelNames: readonly string[];
  readonly #known = new Set<string>();
  readonly #overflow: LabelSet;
  readonly #onOverflow: () => void;

  constructor(spec: MetricSpec, onOverflow: () => void) {
    this.#spec = spec;
    this.#labelNames = Object.keys(spec.labels);
    this.#overflow = Object.fromEntries(this.#labelNames.map((name) => [name, OVERFLOW]));
    this.#onOverflow = onOverflow;
  }

  get isUnlabelled(): boolean {
    return this.#labelNames.length === 0;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The label sets to create at start. */
  initial(): readonly LabelSet[] {
    return initialSeries(this.#spec).map((labels) => this.admit(labels));
  }

  /** `labels` if the family has room for them, else the overflow series. */
  admit(labels: LabelSet): LabelSet {
    // A length before each value keeps two different label sets from having the same key.
    const key = this.#labelNames.map((name) => `${labels[name].length}:${labels[name]}`).join();
    if (this.#known.has(key)) return labels;
    const fits = this.#known.size < MAX_SERIES_PER_FAMILY && this.#declared(labels);
    if (!fits) {
      this.#onOverflow();
      return this.#overflow;
    }
    this.#known.add(key);
    return labels;
  }

  #declared(labels: LabelSet): boolean {
    return this.#labelNames.every((name) => {
      const values = this.#spec.labels[name];
      return values === "open" || values.includes(labels[name]);
    });
  }
}

function counterHandle(metric: Counter, guard: SeriesGuard): CounterHandle<LabelSet> {
  // prom-client's counters only add, so a followed total adds what is new. A total that shrank belongs to an
  // owner that started again; the counter then goes on from where it was, as a counter must.
  const followed = new Map<string, number>();
  for (const labels of guard.initial()) metric.inc(labels, 0);
  return {
    inc: (labels, by = 1) => metric.inc(guard.admit(labels), by),
    follow(labels, total) {
      const admitted = guard.admit(labels);
      const key = Object.values(admitted).join("\0");
      const before = followed.get(key) ?? 0;
      followed.set(key, total);
      metric.inc(admitted, total >= before ? total - before : total);
    },
  };
}

function gaugeHandle(metric: Gauge, guard: SeriesGuard): GaugeHandle<LabelSet> {
  // prom-client shows an unlabelled gauge as 0 from the start; one that must be absent is taken out.
  if (guard.isUnlabelled) metric.remove();
  for (const labels of guard.initial()) metric.set(labels, 0);
  return { set: (labels, value) => metric.set(guard.admit(labels), value) };
}

function summaryHandle(metric: Summary, guard: SeriesGuard): ObserverHandle<LabelSet> {
  guard.initial();
  return { observe: (labels, value) => metric.observe(guard.admit(labels), value) };
}

function histogramHandle(metric: Histogram, guard: SeriesGuard): ObserverHandle<LabelSet> {
  for (const labels of guard.initial()) metric.zero(labels);
  return {
    observe(labels, value, exemplar) {
      metric.observe({
        labels: guard.admit(labels),
        value,
        exemplarLabels: exemplar ? { trace_id: exemplar.traceId, span_id: exemplar.spanId } : {},
      });
    },
  };
}

function toSample(metric: ClientMetric): (value: ClientValue) => Sample {
  return ({ metricName, labels, value, exemplar }) => ({
    name: metricName ?? metric.name,
    labels,
    value,
    exemplar: exemplar
      ? { labels: exemplar.labelSet, value: exemplar.value, timestamp: exemplar.timestamp }
      : null,
  });
}

/** What `getMetricsAsJSON` really returns; its declared type lacks exemplars. */
interface ClientMetric {
  readonly name: string;
  readonly values: readonly ClientValue[];
}

interface ClientValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar?:
    | { readonly labelSet: LabelSet; readonly value: number; readonly timestamp: number }
    | null;
}

const SUMMARY_WINDOW = { maxAgeSeconds: 600, ageBuckets: 5 };
