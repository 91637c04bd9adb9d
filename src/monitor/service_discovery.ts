/**
 * The fleet that this node knows, as targets for Prometheus' HTTP service discovery.
 *
 * @module
 */

import type { MonitorRoute } from "./http_route.ts";
import type { NodeView } from "./node_view.ts";

/**
 * Serves `/sd`: this node and every DHT contact, each at `metricsPort` of the address it is known under.
 * A peer's monitoring port is not part of what peers tell each other, so the fleet must agree on one.
 */
export function serviceDiscoveryRoute(
  view: NodeView,
  metricsPort: number,
  metricsPath: string,
): MonitorRoute {
  return {
    path: "/sd",
    access: "token",
    handle: () =>
      new Response(JSON.stringify(targetGroups(view, metricsPort, metricsPath)) + "\n", {
        headers: { "content-type": "application/json" },
      }),
  };
}

interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

function targetGroups(view: NodeView, metricsPort: number, metricsPath: string): TargetGroup[] {
  const group = (host: string, peerId: string, udpAddress: string, self: boolean): TargetGroup => ({
    targets: [`${host}:${metricsPort}`],
    labels: {
      __metrics_path__: metricsPath,
      __meta_wraith_peer_id: peerId,
      __meta_wraith_udp_address: udpAddress,
      __meta_wraith_self: String(self),
    },
  });
  const { peerId, listen } = view.facts;
  const contacts = view.dht()?.contacts() ?? [];
  return [
    group("localhost", peerId, listen, true),
    ...contacts.map((contact) =>
      group(hostOf(contact.remoteAddr), contact.peerId, contact.remoteAddr, false)
    ),
  ];
}

/** The host of `host:port`, brackets kept, so that a port can follow it again. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "");
}
