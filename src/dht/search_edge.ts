/**
 * A lookup's results as something to iterate over.
 *
 * @module
 */

import type { PeerAddress } from "./contact.ts";
import type { DhtRecord } from "./record.ts";

/** One search's results on their way to whoever iterates over them. */
export class Search {
  readonly #queue: DhtRecord[] = [];
  #wake = Promise.withResolvers<void>();
  #state: "running" | "ended" | "failed" = "running";
  #failure: unknown;
  closest: readonly PeerAddress[] = [];
  /** Called when the iteration stops before the search does. */
  onAbandoned: () => void = () => {};
  /** Called when the iteration is over, for whatever reason. */
  onOver: () => void = () => {};

  add(record: DhtRecord): void {
    this.#queue.push(record);
    this.#wake.resolve();
  }

  end(closest: readonly PeerAddress[]): void {
    this.closest = closest;
    if (this.#state === "running") this.#state = "ended";
    this.#wake.resolve();
  }

  fail(failure: unknown): void {
    if (this.#state !== "running") return;
    this.#state = "failed";
    this.#failure = failure;
    this.#wake.resolve();
  }

  async *records(): AsyncGenerator<DhtRecord> {
    try {
      for (;;) {
        const record = this.#queue.shift();
        if (record !== undefined) yield record;
        else if (this.#state === "failed") throw this.#failure;
        else if (this.#state === "ended") return;
        else {
          await this.#wake.promise;
          this.#wake = Promise.withResolvers();
        }
      }
    } finally {
      if (this.#state === "running") this.onAbandoned();
      this.onOver();
    }
  }
}
