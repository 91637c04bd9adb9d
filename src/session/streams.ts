/**
 * All streams of one session: opening, limits, flow control, and filling packets with their frames.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import { STREAM_CODES } from "../wire/codes.ts";
import {
  encodeIntegers,
  encodeStreamHeader,
  MAX_INTEGERS_LENGTH,
  streamHeaderLength,
} from "../wire/frame_encoding.ts";
import { FrameType } from "../wire/frames.ts";
import type { EventSink } from "./connection_events.ts";
import { ProtocolError } from "./protocol_error.ts";
import { ReceiveWindow } from "./receive_window.ts";
import { SentFrame, type SentPackets } from "./sent_packets.ts";
import { Stream, StreamControl, type StreamPriority } from "./stream.ts";
import { StreamScheduler } from "./stream_scheduler.ts";

/** What both sides allow each other. Bytes and counts. */
export interface StreamLimits {
  readonly initialMaxData: number;
  readonly initialMaxStreamData: number;
  readonly initialMaxStreams: number;
}

/** Upper ends of auto-tuning, in bytes: what one session may make this node hold for it. */
export interface WindowBounds {
  readonly maxStreamWindowBytes: number;
  readonly maxSessionWindowBytes: number;
  /** Most bytes of one stream kept for sending. */
  readonly maxSendBufferBytes: number;
}

/**
 * Holes that a session's received data may have, over all its streams. Twenty thousand full-sized frames fill the
 * largest window, and even if every second one were lost in a burst of bad luck most of these would be left; a peer
 * that sends one byte in two needs a moment to reach it.
 */
const MAX_HOLES = 8_192;
/** A stream frame with less room than this for data is not worth starting. */
const MIN_STREAM_ROOM = 24;

export class Streams {
  readonly #streams = new Map<number, Stream>();
  readonly #scheduler = new StreamScheduler();
  readonly #controlQueue: Stream[] = [];
  readonly #emit: EventSink;
  readonly #local: StreamLimits;
  readonly #peer: StreamLimits;
  readonly #bounds: WindowBounds;
  /** Low bit of the ids we open: 0 for the session's initiator. */
  readonly #ownBit: number;

  readonly #window: ReceiveWindow;
  #receivedTotal = 0;
  #sendLimit: number;
  #sentTotal = 0;
  #nextOwn = 0;
  #ownLimit: number;
  #nextPeer = 0;
  #peerLimit: number;
  #peerClosed = 0;
  #maxDataDue = false;
  #maxStreamsDue = false;
  #openWanted = false;
  #holes = 0;

  constructor(
    options: {
      isInitiator: boolean;
      local: StreamLimits;
      peer: StreamLimits;
      bounds: WindowBounds;
      emit: EventSink;
    },
  ) {
    this.#emit = options.emit;
    this.#local = options.local;
    this.#peer = options.peer;
    this.#bounds = options.bounds;
    this.#ownBit = options.isInitiator ? 0 : 1;
    this.#window = new ReceiveWindow(options.local.initialMaxData, options.bounds.maxSessionWindowBytes);
    this.#sendLimit = options.peer.initialMaxData;
    this.#ownLimit = options.peer.initialMaxStreams;
    this.#peerLimit = options.local.initialMaxStreams;
  }

  get openCount(): number {
    return this.#streams.size;
  }

  get(id: number): Stream | undefined {
    return this.#streams.get(id);
  }

  /** Opens a stream, or returns null while the peer's limit is reached; `streams_available` says when not. */
  open(priority: StreamPriority): Stream | null {
    if (this.#nextOwn >= this.#ownLimit) {
      this.#openWanted = true;
      return null;
    }
    const stream = this.#create(2 * this.#nextOwn++ + this.#ownBit);
    stream.priority = priority;
    return stream;
  }

  // Application side.

