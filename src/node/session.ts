/**
 * A session as the layers above use it: streams with back-pressure, unreliable messages, and an end.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";
import type { Direction } from "../observe/events.ts";
import type { Connection } from "../session/connection.ts";
import type { ConnectionEvent } from "../session/connection_events.ts";
import type { Stream, StreamPriority } from "../session/stream.ts";
import { type PeerSession, type PeerStream, StreamError } from "../transfer/peer_stream.ts";
import type { CloseCode } from "../wire/codes.ts";
import type { Driver } from "./driver.ts";
import { SessionStream } from "./session_stream.ts";

/** Hears of what a peer starts. */
export interface SessionListener {
  /** A session came up, in either direction. */
  onSession(session: Session): void;
  /** The peer opened a stream; whoever takes it reads its type first. */
  onStream(session: Session, stream: PeerStream): void;
  /** An unreliable message; the bytes are the listener's. */
  onDatagram(session: Session, payload: Uint8Array<ArrayBuffer>): void;
  onSessionEnded(session: Session): void;
}

export class Session implements PeerSession {
  readonly id: number;
  readonly peerId: PeerId;
  readonly direction: Direction;
  /** Calendar time, for people. */
  readonly establishedAtMs: number;
  readonly connection: Connection;
  readonly #driver: Driver;
  readonly #listener: SessionListener;
  readonly #streams = new Map<number, SessionStream>();
  #waitingForStreams: (() => void)[] = [];
  #end: StreamError | null = null;
  #ended: AbortController | null = null;

  constructor(
    driver: Driver,
    connection: Connection,
    direction: Direction,
    establishedAtMs: number,
    listener: SessionListener,
  ) {
    this.id = connection.sessionId;
    this.peerId = connection.peerId;
    this.direction = direction;
    this.establishedAtMs = establishedAtMs;
    this.connection = connection;
    this.#driver = driver;
    this.#listener = listener;
  }

  get remoteAddr(): string {
    return this.connection.remoteAddr;
  }

  get isOpen(): boolean {
    return this.#end === null;
  }

  get ended(): AbortSignal {
    // Most sessions are never asked, and there may be thousands.
    if (this.#ended === null) {
      this.#ended = new AbortController();
      if (this.#end !== null) this.#ended.abort(this.#end);
    }
    return this.#ended.signal;
  }

  async openStream(priority: StreamPriority): Promise<PeerStream> {
    for (;;) {
      if (this.#end !== null) throw this.#end;
      const stream = this.connection.openStream(priority);
      if (stream !== null) return this.#adopt(stream);
      await new Promise<void>((resolve) => this.#waitingForStreams.push(resolve));
    }
  }

  /** Sends an unreliable message. Returns whether it was taken; it may still be lost. */
  sendDatagram(payload: Uint8Array): boolean {
    const taken = this.connection.sendDatagram(payload);
    if (taken) this.#driver.wake(this.connection);
    return taken;
  }

  /** Keeps the session alive while nothing is open on it, or no longer. */
  keepAlive(wanted: boolean): void {
    this.connection.keepAlive(wanted);
    this.#driver.wake(this.connection);
  }

  /** Ends the session. Idempotent. */
  close(code: CloseCode = "no_error", reason = ""): void {
    this.connection.close(this.#driver.now, code, reason, code === "shutting_down" ? "shutdown" : "local");
    this.#driver.wake(this.connection);
  }

  /** Called by the driver. */
  onEvent(event: ConnectionEvent): void {
    switch (event.kind) {
      case "stream_opened":
        return this.#onOpened(event.streamId);
      case "stream_readable":
        return this.#streams.get(event.streamId)?.onReadable();
      case "stream_writable":
        return this.#streams.get(event.streamId)?.onWritable();
      case "stream_delivered":
        return this.#streams.get(event.streamId)?.onDelivered();
      case "stream_reset":
        return this.#streams.get(event.streamId)?.onReset(event.code);
      case "stream_stopped":
        return this.#streams.get(event.streamId)?.onStopped(event.code);
      case "stream_over":
        this.#streams.delete(event.streamId);
        return;
      case "streams_available":
        return this.#admitWaiting();
      case "datagram":
        return this.#listener.onDatagram(this, event.payload);
      case "closed":
        return this.#onClosed(event);
    }
  }

  #onOpened(streamId: number): void {
    const stream = this.connection.stream(streamId);
    if (stream !== undefined) this.#listener.onStream(this, this.#adopt(stream));
  }

  #adopt(stream: Stream): SessionStream {
    const adopted = new SessionStream(this.#driver, this.connection, stream);
    this.#streams.set(stream.id, adopted);
    return adopted;
  }

  #admitWaiting(): void {
    const waiting = this.#waitingForStreams;
    this.#waitingForStreams = [];
    for (const admit of waiting) admit();
  }

  #onClosed(event: ConnectionEvent & { kind: "closed" }): void {
    const why = event.reason === "" ? event.code : `${event.code}: ${event.reason}`;
    this.#end = new StreamError("closed", 0, `Session with ${this.remoteAddr} ended (${event.end}, ${why})`);
    for (const stream of this.#streams.values()) stream.fail(this.#end);
    this.#streams.clear();
    this.#admitWaiting();
    this.#ended?.abort(this.#end);
    this.#listener.onSessionEnded(this);
  }
}
