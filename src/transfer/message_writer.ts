/**
 * Writes length-prefixed messages and raw bytes to a stream, small ones gathered, large ones straight through.
 *
 * @module
 */

import { encodeVarint, varintLength } from "../wire/varint.ts";
import { encodeMessage, MAX_MESSAGE_BYTES, type Message } from "./messages.ts";
import type { PeerStream } from "./peer_stream.ts";

/** What a writer needs of a stream. */
export type ByteSink = Pick<PeerStream, "write">;

/**
 * One direction of one stream. Calls may overlap: each message, with the bytes that belong to it, reaches the
 * stream whole and in the order of the calls.
 */
export class MessageWriter {
  readonly #sink: ByteSink;
  readonly #buffer = new Uint8Array(GATHER_BYTES);
  #filled = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Sends `bytes` as they are: the varint in front of the first message. */
  sendRaw(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#append(bytes));
  }

  /**
   * Queues `message`, and `payload` behind it. It may stay in the buffer until {@link flush} or until more
   * comes; `payload` is the caller's again when the promise resolves.
   *
   * @throws {StreamError}
   */
  queue(message: Message, payload?: Uint8Array): Promise<void> {
    return this.queueFrame(encodeMessage(message), payload);
  }

  /** {@link queue} for an encoded message. */
  queueFrame(frame: Uint8Array, payload?: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const prefix = varintLength(frame.length);
      if (this.#filled + prefix + frame.length > this.#buffer.length) await this.#drain();
      this.#filled = encodeVarint(frame.length, this.#buffer, this.#filled);
      this.#buffer.set(frame, this.#filled);
      this.#filled += frame.length;
      if (payload !== undefined) await this.#append(payload);
    });
  }

  /** Hands everything queued so far to the stream. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#drain());
  }

  /** {@link queue} and {@link flush} in one. */
  async send(message: Message): Promise<void> {
    const queued = this.queue(message);
    const flushed = this.flush();
    await queued;
    await flushed;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    if (this.#filled + bytes.length > this.#buffer.length) await this.#drain();
    if (bytes.length > STRAIGHT_BYTES) {
      await this.#drain();
      await this.#sink.write(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  async #drain(): Promise<void> {
    if (this.#filled === 0) return;
    const length = this.#filled;
    this.#filled = 0;
    await this.#sink.write(this.#buffer.subarray(0, length));
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(step);
    // Whoever waits for `done` learns of a failure; the next in line fails on the stream itself.
    this.#turn = done.catch(() => {});
    return done;
  }
}

const GATHER_BYTES = MAX_MESSAGE_BYTES + 65_536;
/** Copying less than this into the buffer costs less than a write of its own. */
const STRAIGHT_BYTES = 32_768;
