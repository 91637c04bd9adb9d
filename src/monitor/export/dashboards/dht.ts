/**
 * The dashboard of the distributed hash table.
 *
 * @module
 */

import { type DashboardSpec, rate, series } from "../grafana_panel.ts";
import { graph, quantiles } from "./panels.ts";

export const DHT: DashboardSpec = {
  uid: "wraith-dht",
  title: "WRAITH / DHT",
  description: "The routing table, lookups, and what is kept for others.",
  rows: [{
    title: "DHT",
    panels: [
      graph(
        { title: "Peers", description: "Contacts in the routing table.", unit: "short" },
        { expr: series("wraith_dht_peers"), legend: "{{instance}}" },
      ),
      graph(
        { title: "Lookups", description: "Lookups that ended per second.", unit: "ops" },
        { expr: `sum by (result) (${rate("wraith_dht_lookups_total")})`, legend: "{{result}}" },
      ),
      graph(
        { title: "Lookup time", description: "Duration of lookups of either result.", unit: "s" },
        ...quantiles("wraith_dht_lookup_latency_seconds"),
      ),
      graph(
        {
          title: "Lookup time per node",
          description: "The node's own quantiles over ten minutes.",
          unit: "s",
        },
        { expr: series("wraith_dht_lookup_duration_seconds", 'quantile="0.95"'), legend: "{{instance}}" },
      ),
      graph(
        {
          title: "Hops",
          description: "Peers asked one after the other up to the one that had the answer, on average.",
          unit: "short",
        },
        {
          expr: `sum(${rate("wraith_dht_lookup_hops_sum")}) / sum(${rate("wraith_dht_lookup_hops_count")})`,
          legend: "hops",
        },
      ),
      graph(
        {
          title: "Questions asked",
          description: "RPCs to other nodes per second, by how they ended.",
          unit: "ops",
          stacked: true,
        },
        { expr: `sum by (type, result) (${rate("wraith_dht_rpcs_total")})`, legend: "{{type}} {{result}}" },
      ),
      graph(
        {
          title: "Turned away",
          description: "Queries and records of others that were refused, per second.",
          unit: "ops",
          stacked: true,
        },
        {
          expr: `sum by (what, reason) (${rate("wraith_dht_refusals_total")})`,
          legend: "{{what}} {{reason}}",
        },
      ),
      graph(
        { title: "Stored records", description: "Records kept for others.", unit: "short" },
        { expr: series("wraith_dht_stored_values"), legend: "{{instance}}" },
      ),
      graph(
        { title: "Stored bytes", description: "Size of the records kept for others.", unit: "bytes" },
        { expr: series("wraith_dht_stored_bytes"), legend: "{{instance}}" },
      ),
    ],
  }],
};
