/**
 * The dashboard to begin with: is the fleet well, and what does it do?
 *
 * @module
 */

import { type DashboardSpec, rate, series } from "../grafana_panel.ts";
import { graph, over, stat, throughput } from "./panels.ts";

export const OVERVIEW: DashboardSpec = {
  uid: "wraith-overview",
  title: "WRAITH / Overview",
  description: "Is the fleet well, and what does it do? Start here.",
  rows: [
    {
      title: "Now",
      panels: [
        stat(
          { title: "Nodes ready", description: "Nodes whose readiness probe passes.", unit: "short" },
          `sum(${series("wraith_ready")})`,
        ),
        stat(
          { title: "Nodes scraped", description: "Nodes that answered the latest scrape.", unit: "short" },
          `sum(${series("up")})`,
        ),
        stat(
          { title: "Sessions", description: "Established sessions of all selected nodes.", unit: "short" },
          `sum(${series("wraith_sessions_active", 'state="established"')})`,
        ),
        stat(
          { title: "Transfers", description: "Transfers started and not ended.", unit: "short" },
          `sum(${series("wraith_transfers_active")})`,
        ),
        stat(
          { title: "DHT peers", description: "Contacts in the smallest routing table.", unit: "short" },
          `min(${series("wraith_dht_peers")})`,
        ),
        stat(
          { title: "Blocked sources", description: "Sources banned now.", unit: "short" },
          `sum(${series("wraith_sources_blocked")})`,
        ),
      ],
    },
    {
      title: "Work",
      panels: [
        throughput,
        graph(
          { title: "Active sessions", description: "Sessions by state.", unit: "short" },
          { expr: `sum by (state) (${series("wraith_sessions_active")})`, legend: "{{state}}" },
        ),
        graph(
          { title: "Transfers ended", description: "Transfers per second, by result.", unit: "ops" },
          { expr: `sum by (result) (${rate("wraith_transfers_total")})`, legend: "{{result}}" },
        ),
        graph(
          {
            title: "Errors",
            description: "Errors per second, by class: the log's error_type.",
            unit: "ops",
            stacked: true,
          },
          { expr: `sum by (type) (${rate("wraith_errors_total")})`, legend: "{{type}}" },
        ),
      ],
    },
    {
      title: "Nodes",
      panels: [
        over("table", {
          title: "What runs",
          description: "Version, runtime and the implementations each node chose.",
          unit: "short",
          width: 24,
        }, { expr: series("wraith_build_info") }),
      ],
    },
  ],
};
