/**
 * Waits until a descriptor has something to read, without spinning and without holding up the rest.
 *
 * @module
 */

import { type Libc, MSG_PEEK, PinnedMemory, POLLIN } from "./linux_ffi.ts";

/**
 * Two ways to wait. Shortly after traffic the event loop's own thread sleeps in `ppoll`, a few dozen
 * microseconds at a time with a turn of the loop between: waking it costs one switch. After that another
 * thread sleeps in `recv` for as long as it takes, and waking costs a hop between threads on top. How long the
 * first way is tried follows from how often it met a datagram.
 */
export class ReadableWait {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #pollFd = new PinnedMemory(8);
  readonly #quantum = new PinnedMemory(16);
  #attentionMs = MAX_ATTENTION_MS;
  /** When the current wait gives up being attentive; 0 outside a wait. */
  #attentiveUntilMs = 0;
  #hasSent = false;

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#pollFd.words[0] = fd;
    this.#quantum.setUint64(8, QUANTUM_NS);
  }

  /** Something was sent: an answer may follow, and there may be more to send. */
  sent(): void {
    this.#hasSent = true;
  }

  /** Sleeps for one quantum at most; true when there may be something to read. */
  arrivesSoon(): boolean {
    if (this.#attentiveUntilMs === 0 || this.#hasSent) {
      this.#attentiveUntilMs = performance.now() + this.#attentionMs;
    }
    if (this.#hasSent) {
      // Whoever sends in every turn of the loop is not to be slept in the way of.
      this.#hasSent = false;
      return false;
    }
    this.#pollFd.words[1] = POLLIN;
    if (this.#libc.ppoll(this.#pollFd.address, 1, this.#quantum.address, 0) === 0) return false;
    this.#attentionMs = Math.min(this.#attentionMs * 2, MAX_ATTENTION_MS);
    this.#attentiveUntilMs = 0;
    return true;
  }

  /** Whether {@link arrivesSoon} is worth another try; otherwise {@link sleep}. */
  isAttentive(): boolean {
    if (performance.now() < this.#attentiveUntilMs) return true;
    this.#attentionMs = Math.max(this.#attentionMs / 2, MIN_ATTENTION_MS);
    return false;
  }

  /** Waits on another thread until there is something to read or the descriptor is shut down. */
  async sleep(): Promise<number> {
    const result = await this.#libc.recvBlocking(this.#fd, 0, 0, MSG_PEEK);
    this.#attentiveUntilMs = 0;
    return result;
  }
}

/** One sleep of the event loop's thread: what a timer or an HTTP request may be late by. */
const QUANTUM_NS = 50_000;
/** A round trip on a fast network with the peer's work in it (a handshake's is under a millisecond). */
const MAX_ATTENTION_MS = 1.5;
const MIN_ATTENTION_MS = 0.1;
