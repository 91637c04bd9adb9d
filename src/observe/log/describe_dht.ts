/**
 * Lines about the distributed hash table.
 *
 * @module
 */

import type { NodeEvent } from "../events.ts";
import { type Descriptions, roundMs } from "./description.ts";

type DhtEventType = Extract<NodeEvent["type"], `dht.${string}`>;

export const DHT_DESCRIPTIONS: Descriptions<DhtEventType> = {
  "dht.joined": {
    level: "info",
    message: "DHT joined",
    fields: (event) => ({ peers: event.peers, duration_ms: roundMs(event.durationMs) }),
  },
  "dht.contact_added": {
    level: "debug",
    message: "DHT contact added",
    fields: (event) => ({ peer_id: event.peerId, remote_addr: event.remoteAddr }),
  },
  "dht.contact_removed": {
    level: "debug",
    message: "DHT contact removed",
    fields: (event) => ({ peer_id: event.peerId, remote_addr: event.remoteAddr }),
  },
  "dht.lookup.started": {
    level: "trace",
    message: "DHT lookup started",
    fields: (event) => ({ lookup_id: event.lookupId, lookup_kind: event.kind, target: event.target }),
  },
  "dht.lookup.finished": {
    level: "debug",
    message: "DHT lookup finished",
    fields: (event) => ({
      lookup_id: event.lookupId,
      lookup_kind: event.kind,
      result: event.result,
      hops: event.hops,
      rpcs: event.rpcs,
      duration_ms: roundMs(event.durationMs),
    }),
  },
  "dht.rpc.finished": {
    level: "trace",
    message: "DHT query answered",
    fields: (event) => ({
      peer_id: event.peerId,
      rpc: event.rpc,
      result: event.result,
      lookup_id: event.lookupId,
      duration_ms: roundMs(event.durationMs),
    }),
  },
  "dht.query.received": {
    level: "trace",
    message: "DHT query received",
    fields: (event) => ({ peer_id: event.peerId, remote_addr: event.remoteAddr, rpc: event.rpc }),
  },
  "dht.refused": {
    level: "debug",
    message: "DHT request refused",
    fields: (event) => ({
      peer_id: event.peerId,
      remote_addr: event.remoteAddr,
      refused: event.what,
      reason: event.reason,
      attempt_count: event.count ?? 1,
    }),
  },
};
