/**
 * What transfers need of a session: a peer, and ordered byte streams to it with back-pressure. The node
 * provides these over real sessions, tests over memory.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";

/** A bidirectional, reliable, ordered byte stream inside one session. */
export interface PeerStream {
  /** The stream's id on the wire (protocol.md, stream ids). */
  readonly id: number;

  /**
   * Reads at least one byte into `into` (not empty), waiting for it if need be. One call at a time.
   *
   * @returns how many bytes were written to the front of `into`, or null when the peer has finished.
   * @throws {StreamError} when the peer reset the stream, or the session ended.
   */
  read(into: Uint8Array): Promise<number | null>;

  /**
   * Queues all of `bytes`, waiting while the send buffer is full: that wait is the flow and congestion
   * control reaching the application. The bytes are copied; they are the caller's again when the promise
   * resolves. One call at a time.
   *
   * @throws {StreamError} when the peer no longer wants them, or the session ended.
   */
  write(bytes: Uint8Array): Promise<void>;

  /** Ends the sending side. Resolves when the peer has acknowledged every byte. @throws {StreamError} */
  finish(): Promise<void>;

  /** Gives up both sides at once; `code` tells the peer why. Idempotent. */
  reset(code: number): void;

  /** Bytes handed to {@link write} that the peer has not acknowledged yet. */
  readonly unacknowledgedBytes: number;
}

/** One authenticated session with one peer. */
export interface PeerSession {
  readonly id: number;
  readonly peerId: PeerId;
  /** `host:port`, as it is now: peers move. */
  readonly remoteAddr: string;

  /**
   * Opens a stream, waiting while the peer's stream limit is reached. `priority`: `control` streams are
   * served before `bulk` ones.
   *
   * @throws {StreamError} when the session ended.
   */
  openStream(priority: "control" | "bulk"): Promise<PeerStream>;

  /** Aborts when the session has ended, for whatever cause; `reason` is a {@link StreamError}. */
  readonly ended: AbortSignal;
}

/** Why a stream stopped before its end. */
export class StreamError extends Error {
  override readonly name = "StreamError";

  /**
   * @param kind `reset` and `stopped`: the peer's doing, with its `code`. `closed`: the session is gone.
   */
  constructor(
    readonly kind: "reset" | "stopped" | "closed",
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}
