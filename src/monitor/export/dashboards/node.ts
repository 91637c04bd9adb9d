/**
 * The dashboard of the process, its limits, and monitoring itself.
 *
 * @module
 */

import { type DashboardSpec, rate, SELECT, series } from "../grafana_panel.ts";
import { graph, heatmap, quantiles } from "./panels.ts";

export const NODE: DashboardSpec = {
  uid: "wraith-node",
  title: "WRAITH / Node",
  description: "The process, its limits, and monitoring itself.",
  rows: [
    {
      title: "Process",
      panels: [
        graph(
          { title: "CPU", description: "Share of one core; above 100 % on several.", unit: "percent" },
          { expr: series("wraith_cpu_usage_percent"), legend: "{{instance}} sampled" },
          { expr: `${rate("process_cpu_seconds_total")} * 100`, legend: "{{instance}}" },
        ),
        graph(
          { title: "Memory", description: "Resident memory and what it may be.", unit: "bytes" },
          { expr: series("wraith_memory_usage_bytes"), legend: "{{instance}} resident" },
          { expr: series("wraith_memory_limit_bytes"), legend: "{{instance}} limit" },
        ),
        graph(
          { title: "Heap", description: "JavaScript heap, and buffers outside it.", unit: "bytes" },
          { expr: series("wraith_heap_used_bytes"), legend: "{{instance}} used" },
          { expr: series("wraith_heap_size_bytes"), legend: "{{instance}} reserved" },
          { expr: series("wraith_external_memory_bytes"), legend: "{{instance}} buffers" },
        ),
        graph(
          { title: "File descriptors", description: "Open ones and the limit.", unit: "short" },
          { expr: series("wraith_file_descriptors_open"), legend: "{{instance}} open" },
          { expr: series("process_max_fds"), legend: "{{instance}} limit" },
        ),
        heatmap(
          { title: "Event loop lag", description: "How late the heartbeat came.", unit: "s" },
          "wraith_event_loop_lag_seconds",
        ),
        graph(
          { title: "Uptime", description: "Time since the process started.", unit: "s" },
          { expr: `time() - ${series("process_start_time_seconds")}`, legend: "{{instance}}" },
        ),
      ],
    },
    {
      title: "Observation",
      panels: [
        graph(
          { title: "Readiness checks", description: "1 passes, 0 fails.", unit: "short" },
          { expr: series("wraith_health_check_passing"), legend: "{{instance}} {{check}}" },
        ),
        graph(
          {
            title: "Log lines",
            description: "Lines per second by level, and lines lost.",
            unit: "ops",
            stacked: true,
          },
          { expr: `sum by (level) (${rate("wraith_log_lines_total")})`, legend: "{{level}}" },
          { expr: `sum(${rate("wraith_log_write_failures_total")})`, legend: "write failures" },
          { expr: `sum(${rate("wraith_log_lines_dropped_total")})`, legend: "dropped" },
          { expr: `sum(${rate("wraith_log_lines_held_back_total")})`, legend: "held back" },
        ),
        graph(
          {
            title: "Trace spans",
            description: "Spans per second by what became of them.",
            unit: "ops",
            stacked: true,
          },
          { expr: `sum by (result) (${rate("wraith_trace_spans_total")})`, legend: "{{result}}" },
        ),
        graph(
          { title: "Scrape cost", description: "Time to write one exposition.", unit: "s" },
          ...quantiles("wraith_metrics_scrape_duration_seconds"),
        ),
        graph(
          {
            title: "Series",
            description: "Series of all families: constant, whatever the number of peers.",
            unit: "short",
          },
          { expr: `sum by (instance) (${series("wraith_metrics_series")})`, legend: "{{instance}}" },
        ),
        graph(
          { title: "Defects", description: "Each of these stays at 0.", unit: "ops" },
          { expr: `sum(${rate("wraith_metrics_overflow_total")})`, legend: "label overflow" },
          { expr: `sum(${rate("wraith_event_subscriber_failures_total")})`, legend: "views that failed" },
          { expr: `sum(${rate("wraith_metrics_bind_failures_total")})`, legend: "listener not bound" },
          {
            expr: `sum(${rate("wraith_config_reloads_total", 'result="failure"')})`,
            legend: "reloads refused",
          },
        ),
        graph(
          { title: "Alerts", description: "Alerts of these nodes that fire now.", unit: "short" },
          { expr: `count by (alertname) (ALERTS{alertstate="firing", ${SELECT}})`, legend: "{{alertname}}" },
        ),
      ],
    },
  ],
};
