/**
 * What a connection tells the program that owns it: things to react to, as opposed to the event stream, which
 * tells people.
 *
 * @module
 */

import type { SessionEnd } from "../observe/events.ts";

export type ConnectionEvent =
  /** The peer opened a stream. */
  | { readonly kind: "stream_opened"; readonly streamId: number }
  /** Bytes, or the end of the stream, can be read. Said once until the application has read everything. */
  | { readonly kind: "stream_readable"; readonly streamId: number }
  /** A write that was cut short can go on. */
  | { readonly kind: "stream_writable"; readonly streamId: number }
  /** The peer acknowledged everything up to and with the end of our side. */
  | { readonly kind: "stream_delivered"; readonly streamId: number }
  /** The peer gave up sending. */
  | { readonly kind: "stream_reset"; readonly streamId: number; readonly code: number }
  /** The peer no longer wants what we send. */
  | { readonly kind: "stream_stopped"; readonly streamId: number; readonly code: number }
  /** Both sides are done with the stream: nothing follows for it. */
  | { readonly kind: "stream_over"; readonly streamId: number }
  /** The peer raised its stream limit. */
  | { readonly kind: "streams_available" }
  /** An unreliable message; the bytes are the receiver's. */
  | { readonly kind: "datagram"; readonly payload: Uint8Array<ArrayBuffer> }
  /** The session is over; nothing follows. */
  | {
    readonly kind: "closed";
    readonly end: SessionEnd;
    readonly code: string;
    readonly reason: string;
  };

/** Where connections leave their events until someone polls. */
export type EventSink = (event: ConnectionEvent) => void;
