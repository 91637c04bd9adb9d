/**
 * The dashboard of files.
 *
 * @module
 */

import { type DashboardSpec, rate, series } from "../grafana_panel.ts";
import { failureShare, graph, quantiles } from "./panels.ts";

export const TRANSFERS: DashboardSpec = {
  uid: "wraith-transfers",
  title: "WRAITH / Transfers",
  description: "Files on their way, and how they arrived.",
  rows: [{
    title: "Transfers",
    panels: [
      graph(
        {
          title: "Running",
          description: "Transfers that run now, and all that have not ended.",
          unit: "short",
        },
        { expr: `sum by (direction) (${series("wraith_transfers_in_progress")})`, legend: "{{direction}}" },
        { expr: `sum(${series("wraith_transfers_active")})`, legend: "all, paused ones too" },
      ),
      graph(
        {
          title: "Throughput now",
          description: "The node's own figure over its last update_interval.",
          unit: "bps",
        },
        { expr: `sum by (direction) (${series("wraith_transfer_throughput_bps")})`, legend: "{{direction}}" },
      ),
      graph(
        {
          title: "Goodput",
          description: "File bytes of completed transfers, without overhead, as bits per second.",
          unit: "bps",
        },
        { expr: `sum by (direction) (${rate("wraith_transfer_bytes_total")}) * 8`, legend: "{{direction}}" },
      ),
      graph(
        { title: "Failure share", description: "Share of ended transfers that failed.", unit: "percentunit" },
        { expr: failureShare("wraith_transfers_total"), legend: "failed" },
      ),
      graph(
        {
          title: "Failures by reason",
          description: "Failed transfers per second.",
          unit: "ops",
          stacked: true,
        },
        {
          expr: `sum by (reason) (${rate("wraith_transfers_total", 'result="failure"')})`,
          legend: "{{reason}}",
        },
        { expr: `sum(${rate("wraith_transfer_chunks_rejected_total")})`, legend: "chunks rejected" },
      ),
      graph(
        { title: "Duration", description: "Time from start to confirmed delivery.", unit: "s" },
        ...quantiles("wraith_transfer_duration_seconds"),
      ),
    ],
  }],
};
