/**
 * How one metric is declared: the shape of every row of the catalogue.
 *
 * @module
 */

/** OpenMetrics types that this node exposes. */
export type MetricType = "counter" | "gauge" | "summary" | "histogram" | "info";

/**
 * The values a label may take. A list is closed: every value is present from the first scrape, and anything
 * else is counted under {@link OVERFLOW}. `open` is text that this node itself chose, once.
 */
export type LabelValues = readonly string[] | "open";
export type LabelSchema = Readonly<Record<string, LabelValues>>;
export type LabelSet = Readonly<Record<string, string>>;

/** Where a metric's values come from. */
export type MetricSource = "events" | "snapshot" | "sample" | "scrape";

/** Declares one metric family. */
export interface MetricSpec<T extends MetricType = MetricType, L extends LabelSchema = LabelSchema> {
  readonly type: T;
  /** As spelled in the text exposition: counters with `_total`, info with `_info`. */
  readonly name: string;
  /** What is counted, once per what; what is not. */
  readonly help: string;
  readonly labels: L;
  /** The base unit, which is then the suffix of the family's name; empty where there is none. */
  readonly unit: string;
  readonly source: MetricSource;
  /** What an operator should expect to see. */
  readonly normal: string;
  /** Label sets that exist; all combinations of closed values when left out. */
  readonly series?: readonly LabelSet[];
  /** Upper bounds of a histogram's buckets, without +Inf. */
  readonly buckets?: readonly number[];
  /** Quantiles of a summary. */
  readonly quantiles?: readonly number[];
  /** Whether the monitoring specification names this family: then its spelling may never change. */
  readonly specified: boolean;
  /** Absent until first set, because 0 would be a false statement. */
  readonly absentUntilSet: boolean;
}

/** The value of every label of a series that stands for what did not fit. */
export const OVERFLOW = "overflow";

/** Most label sets that one family may hold besides its overflow series. */
export const MAX_SERIES_PER_FAMILY = 100;

/** Every combination of the given label values, in declaration order. */
export function combinations(labels: Readonly<Record<string, readonly string[]>>): LabelSet[] {
  let sets: LabelSet[] = [{}];
  for (const [name, values] of Object.entries(labels)) {
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [name]: value })));
  }
  return sets;
}

/** The label sets that are present from the first scrape. */
export function initialSeries(spec: MetricSpec): readonly LabelSet[] {
  if (spec.absentUntilSet) return [];
  if (spec.series) return spec.series;
  const closed: Record<string, readonly string[]> = {};
  for (const [name, values] of Object.entries(spec.labels)) {
    if (values === "open") return [];
    closed[name] = values;
  }
  return combinations(closed);
}

/** The family's name in OpenMetrics, where the suffix that the type implies belongs to the sample. */
export function familyName(spec: Pick<MetricSpec, "name" | "type">): string {
  if (spec.type === "counter") return spec.name.replace(/_total$/, "");
  return spec.type === "info" ? spec.name.replace(/_info$/, "") : spec.name;
}

/** Every sample name that the text exposition may hold for this metric. */
export function sampleNames(spec: Pick<MetricSpec, "name" | "type">): string[] {
  if (spec.type === "summary") return [spec.name, `${spec.name}_sum`, `${spec.name}_count`];
  if (spec.type === "histogram") return [`${spec.name}_bucket`, `${spec.name}_sum`, `${spec.name}_count`];
  return [spec.name];
}

type Details<L extends LabelSchema> = {
  readonly labels?: L;
  readonly unit?: string;
  readonly source?: MetricSource;
  readonly normal: string;
  readonly series?: readonly LabelSet[];
  readonly specified?: boolean;
  readonly absentUntilSet?: boolean;
};

/** Declares a counter; `name` ends in `_total`. */
export function counter<const L extends LabelSchema = Record<never, never>>(
  name: string,
  help: string,
  details: Details<L>,
): MetricSpec<"counter", L> {
  return declare("counter", name, help, details);
}

/** Declares a gauge. */
export function gauge<const L extends LabelSchema = Record<never, never>>(
  name: string,
  help: string,
  details: Details<L>,
): MetricSpec<"gauge", L> {
  return declare("gauge", name, help, details);
}

/** Declares a constant 1 whose labels carry facts; `name` ends in `_info`. */
export function info<const L extends LabelSchema>(
  name: string,
  help: string,
  details: Details<L>,
): MetricSpec<"info", L> {
  return declare("info", name, help, details);
}

/** Declares a summary over the sliding ten minutes, in seconds. */
export function summary<const L extends LabelSchema = Record<never, never>>(
  name: string,
  help: string,
  details: Details<L>,
): MetricSpec<"summary", L> {
  return {
    ...declare("summary", name, help, { unit: "seconds", ...details }),
    quantiles: [0.5, 0.9, 0.95, 0.99],
  };
}

/** Declares a histogram, in seconds. */
export function histogram<const L extends LabelSchema = Record<never, never>>(
  name: string,
  help: string,
  buckets: readonly number[],
  details: Details<L>,
): MetricSpec<"histogram", L> {
  return { ...declare("histogram", name, help, { unit: "seconds", ...details }), buckets };
}

function declare<T extends MetricType, L extends LabelSchema>(
  type: T,
  name: string,
  help: string,
  details: Details<L>,
): MetricSpec<T, L> {
  return {
    type,
    name,
    help,
    labels: details.labels ?? {} as L,
    unit: details.unit ?? "",
    source: details.source ?? "events",
    normal: details.normal,
    ...(details.series ? { series: details.series } : {}),
    specified: details.specified ?? false,
    absentUntilSet: details.absentUntilSet ?? false,
  };
}
