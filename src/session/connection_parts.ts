/**
 * What a connection is made of: the parts that work together on every packet.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { Entropy } from "../entropy.ts";
import type { Address } from "../net/address.ts";
import type { EmitEvent } from "../observe/events.ts";
import type { TransportParameters } from "../wire/transport_parameters.ts";
import type { EventSink } from "./connection_events.ts";
import { DatagramQueue } from "./datagram_queue.ts";
import type { ConnectionTotals } from "./endpoint_stats.ts";
import type { FrameHandler } from "./frame_handler.ts";
import type { KeyLog } from "./key_log.ts";
import { LossRecovery } from "./loss_recovery.ts";
import { Pacer } from "./pacer.ts";
import { type InitialKeys, PacketKeys } from "./packet_keys.ts";
import { PathSelector } from "./path.ts";
import { BASE_DATAGRAM_BYTES, PathMtu } from "./path_mtu.ts";
import { ReceivedPackets } from "./received_packets.ts";
import { Rekey } from "./rekey.ts";
import type { SessionSettings } from "./session_settings.ts";
import { SkippedNumbers } from "./skipped_numbers.ts";
import { Streams } from "./streams.ts";

export interface ConnectionOptions {
  readonly now: Instant;
  readonly sessionId: number;
  readonly isInitiator: boolean;
  readonly peerId: PeerId;
  readonly address: Address;
  readonly suite: CipherSuite;
  readonly entropy: Entropy;
  readonly settings: SessionSettings;
  /** Wiped by the connection. */
  readonly keys: InitialKeys;
  readonly keyLog: KeyLog;
  readonly local: TransportParameters;
  readonly peer: TransportParameters;
  /** What the handshake measured: the first round-trip sample. */
  readonly roundTripMs: number | null;
  readonly totals: ConnectionTotals;
  /** Where this connection's events go. */
  readonly events: EventSink;
  readonly emit: EmitEvent;
}

export interface ConnectionParts {
  readonly local: TransportParameters;
  readonly peer: TransportParameters;
  readonly keys: PacketKeys;
  readonly rekey: Rekey;
  readonly received: ReceivedPackets;
  readonly recovery: LossRecovery;
  readonly skipped: SkippedNumbers;
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

/** Builds the parts for a session whose handshake has just finished. `handler` hears of frames' fates. */
export function makeParts(options: ConnectionOptions, handler: FrameHandler): ConnectionParts {
  const { suite, entropy, isInitiator, local, peer, settings, keyLog } = options;
  const keys = new PacketKeys(suite, isInitiator, options.keys, options.now, (epoch, send, receive) => {
    keyLog.sink?.(peer.index, epoch, send);
    keyLog.sink?.(local.index, epoch, receive);
  });
  const controller = settings.congestion(BASE_DATAGRAM_BYTES);
  const recovery = new LossRecovery(controller, handler, handler, options.totals);
  recovery.peerMaxAckDelayMs = peer.maxAckDelayMs;
  if (options.roundTripMs !== null) recovery.rtt.addSample(Math.max(0.001, options.roundTripMs), 0);
  return {
    local,
    peer,
    keys,
    rekey: new Rekey({ suite, entropy, isInitiator, keys }),
    received: new ReceivedPackets(),
    recovery,
    skipped: new SkippedNumbers(entropy),
    pacer: new Pacer(),
    path: new PathSelector(options.address, entropy),
    mtu: new PathMtu(Math.min(settings.maxDatagramBytes, peer.maxDatagramBytes)),
    streams: new Streams({ isInitiator, local, peer, bounds: settings, emit: options.events }),
    datagrams: new DatagramQueue(),
  };
}
