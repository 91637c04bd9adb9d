/**
 * The kinds of panels that the dashboards are put together from.
 *
 * @module
 */

import { type Panel, quantile, type Query, rate } from "../grafana_panel.ts";

/** What a panel says about itself. */
type Shape = Pick<Panel, "title" | "description" | "unit"> & Partial<Panel>;

export function over(kind: Panel["kind"], shape: Shape, ...queries: Query[]): Panel {
  return { ...shape, kind, queries };
}

export function graph(shape: Shape, ...queries: Query[]): Panel {
  return over("timeseries", shape, ...queries);
}

/** One number, small. */
export function stat(shape: Shape, expr: string): Panel {
  return over("stat", { width: 4, height: 4, ...shape }, { expr, legend: shape.title });
}

/** Three quantiles of a histogram. */
export function quantiles(metric: string, labels = ""): Query[] {
  return [
    { expr: quantile(0.5, metric, labels), legend: "half below" },
    { expr: quantile(0.95, metric, labels), legend: "95 % below" },
    { expr: quantile(0.99, metric, labels), legend: "99 % below" },
  ];
}

export function heatmap(shape: Shape, metric: string): Panel {
  return over("heatmap", shape, { expr: `sum by (le) (${rate(`${metric}_bucket`)})`, legend: "{{le}}" });
}

/** Share of a counter that its label `result`, or `failing`, calls failed. */
export function failureShare(metric: string, failing = 'result="failure"'): string {
  return `sum(${rate(metric, failing)}) / sum(${rate(metric)})`;
}

/** Shown in two dashboards. */
export const throughput: Panel = graph(
  {
    title: "Throughput",
    description: "Bits per second on the wire, protocol overhead included. Sent above, received beside it.",
    unit: "bps",
  },
  { expr: `sum(${rate("wraith_bytes_sent_total")}) * 8`, legend: "sent" },
  { expr: `sum(${rate("wraith_bytes_received_total")}) * 8`, legend: "received" },
);
