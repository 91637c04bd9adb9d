/**
 * Reads length-prefixed messages, and the raw bytes between them, from a stream.
 *
 * @module
 */

import { decodeMessage, MAX_MESSAGE_BYTES, type Message } from "./messages.ts";
import type { PeerStream } from "./peer_stream.ts";
import { TransferError } from "./transfer_error.ts";

/** What a reader needs of a stream. */
export type ByteSource = Pick<PeerStream, "read">;

/** One direction of one stream, as messages. One call at a time. */
export class MessageReader {
  readonly #source: ByteSource;
  // Bytes read ahead: [#start, #end). Long payloads bypass it.
  readonly #buffer = new Uint8Array(MAX_MESSAGE_BYTES + 4);
  #start = 0;
  #end = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * The next message, or null when the peer has finished.
   *
   * @throws {TransferError} `protocol`, for a malformed message or an end inside one.
   * @throws {StreamError}
   */
  async next(): Promise<Message | null> {
    const frame = await this.nextFrame();
    return frame === null ? null : decodeMessage(frame);
  }

  /** The next message's bytes, borrowed until the next call; null when the peer has finished. */
  async nextFrame(): Promise<Uint8Array | null> {
    if (this.#start === this.#end && !(await this.#fill(1))) return null;
    // RFC 9000 §16: the two high bits of the first byte say how long the length is.
    const prefix = 1 << (this.#buffer[this.#start] >>> 6);
    if (prefix > 4) throw oversize();
    await this.#need(prefix);
    let length = this.#buffer[this.#start] & 0x3f;
    for (let i = 1; i < prefix; i++) length = length * 256 + this.#buffer[this.#start + i];
    if (length > MAX_MESSAGE_BYTES) throw oversize();
    await this.#need(prefix + length);
    const from = this.#start + prefix;
    this.#start = from + length;
    return this.#buffer.subarray(from, from + length);
  }

  /**
   * Fills all of `into` with the bytes that follow the last message.
   *
   * @throws {TransferError} `protocol`, when the peer finishes before.
   * @throws {StreamError}
   */
  async readFully(into: Uint8Array): Promise<void> {
    let filled = Math.min(into.length, this.#end - this.#start);
    into.set(this.#buffer.subarray(this.#start, this.#start + filled));
    this.#start += filled;
    while (filled < into.length) {
      const read = await this.#source.read(into.subarray(filled));
      if (read === null) throw cutShort();
      filled += read;
    }
  }

  async #need(length: number): Promise<void> {
    if (this.#end - this.#start < length && !(await this.#fill(length))) throw cutShort();
  }

  /** Reads until `length` bytes are buffered. False when the peer finishes before. */
  async #fill(length: number): Promise<boolean> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    while (this.#end < length) {
      const read = await this.#source.read(this.#buffer.subarray(this.#end));
      if (read === null) return false;
      this.#end += read;
    }
    return true;
  }
}

function oversize(): TransferError {
  return new TransferError("protocol", `Cannot read a message: longer than ${MAX_MESSAGE_BYTES} bytes`);
}

function cutShort(): TransferError {
  return new TransferError("protocol", "Cannot read a message: the stream ended inside it");
}
