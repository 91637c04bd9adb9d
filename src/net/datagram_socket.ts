/**
 * The seam between the node and the operating system's UDP. One implementation is `Deno.listenDatagram`,
 * another Linux's segmentation offload through FFI; both carry the same datagrams.
 *
 * @module
 */

import type { Address } from "./address.ts";
import type { Turn } from "./turn.ts";

/** What one {@link DatagramSocket.receive} brought: borrowed until the next call to it. */
export interface ReceiveBatch {
  /** How many datagrams there are; at least 1. */
  readonly count: number;
  /** Holds every datagram of the batch. The receiver may change the bytes (packets are opened in place). */
  readonly slab: Uint8Array<ArrayBuffer>;
  /** Start of datagram `i` in the slab. Only the first `count` entries mean anything (so below). */
  readonly offsets: Uint32Array;
  /** Length of datagram `i` in bytes. */
  readonly lengths: Uint32Array;
  /** Sender of datagram `i`. */
  readonly sources: readonly Address[];
}

/** Plain cumulative numbers, read when someone looks. */
export interface SocketStats {
  datagramsSent: number;
  datagramsReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** Sends the kernel refused for good (unreachable, too large, forbidden), by datagram. */
  sendFailures: number;
  /** System calls (or runtime operations) it took: how well batching works. */
  sendCalls: number;
  receiveCalls: number;
}

/** A bound UDP socket. */
export interface DatagramSocket {
  /** Which implementation this is: a metric label and a line of `wraith doctor`. */
  readonly backend: "deno" | "linux";
  readonly localAddress: Address;
  /** The most bytes one {@link send} run is worth filling: 65,535 or less where runs are offloaded. */
  readonly maxRunBytes: number;
  /** The most datagrams one {@link send} run may hold. */
  readonly maxRunSegments: number;
  readonly stats: Readonly<SocketStats>;
  /** Shared by all whom received datagrams keep busy. */
  readonly turn: Turn;

  /**
   * Waits for datagrams and returns a bounded batch of what is there, or null once the socket is closed.
   * One call at a time. Errors of single datagrams (an ICMP refusal, say) are counted, never thrown.
   */
  receive(): Promise<ReceiveBatch | null>;

  /**
   * Sends a run of datagrams to one destination: `length` bytes of `slab` from `offset`, cut every
   * `segmentBytes` (the last may be shorter).
   *
   * Loss is silent, as UDP's is: what the kernel refuses is counted in {@link stats}.
   *
   * @returns null when the slab is free again at once, or a promise that settles (never rejects) when it is.
   * Until then the slab is borrowed and the caller starts no further send.
   */
  send(
    to: Address,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
    segmentBytes: number,
  ): Promise<void> | null;

  /** Idempotent. A pending {@link receive} resolves to null. */
  close(): void;
}

/** Where and how to bind. */
export interface SocketOptions {
  /** Literal address; a name is resolved before this. */
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Called once for anything worth one log line: a path that refused offload, a fallback taken. */
  readonly onNotice?: (message: string) => void;
}
