/**
 * How this node runs its sessions: what it offers peers, and how long it waits.
 *
 * @module
 */

import type { CongestionFactory } from "./congestion.ts";
import { Cubic } from "./cubic.ts";
import type { WindowBounds } from "./streams.ts";

export interface SessionSettings extends WindowBounds {
  /** Largest datagram to send or take: 1200 to 65,507. */
  readonly maxDatagramBytes: number;
  /** Credit that a peer has at the start, in bytes. */
  readonly initialMaxData: number;
  readonly initialMaxStreamData: number;
  /** Streams that a peer may have open at once. */
  readonly initialMaxStreams: number;
  /** Silence that ends a session. */
  readonly idleTimeoutMs: number;
  /** Pause after which a PING goes out while anything is open. */
  readonly keepaliveIntervalMs: number;
  /** Longest wait before an acknowledgement (RFC 9000 §13.2.1). */
  readonly maxAckDelayMs: number;
  /** A whole handshake may take this long. */
  readonly handshakeTimeoutMs: number;
  /** Free text naming this software to peers. */
  readonly agent: string;
  readonly congestion: CongestionFactory;
}

const MIB = 1024 * 1024;

/** What a node uses unless told otherwise. */
export const DEFAULT_SESSION_SETTINGS: SessionSettings = {
  maxDatagramBytes: 65_507,
  initialMaxData: 1.5 * MIB,
  initialMaxStreamData: 1 * MIB,
  initialMaxStreams: 128,
  maxStreamWindowBytes: 16 * MIB,
  maxSessionWindowBytes: 24 * MIB,
  maxSendBufferBytes: 16 * MIB,
  idleTimeoutMs: 60_000,
  keepaliveIntervalMs: 15_000,
  maxAckDelayMs: 25,
  handshakeTimeoutMs: 10_000,
  agent: "wraith",
  congestion: (datagramBytes) => new Cubic(datagramBytes),
};
