/**
 * The fleet that this node knows, as targets for Prometheus' HTTP service discovery.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";
import type { MonitorRoute } from "./http_route.ts";
import type { NodeView } from "./node_view.ts";

/** What `/sd` says besides what the DHT knows; asked at each answer. */
export interface DiscoverySource {
  readonly view: NodeView;
  readonly metricsPath: string;
  readonly scheme: "http" | "https";
  /** Where this node's listener is bound. */
  ownPort(): number;
  /** Where the other nodes' listeners are: peers do not tell each other, so the fleet agrees on one port. */
  peerPort(): number;
  /** Whether Prometheus may be sent to this peer's address, with its token. */
  isOfFleet(peerId: PeerId): boolean;
}

/** Serves `/sd`: this node, and every DHT contact of the fleet at the address it is known under. */
export function serviceDiscoveryRoute(source: DiscoverySource): MonitorRoute {
  return {
    path: "/sd",
    access: "token",
    handle: () =>
      new Response(JSON.stringify(targetGroups(source)) + "\n", {
        headers: { "content-type": "application/json" },
      }),
  };
}

interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

function targetGroups(source: DiscoverySource): TargetGroup[] {
  const { view, metricsPath, scheme } = source;
  const group = (target: string, peerId: string, udpAddress: string, self: boolean): TargetGroup => ({
    targets: [target],
    labels: {
      __scheme__: scheme,
      __metrics_path__: metricsPath,
      __meta_wraith_peer_id: peerId,
      __meta_wraith_udp_address: udpAddress,
      __meta_wraith_self: String(self),
    },
  });
  const { peerId, listen } = view.facts;
  const fleet = (view.dht()?.contacts() ?? []).filter((contact) => source.isOfFleet(contact.peerId));
  return [
    group(`localhost:${source.ownPort()}`, peerId, listen, true),
    ...fleet.map(({ peerId, remoteAddr }) =>
      group(`${hostOf(remoteAddr)}:${source.peerPort()}`, peerId, remoteAddr, false)
    ),
  ];
}

/** The host of `host:port`, brackets kept, so that a port can follow it again. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "");
}
