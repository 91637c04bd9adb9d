/**
 * The dashboard of handshakes, sessions and packets.
 *
 * @module
 */

import { type DashboardSpec, rate, series } from "../grafana_panel.ts";
import { graph, quantiles, throughput } from "./panels.ts";

export const TRANSPORT: DashboardSpec = {
  uid: "wraith-transport",
  title: "WRAITH / Transport",
  description: "Handshakes, sessions, packets and paths.",
  rows: [
    {
      title: "Handshakes",
      panels: [
        graph(
          { title: "Handshakes", description: "Handshakes that ended per second, by result.", unit: "ops" },
          {
            expr: `sum by (direction, result) (${rate("wraith_handshakes_total")})`,
            legend: "{{direction}} {{result}}",
          },
          { expr: `sum(${rate("wraith_handshake_retries_total")})`, legend: "address proofs asked for" },
        ),
        graph(
          {
            title: "Failures by reason",
            description: "Failed handshakes per second.",
            unit: "ops",
            stacked: true,
          },
          {
            expr: `sum by (reason) (${rate("wraith_handshakes_total", 'result="failure"')})`,
            legend: "{{reason}}",
          },
        ),
        graph(
          { title: "Handshake time", description: "Time from first packet to session.", unit: "s" },
          ...quantiles("wraith_handshake_latency_seconds"),
        ),
        graph(
          {
            title: "Handshake time per node",
            description: "The node's own quantiles over ten minutes.",
            unit: "s",
          },
          { expr: series("wraith_handshake_duration_seconds", 'quantile="0.99"'), legend: "{{instance}}" },
        ),
      ],
    },
    {
      title: "Sessions",
      panels: [
        graph(
          {
            title: "Sessions by path",
            description: "Direct, or relayed through a third node.",
            unit: "short",
            stacked: true,
          },
          { expr: `sum by (path) (${series("wraith_peers")})`, legend: "{{path}}" },
        ),
        graph(
          {
            title: "Sessions ended",
            description: "Per second, by who ended them.",
            unit: "ops",
            stacked: true,
          },
          { expr: `sum by (end) (${rate("wraith_sessions_closed_total")})`, legend: "{{end}}" },
        ),
        graph(
          {
            title: "Session changes",
            description: "Key changes, address changes and replay bursts per second.",
            unit: "ops",
          },
          { expr: `sum(${rate("wraith_session_rekeys_total")})`, legend: "key changes" },
          { expr: `sum(${rate("wraith_session_path_changes_total")})`, legend: "address changes" },
          { expr: `sum(${rate("wraith_session_replay_bursts_total")})`, legend: "replay bursts" },
        ),
        graph(
          {
            title: "Round trip time",
            description: "Smoothed round trip times of sampled sessions.",
            unit: "s",
          },
          ...quantiles("wraith_path_rtt_seconds"),
        ),
      ],
    },
    {
      title: "Packets",
      panels: [
        throughput,
        graph(
          { title: "Packets", description: "Datagrams per second.", unit: "pps" },
          { expr: `sum by (direction) (${rate("wraith_packets_total")})`, legend: "{{direction}}" },
        ),
        graph(
          {
            title: "Loss",
            description: "Share of sent packets that were declared lost, and that the system refused.",
            unit: "percentunit",
          },
          {
            expr: `sum(${rate("wraith_packets_lost_total")}) / sum(${
              rate("wraith_packets_total", 'direction="send"')
            })`,
            legend: "lost",
          },
          {
            expr: `sum(${rate("wraith_packets_refused_total")}) / sum(${
              rate("wraith_packets_total", 'direction="send"')
            })`,
            legend: "refused",
          },
        ),
        graph(
          {
            title: "Dropped on receipt",
            description: "Received datagrams that went no further, per second.",
            unit: "pps",
            stacked: true,
          },
          { expr: `sum by (reason) (${rate("wraith_packets_dropped_total")})`, legend: "{{reason}}" },
        ),
      ],
    },
  ],
};
