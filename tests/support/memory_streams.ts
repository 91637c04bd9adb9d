/**
 * Sessions between two ends in one process: bounded buffers, no latency, and a cut wherever a test wants one.
 *
 * @module
 */

import type { PeerId } from "../../src/crypto/peer_id.ts";
import { type PeerSession, type PeerStream, StreamError } from "../../src/transfer/peer_stream.ts";

/** How the ends are connected. */
export interface MemoryLinkOptions {
  /** Bytes that one direction of one stream holds before writing waits. */
  readonly windowBytes?: number;
  /** The session ends when this many bytes, both directions of all streams together, were written. */
  readonly cutAfterBytes?: number;
  /** The most bytes that one read returns. */
  readonly maxReadBytes?: number;
  readonly initiator?: PeerId;
  readonly responder?: PeerId;
}

/** Two ends of one session. What the initiator opens reaches `onStream` of the responder, and the reverse. */
export class MemoryLink {
  readonly initiator: MemorySession;
  readonly responder: MemorySession;
  readonly #ended = new AbortController();
  readonly #pipes = new Set<Pipe>();
  readonly #options: MemoryLinkOptions;
  /** Bytes written so far, both directions together. */
  bytesWritten = 0;

  constructor(options: MemoryLinkOptions = {}) {
    this.#options = options;
    this.initiator = new MemorySession(this, options.responder ?? peerIdFor("b"), this.#ended.signal);
    this.responder = new MemorySession(this, options.initiator ?? peerIdFor("a"), this.#ended.signal);
    this.initiator.other = this.responder;
    this.responder.other = this.initiator;
  }

  /** Ends the session for both, at once. */
  cut(): void {
    if (this.#ended.signal.aborted) return;
    const error = new StreamError("closed", 0, "The session ended");
    for (const pipe of this.#pipes) pipe.fail(error);
    this.#ended.abort(error);
  }

  pipe(): Pipe {
    const pipe = new Pipe(
      this.#options.windowBytes ?? 65_536,
      this.#options.maxReadBytes ?? Infinity,
      (bytes) => {
        this.bytesWritten += bytes;
        if (this.bytesWritten >= (this.#options.cutAfterBytes ?? Infinity)) this.cut();
      },
    );
    this.#pipes.add(pipe);
    if (this.#ended.signal.aborted) pipe.fail(this.#ended.signal.reason as StreamError);
    return pipe;
  }
}

/** One end of a session. */
export class MemorySession implements PeerSession {
  readonly id = 1;
  readonly remoteAddr = "192.0.2.1:41641";
  readonly ended: AbortSignal;
  other!: MemorySession;
  readonly #link: MemoryLink;
  #nextId = 0;
  /** Called for every stream that the other end opens. */
  onStream: (stream: PeerStream) => void = () => {};

  constructor(link: MemoryLink, readonly peerId: PeerId, ended: AbortSignal) {
    this.#link = link;
    this.ended = ended;
  }

  openStream(): Promise<PeerStream> {
    if (this.ended.aborted) return Promise.reject(this.ended.reason);
    const [there, back] = [this.#link.pipe(), this.#link.pipe()];
    const id = this.#nextId++;
    this.other.onStream(new MemoryStream(id, there, back));
    return Promise.resolve(new MemoryStream(id, back, there));
  }
}

/** A peer id that repeats one hexadecimal digit. */
export function peerIdFor(digit: string): PeerId {
  return `ed25519:${digit.repeat(64)}`;
}

class MemoryStream implements PeerStream {
  constructor(readonly id: number, readonly incoming: Pipe, readonly outgoing: Pipe) {}

  read(into: Uint8Array): Promise<number | null> {
    return this.incoming.read(into);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.outgoing.write(bytes);
  }

  finish(): Promise<void> {
    return this.outgoing.finish();
  }

  reset(code: number): void {
    this.outgoing.fail(new StreamError("reset", code, `The stream was reset with code ${code}`));
    this.incoming.fail(new StreamError("stopped", code, `The stream was stopped with code ${code}`));
  }

  get unacknowledgedBytes(): number {
    return this.outgoing.buffered;
  }
}

/** One direction of a stream. */
class Pipe {
  readonly #windowBytes: number;
  readonly #maxReadBytes: number;
  readonly #onWritten: (bytes: number) => void;
  #queue: Uint8Array[] = [];
  #error: StreamError | null = null;
  #finished = false;
  #waiting: (() => void)[] = [];
  #reading = false;
  buffered = 0;

  constructor(windowBytes: number, maxReadBytes: number, onWritten: (bytes: number) => void) {
    this.#windowBytes = windowBytes;
    this.#maxReadBytes = maxReadBytes;
    this.#onWritten = onWritten;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#reading) throw new Error("Cannot read: one call at a time");
    if (into.length === 0) throw new Error("Cannot read into nothing");
    this.#reading = true;
    try {
      while (this.#queue.length === 0) {
        if (this.#error !== null) throw this.#error;
        if (this.#finished) return null;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      if (this.#error !== null) throw this.#error;
      const [first] = this.#queue;
      const length = Math.min(first.length, into.length, this.#maxReadBytes);
      into.set(first.subarray(0, length));
      if (length === first.length) this.#queue.shift();
      else this.#queue[0] = first.subarray(length);
      this.buffered -= length;
      this.#wake();
      return length;
    } finally {
      this.#reading = false;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#error !== null) throw this.#error;
      const room = this.#windowBytes - this.buffered;
      if (room <= 0) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
        continue;
      }
      const part = bytes.slice(offset, offset + room);
      offset += part.length;
      this.#queue.push(part);
      this.buffered += part.length;
      this.#wake();
      this.#onWritten(part.length);
    }
    if (this.#error !== null) throw this.#error;
  }

  async finish(): Promise<void> {
    this.#finished = true;
    this.#wake();
    while (this.buffered > 0 && this.#error === null) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#error !== null) throw this.#error;
  }

  fail(error: StreamError): void {
    // What was finished and read to its end cannot be taken back.
    if (this.#error !== null || (this.#finished && this.buffered === 0)) return;
    this.#error = error;
    this.#queue = [];
    this.buffered = 0;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
