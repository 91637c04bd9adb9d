/**
 * The dashboard of attacks, bans and the audit trail.
 *
 * @module
 */

import { type DashboardSpec, rate, series } from "../grafana_panel.ts";
import { failureShare, graph } from "./panels.ts";

export const SECURITY: DashboardSpec = {
  uid: "wraith-security",
  title: "WRAITH / Security",
  description: "Who knocks, who is turned away, and whether the trail is whole.",
  rows: [{
    title: "Security",
    panels: [
      graph(
        {
          title: "Handshake failure share",
          description: "Share of handshakes that fail.",
          unit: "percentunit",
        },
        { expr: failureShare("wraith_sessions_total"), legend: "failed" },
      ),
      graph(
        {
          title: "Authentication failures",
          description: "Per second, by reason.",
          unit: "ops",
          stacked: true,
        },
        { expr: `sum by (reason) (${rate("wraith_authentication_failures_total")})`, legend: "{{reason}}" },
      ),
      graph(
        { title: "Detectors", description: "Times each intrusion detector fired, per second.", unit: "ops" },
        { expr: `sum by (detector) (${rate("wraith_security_events_total")})`, legend: "{{detector}}" },
      ),
      graph(
        { title: "Blocked sources", description: "Sources banned now.", unit: "short" },
        { expr: series("wraith_sources_blocked"), legend: "{{instance}}" },
        { expr: `sum(${rate("wraith_security_bans_spared_total")})`, legend: "bans spared per second" },
        { expr: `sum(${rate("wraith_security_sources_evicted_total")})`, legend: "forgotten per second" },
      ),
      graph(
        {
          title: "Audit records",
          description: "Records written, lost and held back, and refused writes, per second.",
          unit: "ops",
        },
        { expr: `sum(${rate("wraith_audit_records_total")})`, legend: "written" },
        { expr: `sum(${rate("wraith_audit_records_lost_total")})`, legend: "lost" },
        { expr: `sum(${rate("wraith_audit_records_held_back_total")})`, legend: "held back" },
        { expr: `sum(${rate("wraith_audit_write_failures_total")})`, legend: "refused writes" },
      ),
      graph(
        {
          title: "Hostile packets",
          description: "Drops that point to an attack, per second.",
          unit: "pps",
          stacked: true,
        },
        {
          expr: `sum by (reason) (${
            rate("wraith_packets_dropped_total", 'reason=~"decrypt|replay|bad_token|banned|rate_limited"')
          })`,
          legend: "{{reason}}",
        },
      ),
    ],
  }],
};
