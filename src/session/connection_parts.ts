/**
 * The parts of a connection that work together on every packet.
 *
 * @module
 */

import type { Address } from "../net/address.ts";
import type { TransportParameters } from "../wire/transport_parameters.ts";
import type { DatagramQueue } from "./datagram_queue.ts";
import type { LossRecovery } from "./loss_recovery.ts";
import type { Pacer } from "./pacer.ts";
import type { PacketKeys } from "./packet_keys.ts";
import type { PathSelector } from "./path.ts";
import type { PathMtu } from "./path_mtu.ts";
import type { ReceivedPackets } from "./received_packets.ts";
import type { Rekey } from "./rekey.ts";
import type { Streams } from "./streams.ts";

export interface ConnectionParts {
  readonly local: TransportParameters;
  readonly peer: TransportParameters;
  readonly keys: PacketKeys;
  readonly rekey: Rekey;
  readonly received: ReceivedPackets;
  readonly recovery: LossRecovery;
  readonly pacer: Pacer;
  readonly path: PathSelector;
  readonly mtu: PathMtu;
  readonly streams: Streams;
  readonly datagrams: DatagramQueue;
}

/** One run of packets for one address: what a socket sends with one call. */
export interface Transmit {
  readonly to: Address;
  /** Bytes of the whole run, from the front of the caller's buffer. */
  readonly bytes: number;
  /** Every datagram of the run has this length, but the last may be shorter. */
  readonly segmentBytes: number;
}

/** How large a run may get: the socket's limits. */
export interface RunLimits {
  readonly maxBytes: number;
  readonly maxSegments: number;
}
