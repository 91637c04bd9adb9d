/**
 * A connection's numbers.
 *
 * @module
 */

/** What a connection has done and how it stands. Bytes count whole datagrams. */
export interface ConnectionStats {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly probesSent: number;
  readonly persistentCongestions: number;
  readonly datagramsDropped: number;
  readonly smoothedRttMs: number;
  readonly minRttMs: number;
  readonly windowBytes: number;
  readonly inFlightBytes: number;
  readonly pacingRate: number;
  readonly congestionState: string;
  readonly datagramBytes: number;
  readonly epoch: number;
}