  /**
   * Queues the front of `bytes` for sending.
   *
   * @param limitBytes how many unacknowledged bytes the stream may hold.
   * @returns how many were taken; fewer than given means that `stream_writable` follows.
   */
  write(stream: Stream, bytes: Uint8Array, limitBytes: number): number {
    if (stream.sendState !== "open" || stream.finQueued) {
      throw new Error(`Cannot write to stream ${stream.id}: its sending side is over`);
    }
    const limit = Math.min(limitBytes, this.#bounds.maxSendBufferBytes);
    const taken = stream.sending.write(bytes, limit);
    if (taken < bytes.length) {
      stream.writableWanted = true;
      stream.writableBelow = 0.75 * limit;
    }
    this.#schedule(stream);
    return taken;
  }

  /** Ends the sending side behind what was written. Idempotent. */
  finish(stream: Stream): void {
    if (stream.sendState !== "open") return;
    stream.finQueued = true;
    this.#schedule(stream);
  }

  /**
   * Reads into `into`.
   *
   * @returns bytes read, 0 when there are none now, or -1 at the end.
   */
  read(now: Instant, stream: Stream, into: Uint8Array, rttMs: number): number {
    const length = stream.receiveState === "open" ? stream.receiving.read(into) : 0;
    if (length > 0) this.#consumed(now, stream, length, rttMs);
    if (stream.receiving.readable === 0) stream.readableSignalled = false;
    if (stream.receiveState !== "reset" && stream.isReadToEnd) {
      stream.receiveState = "done";
      stream.receiving.trim();
      this.#removeIfFinished(stream);
      if (length === 0) return -1;
    }
    return length;
  }

  /** Gives up both halves: the peer gets RESET_STREAM and STOP_SENDING. Idempotent. */
  reset(now: Instant, stream: Stream, code: number): void {
    if (stream.sendState === "open") this.#resetSending(stream, code);
    if (stream.receiveState === "open") {
      const unread = stream.highestReceived - stream.receiving.base;
      stream.receiveState = "reset";
      stream.stopCode = code;
      if (stream.finalSize < 0) this.#demandControl(stream, StreamControl.StopSending);
      this.#forget(stream);
      this.#consumed(now, stream, unread, 0);
    }
    this.#removeIfFinished(stream);
  }

  /** Gives back the buffers of streams that hold nothing: the session has been quiet for a while. */
  trim(): void {
    for (const stream of this.#streams.values()) {
      stream.sending.trim();
      stream.receiving.trim();
    }
  }

  // Frames from the peer.

  onStream(
    now: Instant,
    id: number,
    offset: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    fin: boolean,
  ): void {
    const stream = this.#incoming(id);
    if (stream === null) return;
    const holesBefore = stream.receiving.holes;
    const growth = stream.onData(offset, bytes, start, length, fin);
    this.#charge(growth);
    this.#chargeHoles(stream.receiving.holes - holesBefore);
    if (stream.receiveState === "reset") {
      this.#consumed(now, stream, growth, 0);
      this.#removeIfFinished(stream);
    } else this.#signalReadable(stream);
  }

  onResetStream(now: Instant, id: number, code: number, finalSize: number): void {
    const stream = this.#incoming(id);
    if (stream === null) return;
    stream.checkFinalSize(finalSize, true);
    if (finalSize > stream.window.limit) {
      throw new ProtocolError(
        "flow_control",
        `Stream ${id} was reset at ${finalSize}, limit ${stream.window.limit}`,
      );
    }
    const alreadyOver = stream.finalSize >= 0 && stream.receiveState !== "open";
    const growth = Math.max(0, finalSize - stream.highestReceived);
    stream.highestReceived = Math.max(stream.highestReceived, finalSize);
    stream.finalSize = finalSize;
    this.#charge(growth);
    if (stream.receiveState === "open") {
      const unread = finalSize - stream.receiving.base;
      stream.receiveState = "reset";
      stream.peerCode = code;
      this.#forget(stream);
      this.#consumed(now, stream, unread, 0);
      this.#emit({ kind: "stream_reset", streamId: id, code });
    } else if (!alreadyOver) this.#consumed(now, stream, growth, 0);
    this.#removeIfFinished(stream);
  }

  onStopSending(id: number, code: number): void {
    const stream = this.#incoming(id);
    if (stream === null || stream.sendState !== "open") return;
    this.#resetSending(stream, STREAM_CODES.cancelled);
    this.#emit({ kind: "stream_stopped", streamId: id, code });
  }

  onMaxData(limit: number): void {
    if (limit <= this.#sendLimit) return;
    const wasBlocked = this.#sentTotal >= this.#sendLimit;
    this.#sendLimit = limit;
    if (wasBlocked) { for (const stream of this.#streams.values()) this.#schedule(stream); }
  }

  onMaxStreamData(id: number, limit: number): void {
    const stream = this.#incoming(id);
    if (stream === null || limit <= stream.sendLimit) return;
    stream.sendLimit = limit;
    this.#schedule(stream);
  }

  onMaxStreams(limit: number): void {
    if (limit <= this.#ownLimit) return;
    this.#ownLimit = limit;
    if (this.#openWanted) {
      this.#openWanted = false;
      this.#emit({ kind: "streams_available" });
    }
  }

  // Fates of what was sent.

  onAcked(kind: number, id: number, offset: number, length: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (kind === SentFrame.ResetStream) {
      if (stream.sendState === "reset") stream.sendState = "done";
    } else if (kind === SentFrame.Stream || kind === SentFrame.StreamFin) {
      const wasOpen = stream.sendState === "open";
      stream.onDataAcked(offset, length, kind === SentFrame.StreamFin);
      if (stream.sendState === "done") stream.sending.trim();
      if (wasOpen && stream.sendState === "done") this.#emit({ kind: "stream_delivered", streamId: id });
      else if (
        stream.writableWanted && stream.sendState === "open" && stream.sending.size <= stream.writableBelow
      ) {
        stream.writableWanted = false;
        this.#emit({ kind: "stream_writable", streamId: id });
      }
    }
    this.#removeIfFinished(stream);
  }

  onLost(kind: number, id: number, offset: number, length: number): void {
    if (kind === SentFrame.MaxData) this.#maxDataDue = true;
    else if (kind === SentFrame.MaxStreams) this.#maxStreamsDue = true;
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    switch (kind) {
      case SentFrame.Stream:
      case SentFrame.StreamFin:
        stream.onDataLost(offset, length, kind === SentFrame.StreamFin);
        return this.#schedule(stream);
      case SentFrame.MaxStreamData:
        if (stream.receiveState === "open" && stream.finalSize < 0) {
          this.#demandControl(stream, StreamControl.MaxStreamData);
        }
        return;
      case SentFrame.ResetStream:
        if (stream.sendState === "reset") this.#demandControl(stream, StreamControl.ResetStream);
        return;
      case SentFrame.StopSending:
        if (stream.finalSize < 0) this.#demandControl(stream, StreamControl.StopSending);
        return;
    }
  }

  // Filling packets.

  /** Whether there is anything to put into a packet. Drops from the queue what has become empty. */
  get hasFrames(): boolean {
    return this.hasControlFrames || this.#nextSendable() !== null;
  }

  get hasControlFrames(): boolean {
    return this.#maxDataDue || this.#maxStreamsDue || this.#controlQueue.length > 0;
  }

  /** Writes what control frames fit below `limit` and returns the next offset. */
  writeControlFrames(out: Uint8Array, at: number, limit: number, sent: SentPackets): number {
    if (this.#maxDataDue && at + MAX_INTEGERS_LENGTH <= limit) {
      this.#maxDataDue = false;
      at = encodeIntegers(out, at, FrameType.MaxData, this.#window.advance());
      sent.addFrame(SentFrame.MaxData, 0, 0, 0);
    }
    if (this.#maxStreamsDue && at + MAX_INTEGERS_LENGTH <= limit) {
      this.#maxStreamsDue = false;
      this.#peerLimit = this.#peerClosed + this.#local.initialMaxStreams;
      at = encodeIntegers(out, at, FrameType.MaxStreams, this.#peerLimit);
      sent.addFrame(SentFrame.MaxStreams, 0, 0, 0);
    }
    while (this.#controlQueue.length > 0 && at + 3 * MAX_INTEGERS_LENGTH <= limit) {
      const stream = this.#controlQueue.shift()!;
      stream.controlScheduled = false;
      at = this.#writeStreamControl(stream, out, at, sent);
    }
    return at;
  }

  /** Writes stream data below `limit`, as many streams' as fit, and returns the next offset. */
  writeStreamFrames(out: Uint8Array, at: number, limit: number, sent: SentPackets): number {
    while (limit - at >= MIN_STREAM_ROOM) {
      const stream = this.#nextSendable();
      if (stream === null) return at;
      const next = this.#writeStreamFrame(stream, out, at, limit, sent);
      if (next === at) return at;
      at = next;
      this.#scheduler.rotate(stream, !stream.hasSendable(this.#sendCredit));
    }
    return at;
  }

  #writeStreamFrame(stream: Stream, out: Uint8Array, at: number, limit: number, sent: SentPackets): number {
    const repeat = stream.lost.count > 0;
    const offset = repeat ? stream.lost.startAt(0) : stream.nextOffset;
    const available = repeat
      ? stream.lost.endAt(0) - offset
      : Math.min(stream.sending.end - offset, Math.max(0, stream.sendLimit - offset), this.#sendCredit);
    const room = limit - at - streamHeaderLength(stream.id, offset, Math.min(available, limit - at));
    const length = Math.min(available, room);
    if (length < 0 || (length === 0 && available > 0)) return at;
    const fin = stream.finQueued && offset + length === stream.sending.end;
    at = encodeStreamHeader(out, at, stream.id, offset, length, fin);
    if (length > 0) stream.sending.copyTo(offset, length, out, at);
    if (repeat) stream.lost.remove(offset, offset + length);
    else {
      stream.nextOffset += length;
      this.#sentTotal += length;
    }
    if (fin) stream.finSent = true;
    sent.addFrame(fin ? SentFrame.StreamFin : SentFrame.Stream, stream.id, offset, length);
    return at + length;
  }

  #writeStreamControl(stream: Stream, out: Uint8Array, at: number, sent: SentPackets): number {
    const { id, control } = stream;
    stream.control = 0;
    if (control & StreamControl.ResetStream) {
      at = encodeIntegers(out, at, FrameType.ResetStream, id, stream.resetCode, stream.nextOffset);
      sent.addFrame(SentFrame.ResetStream, id, 0, 0);
    }
    if (control & StreamControl.StopSending) {
      at = encodeIntegers(out, at, FrameType.StopSending, id, stream.stopCode);
      sent.addFrame(SentFrame.StopSending, id, 0, 0);
    }
    if (control & StreamControl.MaxStreamData) {
      at = encodeIntegers(out, at, FrameType.MaxStreamData, id, stream.window.advance());
      sent.addFrame(SentFrame.MaxStreamData, id, 0, 0);
    }
    return at;
  }

  #nextSendable(): Stream | null {
    for (;;) {
      const stream = this.#scheduler.peek();
      if (stream === null || stream.hasSendable(this.#sendCredit)) return stream;
      this.#scheduler.rotate(stream, true);
    }
  }

  get #sendCredit(): number {
    return this.#sendLimit - this.#sentTotal;
  }

  // Bookkeeping.

  #create(id: number): Stream {
    const window = new ReceiveWindow(this.#local.initialMaxStreamData, this.#bounds.maxStreamWindowBytes);
    const stream = new Stream(id, this.#peer.initialMaxStreamData, window);
    this.#streams.set(id, stream);
    return stream;
  }

  /** The stream that a frame names; null when it is long over. */
  #incoming(id: number): Stream | null {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const ordinal = Math.floor(id / 2);
    if (id % 2 === this.#ownBit) {
      if (ordinal >= this.#nextOwn) throw new ProtocolError("stream_state", `Stream ${id} was never opened`);
      return null;
    }
    if (ordinal < this.#nextPeer) return null;
    if (ordinal >= this.#peerLimit) {
      throw new ProtocolError(
        "stream_limit",
        `Stream ${id} is beyond the limit of ${this.#peerLimit} streams`,
      );
    }
    // Opening a stream opens all lower ones (RFC 9000 §3.2).
    while (this.#nextPeer <= ordinal) {
      const opened = this.#create(2 * this.#nextPeer++ + (1 - this.#ownBit));
      this.#emit({ kind: "stream_opened", streamId: opened.id });
    }
    return this.#streams.get(id)!;
  }

  #schedule(stream: Stream): void {
    if (!stream.scheduled && stream.hasSendable(this.#sendCredit)) this.#scheduler.add(stream);
  }

  #signalReadable(stream: Stream): void {
    if (stream.readableSignalled) return;
    const atEnd = stream.isReadToEnd && !stream.finReported;
    if (stream.receiving.readable === 0 && !atEnd) return;
    if (atEnd) stream.finReported = true;
    stream.readableSignalled = true;
    this.#emit({ kind: "stream_readable", streamId: stream.id });
  }

  /** Charges new received bytes to the session's window (RFC 9000 §4.1). */
  #charge(bytes: number): void {
    this.#receivedTotal += bytes;
    if (this.#receivedTotal > this.#window.limit) {
      throw new ProtocolError(
        "flow_control",
        `Session reached ${this.#receivedTotal}, limit ${this.#window.limit}`,
      );
    }
  }

  #chargeHoles(change: number): void {
    this.#holes += change;
    if (this.#holes > MAX_HOLES) {
      throw new ProtocolError("protocol_violation", `Received data with more than ${MAX_HOLES} holes`);
    }
  }

  /** What was received of `stream` will not be read. */
  #forget(stream: Stream): void {
    this.#holes -= stream.receiving.holes;
    stream.receiving.clear();
  }

  #consumed(now: Instant, stream: Stream, bytes: number, rttMs: number): void {
    if (bytes === 0) return;
    if (this.#window.consume(now, bytes, rttMs)) this.#maxDataDue = true;
    if (stream.receiveState !== "open" || stream.finalSize >= 0) return;
    if (!stream.window.consume(now, bytes, rttMs)) return;
    this.#demandControl(stream, StreamControl.MaxStreamData);
    // The session's window stays half as large again as its largest stream's, so that it is not the limit.
    this.#window.ensure(Math.ceil(1.5 * stream.window.windowBytes));
  }

  #resetSending(stream: Stream, code: number): void {
    stream.sendState = "reset";
    stream.resetCode = code;
    stream.lost.clear();
    stream.sending.clear();
    this.#demandControl(stream, StreamControl.ResetStream);
  }

  #demandControl(stream: Stream, bit: number): void {
    stream.control |= bit;
    if (stream.controlScheduled) return;
    stream.controlScheduled = true;
    this.#controlQueue.push(stream);
  }

  #removeIfFinished(stream: Stream): void {
    if (!stream.isFinished || !this.#streams.delete(stream.id)) return;
    this.#emit({ kind: "stream_over", streamId: stream.id });
    if (stream.id % 2 === this.#ownBit) return;
    this.#peerClosed++;
    // Credit comes back in halves, so that MAX_STREAMS frames stay few.
    if (this.#peerLimit - this.#peerClosed <= this.#local.initialMaxStreams / 2) this.#maxStreamsDue = true;
  }
}
