/**
 * One bidirectional stream: its two halves' states (RFC 9000 section 3), without scheduling.
 *
 * @module
 */

import { ProtocolError } from "./protocol_error.ts";
import { RangeSet } from "./range_set.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import type { ReceiveWindow } from "./receive_window.ts";
import { SendBuffer } from "./send_buffer.ts";

/** Served strictly in this order: all control streams before any bulk one. */
export type StreamPriority = "control" | "bulk";

export type SendState = "open" | "reset" | "done";
export type ReceiveState = "open" | "reset" | "done";

/** What a stream wants to tell the peer besides data. Bits, so that a loss can set one again. */
export const StreamControl = { ResetStream: 1, StopSending: 2, MaxStreamData: 4 } as const;

export class Stream {
  readonly id: number;
  readonly sending = new SendBuffer();
  readonly receiving = new ReceiveBuffer();
  readonly window: ReceiveWindow;
  priority: StreamPriority = "bulk";

  sendState: SendState = "open";
  receiveState: ReceiveState = "open";
  /** Highest offset the peer lets us send to. */
  sendLimit: number;
  /** First byte never sent. */
  nextOffset = 0;
  readonly lost = new RangeSet();
  finQueued = false;
  finSent = false;
  finAcked = false;
  resetCode = 0;

  /** The peer's final size once known, or -1. */
  finalSize = -1;
  /** Highest offset received: what counts against the session's window. */
  highestReceived = 0;
  /** What the peer gave as its reason to stop or reset. */
  peerCode = 0;

  /** {@link StreamControl} bits to send. */
  control = 0;
  stopCode = 0;
  /** Whether the scheduler holds this stream. */
  scheduled = false;
  /** Whether the control queue holds this stream. */
  controlScheduled = false;
  /** Whether a readable (writable) event is waiting to be read by the application. */
  readableSignalled = false;
  writableWanted = false;
  /** The application hears `stream_writable` once no more than this is held: few wake-ups, useful ones. */
  writableBelow = 0;
  finReported = false;

  constructor(id: number, sendLimit: number, window: ReceiveWindow) {
    this.id = id;
    this.sendLimit = sendLimit;
    this.window = window;
  }

  /** Whether there are bytes (or a fin) that may go into a packet, given the session's credit for new bytes. */
  hasSendable(sessionCredit: number): boolean {
    if (this.sendState !== "open") return false;
    if (this.lost.count > 0) return true;
    const newBytes = this.sending.end - this.nextOffset;
    if (newBytes > 0) return this.nextOffset < this.sendLimit && sessionCredit > 0;
    return this.finQueued && !this.finSent;
  }

  /** New bytes are waiting, but the stream's own credit is used up. */
  get isBlocked(): boolean {
    return this.sendState === "open" && this.sending.end > this.nextOffset &&
      this.nextOffset >= this.sendLimit;
  }

  /** Both halves are over and nothing of them needs sending again. */
  get isFinished(): boolean {
    const receivingOver = this.receiveState === "done" ||
      (this.receiveState === "reset" && this.finalSize >= 0);
    return this.sendState === "done" && receivingOver && this.control === 0;
  }

  /** `[start, end)` was acknowledged; with `fin`, the end of the stream too. */
  onDataAcked(start: number, length: number, fin: boolean): void {
    if (this.sendState !== "open") return;
    this.sending.acknowledge(start, start + length);
    if (this.lost.count > 0) this.lost.remove(start, start + length);
    if (fin) this.finAcked = true;
    if (this.finAcked && this.sending.base === this.sending.end) this.sendState = "done";
  }

  /** `[start, end)` was lost and travels again, unless it was acknowledged through another packet. */
  onDataLost(start: number, length: number, fin: boolean): void {
    if (this.sendState !== "open") return;
    this.lost.add(start, start + length);
    this.sending.subtractAcknowledged(this.lost, start, start + length);
    if (fin && !this.finAcked) this.finSent = false;
  }

  /**
   * Takes in received bytes.
   *
   * @returns by how much the highest offset grew: what the session's window is charged.
   * @throws {ProtocolError} when the stream's limit or its final size is broken (RFC 9000 §4.1, §4.5).
   */
  onData(offset: number, bytes: Uint8Array, start: number, length: number, fin: boolean): number {
    const end = offset + length;
    this.checkFinalSize(end, fin);
    if (end > this.window.limit) {
      throw new ProtocolError("flow_control", `Stream ${this.id} reached ${end}, limit ${this.window.limit}`);
    }
    if (fin) this.finalSize = end;
    const growth = Math.max(0, end - this.highestReceived);
    this.highestReceived = Math.max(this.highestReceived, end);
    if (this.receiveState === "open") this.receiving.insert(offset, bytes, start, length);
    return growth;
  }

  /** @throws {ProtocolError} when `end` contradicts what is known of the final size (RFC 9000 §4.5). */
  checkFinalSize(end: number, isFinal: boolean): void {
    const contradicts = this.finalSize >= 0
      ? end > this.finalSize || (isFinal && end !== this.finalSize)
      : false;
    if (contradicts || (isFinal && end < this.highestReceived)) {
      throw new ProtocolError("final_size", `Stream ${this.id} changed its final size`);
    }
  }

  /** Everything up to the final size has been read. */
  get isReadToEnd(): boolean {
    return this.finalSize >= 0 && this.receiving.base === this.finalSize;
  }
}
