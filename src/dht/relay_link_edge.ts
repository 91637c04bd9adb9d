/**
 * The end of a circuit through a relay: datagrams on a stream.
 *
 * @module
 */

import type { PeerId } from "../crypto/peer_id.ts";
import { STREAM_CODES } from "../wire/codes.ts";
import { frameDatagram, RelayUnframer } from "./relay_frame.ts";

/** What a relay needs of a stream: `PeerStream` has it. */
export interface RelayStream {
  /** Reads at least one byte, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  reset(code: number): void;
}

/** A path for datagrams through a relay, as good as a socket that knows one destination. Lossy when congested. */
export interface RelayLink {
  readonly peer: PeerId;
  readonly relay: PeerId;
  /** Queues a datagram (copied). Returns false when it was dropped for want of room. */
  send(datagram: Uint8Array): boolean;
  /** The next datagram, or null when the circuit has ended. One call at a time. */
  receive(): Promise<Uint8Array<ArrayBuffer> | null>;
  close(): void;
}

export class StreamLink implements RelayLink {
  readonly #stream: RelayStream;
  readonly #unframer = new RelayUnframer();
  readonly #received: Uint8Array<ArrayBuffer>[] = [];
  readonly #buffer = new Uint8Array(16_384);
  readonly #onClosed: () => void;
  #queuedBytes = 0;
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(
    readonly peer: PeerId,
    readonly relay: PeerId,
    stream: RelayStream,
    onClosed: () => void = () => {},
  ) {
    this.#stream = stream;
    this.#onClosed = onClosed;
  }

  send(datagram: Uint8Array): boolean {
    if (this.#isClosed || this.#queuedBytes + datagram.length > MAX_QUEUED_BYTES) return false;
    const framed = frameDatagram(datagram);
    this.#queuedBytes += datagram.length;
    this.#sending = this.#sending.then(() => this.#stream.write(framed)).then(
      () => {
        this.#queuedBytes -= datagram.length;
      },
      () => this.close(),
    );
    return true;
  }

  async receive(): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      while (this.#received.length === 0) {
        const read = this.#isClosed ? null : await this.#stream.read(this.#buffer);
        if (read === null) {
          this.close();
          return null;
        }
        this.#received.push(...this.#unframer.push(this.#buffer.subarray(0, read)));
      }
    } catch {
      // The circuit broke: to a session above it that is a path that fell silent.
      this.close();
      return null;
    }
    return this.#received.shift()!;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.reset(STREAM_CODES.cancelled);
    this.#onClosed();
  }
}

/** As much as a congested path's queue would hold; beyond it datagrams are lost, as on any path. */
const MAX_QUEUED_BYTES = 256 * 1024;
