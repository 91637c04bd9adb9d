/**
 * Unreliable messages on their way out: sent once, in order, never repeated.
 *
 * @module
 */

import { datagramFrameLength, encodeDatagram } from "../wire/frame_encoding.ts";

/** Messages held; when one more comes the oldest goes, as it would in any queue on the way. */
const MAX_QUEUED = 64;

export class DatagramQueue {
  readonly #queue: Uint8Array[] = [];
  #dropped = 0;

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** Messages given up because the queue was full or a packet too small. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues a copy of `payload`. */
  push(payload: Uint8Array): void {
    if (this.#queue.length >= MAX_QUEUED) {
      this.#queue.shift();
      this.#dropped++;
    }
    this.#queue.push(payload.slice());
  }

  /** Writes what fits below `limit`. `packetIsEmpty`: a message that does not fit here never will. */
  writeFrames(out: Uint8Array, at: number, limit: number, packetIsEmpty: boolean): number {
    while (this.#queue.length > 0) {
      const payload = this.#queue[0];
      if (at + datagramFrameLength(payload.length) > limit) {
        if (!packetIsEmpty) return at;
        this.#queue.shift();
        this.#dropped++;
        continue;
      }
      this.#queue.shift();
      at = encodeDatagram(out, at, payload);
      packetIsEmpty = false;
    }
    return at;
  }
}
