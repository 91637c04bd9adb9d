/**
 * The dashboards: one to begin with, one for each subsystem.
 *
 * @module
 */

import {
  type DashboardSpec,
  type Panel,
  quantile,
  type Query,
  rate,
  SELECT,
  series,
} from "./grafana_panel.ts";

type Shape = Pick<Panel, "title" | "description" | "unit"> & Partial<Panel>;

const over = (kind: Panel["kind"], shape: Shape, ...queries: Query[]): Panel => ({ ...shape, kind, queries });
const graph = (shape: Shape, ...queries: Query[]) => over("timeseries", shape, ...queries);
const stat = (shape: Shape, expr: string) =>
  over("stat", { width: 4, height: 4, ...shape }, { expr, legend: shape.title });

const quantiles = (metric: string, labels = ""): Query[] => [
  { expr: quantile(0.5, metric, labels), legend: "half below" },
  { expr: quantile(0.95, metric, labels), legend: "95 % below" },
  { expr: quantile(0.99, metric, labels), legend: "99 % below" },
];
const heatmap = (shape: Shape, metric: string) =>
  over("heatmap", shape, { expr: `sum by (le) (${rate(`${metric}_bucket`)})`, legend: "{{le}}" });
const failureShare = (metric: string, failing = 'result="failure"') =>
  `sum(${rate(metric, failing)}) / sum(${rate(metric)})`;

const throughput = graph(
  {
    title: "Throughput",
    description: "Bits per second on the wire, protocol overhead included. Sent above, received beside it.",
    unit: "bps",
  },
  { expr: `sum(${rate("wraith_bytes_sent_total")}) * 8`, legend: "sent" },
  { expr: `sum(${rate("wraith_bytes_received_total")}) * 8`, legend: "received" },
);

const overview: DashboardSpec = {
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

const transport: DashboardSpec = {
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

const transfers: DashboardSpec = {
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

const dht: DashboardSpec = {
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

const security: DashboardSpec = {
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

const node: DashboardSpec = {
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

export const DASHBOARDS: readonly DashboardSpec[] = [overview, transport, transfers, dht, security, node];
