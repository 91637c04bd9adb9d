/**
 * What an endpoint counts per packet: plain numbers, read when someone looks.
 *
 * @module
 */

/** Why a received datagram went no further: the closed set of `wraith_packets_dropped_total{reason}`. */
export type DropReason = typeof DROP_REASONS[number];
export const DROP_REASONS = [
  "malformed",
  "version",
  "unknown_session",
  "decrypt",
  "replay",
  "too_old",
  "epoch",
  "rate_limited",
  "half_open_limit",
  "session_limit",
  "bad_token",
  "handshake",
  "buffer_full",
  "banned",
] as const;

/** Totals that connections add to as well, so that no reader has to walk them. */
export interface ConnectionTotals {
  packetsLost: number;
}

/** Cumulative since the endpoint was made. Bytes are whole datagrams. */
export class EndpointStats implements ConnectionTotals {
  bytesSent = 0;
  bytesReceived = 0;
  packetsSent = 0;
  packetsReceived = 0;
  packetsLost = 0;
  readonly dropped: Record<DropReason, number> = Object.fromEntries(
    DROP_REASONS.map((reason) => [reason, 0]),
  ) as Record<DropReason, number>;
}
