/**
 * Grafana's classic dashboard format (schema version 42), as far as these dashboards need it.
 *
 * @module
 */

/** One query of a panel. */
export interface Query {
  readonly expr: string;
  readonly legend?: string;
}

/** One panel before it has a place. */
export interface Panel {
  readonly kind: "timeseries" | "stat" | "heatmap" | "table";
  readonly title: string;
  readonly description: string;
  /** Grafana's name of a unit: `bps`, `s`, `bytes`, `percentunit`, `short`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Columns of 24. */
  readonly width?: number;
  readonly height?: number;
  readonly stacked?: boolean;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly Row[];
}

/** Selects what the dashboard's variables say; every query has it. */
export const SELECT = 'job=~"$job", instance=~"$instance"';

/** `metric` with the dashboard's selection and `labels`. */
export function series(metric: string, labels = ""): string {
  return `${metric}{${SELECT}${labels ? `, ${labels}` : ""}}`;
}

/** Its rate per second over what the panel's resolution needs. */
export function rate(metric: string, labels = ""): string {
  return `rate(${series(metric, labels)}[$__rate_interval])`;
}

/** A quantile of a histogram over all selected nodes. */
export function quantile(q: number, metric: string, labels = ""): string {
  return `histogram_quantile(${q}, sum by (le) (${rate(`${metric}_bucket`, labels)}))`;
}

/** The dashboard as Grafana's file format: no envelope. */
export function dashboardJson(spec: DashboardSpec): Record<string, unknown> {
  return {
    uid: spec.uid,
    title: spec.title,
    description: spec.description,
    tags: ["wraith"],
    schemaVersion: 42,
    editable: false,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    timezone: "browser",
    templating: { list: VARIABLES },
    annotations: { list: [] },
    links: [{
      title: "WRAITH",
      type: "dashboards",
      tags: ["wraith"],
      asDropdown: true,
      includeVars: true,
      keepTime: true,
      targetBlank: false,
      icon: "external link",
      tooltip: "",
      url: "",
    }],
    panels: placed(spec.rows),
  };
}

function placed(rows: readonly Row[]): unknown[] {
  const panels: unknown[] = [];
  let top = 0;
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y: top++, w: 24, h: 1 },
      panels: [],
    });
    let left = 0;
    let bottom = top;
    for (const panel of row.panels) {
      const { width = 12, height = 8 } = panel;
      if (left + width > 24) {
        left = 0;
        top = bottom;
      }
      panels.push(panelJson(panel, panels.length + 1, { x: left, y: top, w: width, h: height }));
      left += width;
      bottom = Math.max(bottom, top + height);
    }
    top = bottom;
  }
  return panels;
}

function panelJson(panel: Panel, id: number, gridPos: unknown): Record<string, unknown> {
  return {
    id,
    type: panel.kind,
    title: panel.title,
    description: panel.description,
    gridPos,
    datasource: DATASOURCE,
    targets: panel.queries.map((query, i) => targetJson(panel, query, String.fromCharCode(65 + i))),
    fieldConfig: { defaults: fieldDefaults(panel), overrides: [] },
    options: OPTIONS[panel.kind],
  };
}

function targetJson(panel: Panel, query: Query, refId: string): Record<string, unknown> {
  return {
    refId,
    datasource: DATASOURCE,
    expr: query.expr,
    legendFormat: query.legend ?? "__auto",
    exemplar: panel.kind === "timeseries" && query.expr.includes("_bucket"),
    ...(panel.kind === "heatmap" ? { format: "heatmap" } : {}),
    ...(panel.kind === "table" ? { format: "table", instant: true } : {}),
  };
}

function fieldDefaults(panel: Panel): Record<string, unknown> {
  const defaults = { unit: panel.unit, min: 0 };
  if (panel.kind !== "timeseries") return defaults;
  return {
    ...defaults,
    custom: {
      drawStyle: "line",
      fillOpacity: panel.stacked ? 30 : 10,
      lineWidth: 1,
      showPoints: "never",
      spanNulls: false,
      stacking: { group: "A", mode: panel.stacked ? "normal" : "none" },
    },
  };
}

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };

const OPTIONS: Readonly<Record<Panel["kind"], Record<string, unknown>>> = {
  timeseries: {
    legend: { calcs: ["lastNotNull", "max"], displayMode: "table", placement: "bottom", showLegend: true },
    tooltip: { mode: "multi", sort: "desc" },
  },
  stat: {
    colorMode: "value",
    graphMode: "area",
    justifyMode: "auto",
    orientation: "auto",
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    textMode: "auto",
  },
  heatmap: { calculate: false, yAxis: { unit: "s" }, cellGap: 1, tooltip: { mode: "single" } },
  table: { showHeader: true },
};

const VARIABLES: readonly Record<string, unknown>[] = [
  {
    name: "datasource",
    label: "Data source",
    type: "datasource",
    query: "prometheus",
    refresh: 1,
    hide: 0,
    includeAll: false,
    multi: false,
    options: [],
    regex: "",
    skipUrlSync: false,
  },
  queryVariable("job", "Job", "label_values(wraith_build_info, job)"),
  queryVariable("instance", "Instance", 'label_values(wraith_build_info{job=~"$job"}, instance)'),
];

function queryVariable(name: string, label: string, query: string): Record<string, unknown> {
  return {
    name,
    label,
    type: "query",
    datasource: DATASOURCE,
    query: { query, refId: `variable-${name}` },
    // 2: ask again when the time range changes, since nodes come and go.
    refresh: 2,
    sort: 1,
    hide: 0,
    includeAll: true,
    allValue: ".+",
    multi: true,
    current: { selected: true, text: ["All"], value: ["$__all"] },
    options: [],
    regex: "",
    skipUrlSync: false,
  };
}
