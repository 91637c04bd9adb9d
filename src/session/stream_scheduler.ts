/**
 * Whose bytes go into the next packet: control streams before bulk ones, and within a class each in turn.
 *
 * @module
 */

import type { Stream, StreamPriority } from "./stream.ts";

/** Streams with something to send, in two queues. */
export class StreamScheduler {
  readonly #control: Stream[] = [];
  readonly #bulk: Stream[] = [];

  get isEmpty(): boolean {
    return this.#control.length === 0 && this.#bulk.length === 0;
  }

  /** Queues `stream` behind the others of its class, once. */
  add(stream: Stream): void {
    if (stream.scheduled) return;
    stream.scheduled = true;
    this.#queue(stream.priority).push(stream);
  }

  /** The stream whose turn it is, or null. */
  peek(): Stream | null {
    return this.#control[0] ?? this.#bulk[0] ?? null;
  }

  /** The turn of `stream`, the one just peeked at, is over: it goes to the back, or out when `done`. */
  rotate(stream: Stream, done: boolean): void {
    const queue = this.#queue(stream.priority);
    if (queue.length === 1 && !done) return;
    queue.shift();
    if (done) stream.scheduled = false;
    else queue.push(stream);
  }

  #queue(priority: StreamPriority): Stream[] {
    return priority === "control" ? this.#control : this.#bulk;
  }
}
