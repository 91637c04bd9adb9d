/**
 * Alerts about packets, handshakes and the DHT: who cannot be reached, and who should not be let in.
 *
 * @module
 */

import { type AlertRule, perNode } from "./alert_rule.ts";

export const NETWORK_ALERTS: readonly AlertRule[] = [
  {
    alert: "WraithHandshakeFailures",
    expr: `(
  ${perNode('rate(wraith_sessions_total{job="wraith", result="failure"}[5m])')}
  /
  ${perNode('rate(wraith_sessions_total{job="wraith"}[5m])')}
) > 0.5
and on (job, instance)
${perNode('increase(wraith_sessions_total{job="wraith"}[5m])')} > 20`,
    for: "5m",
    severity: "warning",
    summary: "{{ $value | humanizePercentage }} of handshakes at {{ $labels.instance }} fail",
    description: "More than half of at least twenty handshakes in five minutes failed.",
    meaning: "An attack, a peer with a wrong key, or a firewall that lets packets through in one direction.",
    action:
      'Split `wraith_handshakes_total{result="failure"}` by `direction` and `reason`: inbound `decrypt` or ' +
      "`invalid_signature` is an attack or a wrong key, outbound `timeout` a network that does not answer.",
  },
  {
    alert: "WraithSecurityDetection",
    expr: `sum by (job, instance, detector) (increase(wraith_security_events_total{job="wraith"}[10m])) > 0`,
    severity: "warning",
    summary: "Detector {{ $labels.detector }} fired at {{ $labels.instance }}",
    description: "An intrusion detector saw its threshold crossed in the last ten minutes.",
    meaning: "Formula, window and threshold of each detector are in the security documentation.",
    action: "`wraith audit tail` names the source. With `security.ban_time` above 0 validated sources are " +
      "already blocked: see `wraith_sources_blocked`.",
  },
  {
    alert: "WraithPacketsDropped",
    expr: `${perNode('rate(wraith_packets_dropped_total{job="wraith"}[5m])')}
/
${perNode('rate(wraith_packets_total{job="wraith", direction="receive"}[5m])')}
> 0.05
and on (job, instance)
${perNode('rate(wraith_packets_total{job="wraith", direction="receive"}[5m])')} > 10`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} drops {{ $value | humanizePercentage }} of received packets",
    description: "The reason label of wraith_packets_dropped_total says why.",
    meaning: "Packets that are no protocol, replays, or more than the node takes.",
    action:
      "`buffer_full`: more CPU, or fewer sessions. `unknown_session` after a restart passes by itself. " +
      "`malformed`, `decrypt`, `replay` in numbers: look at the detectors.",
  },
  {
    alert: "WraithSendsRefused",
    expr: `${perNode('rate(wraith_packets_refused_total{job="wraith"}[5m])')}
/
${perNode('rate(wraith_packets_total{job="wraith", direction="send"}[5m])')}
> 0.5
and on (job, instance)
${perNode('increase(wraith_packets_refused_total{job="wraith"}[5m])')} > 20`,
    for: "5m",
    severity: "critical",
    summary: "The system of {{ $labels.instance }} refuses to send its packets",
    description: "More than half of what the node gave to the system within five minutes was not sent.",
    meaning:
      "The interface is down, there is no route, or a firewall on the machine itself forbids it. The scrape " +
      "comes over another way, or over loopback.",
    action:
      "On that machine: `ip address`, `ip route get PEER`, and the firewall's rules for outgoing UDP. The log " +
      "says how many with `error_type` `network`.",
  },
  {
    alert: "WraithPacketLoss",
    expr: `${perNode('rate(wraith_packets_lost_total{job="wraith"}[5m])')}
/
${perNode('rate(wraith_packets_total{job="wraith", direction="send"}[5m])')}
> 0.05
and on (job, instance)
${perNode('rate(wraith_packets_total{job="wraith", direction="send"}[5m])')} > 10`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} loses {{ $value | humanizePercentage }} of what it sends",
    description: "Loss recovery declared more than one packet in twenty lost, over ten minutes.",
    meaning: "A path beyond its capacity, a bad link, or a receiver whose socket buffer overflows.",
    action:
      "One peer or all: `wraith sessions`. All: look at the host's interface. One on a long path: try " +
      '`network.congestion = "bbr"`.',
  },
  {
    alert: "WraithDhtIsolated",
    expr: `wraith_dht_peers{job="wraith"} == 0
and
max_over_time(wraith_dht_peers{job="wraith"}[6h]) > 0`,
    for: "10m",
    severity: "warning",
    summary: "{{ $labels.instance }} has lost all DHT peers",
    description: "It knew some within the last six hours and knows none now.",
    meaning: "The node is cut off from the network; known sessions may still work.",
    action: "Check the network, then `dht.bootstrap`: a bootstrap node that moved must be named anew.",
  },
  {
    alert: "WraithDhtLookupsFailing",
    expr: `(
  ${perNode('rate(wraith_dht_lookups_total{job="wraith", result="failure"}[15m])')}
  /
  ${perNode('rate(wraith_dht_lookups_total{job="wraith"}[15m])')}
) > 0.5
and on (job, instance)
${perNode('increase(wraith_dht_lookups_total{job="wraith"}[15m])')} > 10`,
    for: "15m",
    severity: "warning",
    summary: "{{ $value | humanizePercentage }} of lookups at {{ $labels.instance }} fail",
    description: "More than half of at least ten lookups in fifteen minutes found nothing.",
    meaning: "The routing table is stale or the network is split; or people ask for what does not exist.",
    action: "Look at `wraith_dht_rpcs_total` by `result`: timeouts mean dead contacts, success means the " +
      "targets are gone.",
  },
];
