/**
 * The node's end of the network: its bound UDP socket.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import {
  PACKET_DROP_REASONS,
  type PacketDropReason,
  type SessionView,
  type TransportCounters,
} from "../monitor/node_view.ts";
import { parseHostPort } from "../net/address.ts";
import type { DatagramSocket } from "../net/datagram_socket.ts";
import { openSocket } from "../net/open_socket.ts";
import { resolveAddress } from "../net/resolve.ts";
import type { EventBus } from "../observe/event_bus.ts";

export interface Endpoint {
  /** `host:port` as bound. */
  readonly listen: string;
  readonly sockets: string;
  readonly counters: TransportCounters;
  readonly sessionCount: number;
  sessions(limit: number): readonly SessionView[];
  close(): Promise<void>;
}

/** Binds `network.listen`. @throws {SocketError} */
export async function openEndpoint(config: Config, bus: EventBus): Promise<Endpoint> {
  const { host, port } = parseHostPort(config.network.listen);
  const { hostname } = await resolveAddress(config.network.listen).catch(() => ({ hostname: host }));
  const onNotice = (message: string) =>
    bus.emit({ type: "node.notice", severity: "info", component: "network", message });
  const socket = await openSocket({ hostname, port, onNotice }, config.network.backend);
  return {
    listen: socket.localAddress.text,
    sockets: socket.backend,
    get counters() {
      return countersOf(socket);
    },
    sessionCount: 0,
    sessions: () => [],
    close() {
      socket.close();
      return Promise.resolve();
    },
  };
}

function countersOf({ stats }: DatagramSocket): TransportCounters {
  const none = PACKET_DROP_REASONS.map((reason) => [reason, 0] as const);
  return {
    bytesSent: stats.bytesSent,
    bytesReceived: stats.bytesReceived,
    packetsSent: stats.datagramsSent,
    packetsReceived: stats.datagramsReceived,
    packetsLost: 0,
    packetsDropped: Object.fromEntries(none) as Record<PacketDropReason, number>,
    halfOpen: 0,
  };
}
