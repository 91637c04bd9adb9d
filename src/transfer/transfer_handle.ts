/**
 * A transfer in somebody's hand: to watch, pause, resume and cancel.
 *
 * @module
 */

import type { Link } from "./link.ts";
import { TransferError } from "./transfer_error.ts";
import type { FileFailure, TransferOutcome, TransferRecord, TransferSnapshot } from "./transfer_record.ts";

/** One transfer of either direction. */
export class TransferHandle {
  readonly #record: TransferRecord;
  readonly #early = new AbortController();
  #link: Link | null = null;
  #paused = false;
  #waiting: (() => void)[] = [];

  /** Resolves when the transfer has ended, however it did; never rejects. */
  readonly outcome: Promise<TransferOutcome>;
  readonly #settle: (outcome: TransferOutcome) => void;
  /** Links and special files below the given paths that are not sent. */
  skipped: readonly string[] = [];

  constructor(record: TransferRecord) {
    this.#record = record;
    const { promise, resolve } = Promise.withResolvers<TransferOutcome>();
    this.outcome = promise;
    this.#settle = resolve;
  }

  /** 32 hex digits. */
  get id(): string {
    return this.#record.facts.transferId;
  }

  /** Files that failed: the first hundred. */
  get failures(): readonly FileFailure[] {
    return this.#record.failures;
  }

  snapshot(): TransferSnapshot {
    return this.#record.snapshot();
  }

  /** False when there is nothing to pause any more. */
  pause(): boolean {
    if (this.#record.ended || this.#record.state === "verifying") return false;
    this.#paused = true;
    this.#link?.setPaused(true);
    this.#record.paused();
    return true;
  }

  resume(): boolean {
    if (this.#record.ended || !this.#paused) return false;
    this.#paused = false;
    this.#wake();
    this.#link?.setPaused(false);
    if (!this.#link?.paused) this.#record.resumed();
    return true;
  }

  /** Gives up; the other side is told. What was received so far is kept for a later attempt. */
  cancel(): boolean {
    if (this.#record.ended) return false;
    const side = this.#record.facts.direction === "send" ? "sender" : "receiver";
    const failure = new TransferError("cancelled", `Cancelled by the ${side}`);
    this.#early.abort(failure);
    this.#wake();
    this.#link?.fail(failure);
    return true;
  }

  /** For transfers without a link: resolves when it is not paused, or is cancelled. */
  async untilResumed(): Promise<void> {
    while (this.#paused && !this.cancelled.aborted) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Aborts on {@link cancel}, also before there is a stream. */
  get cancelled(): AbortSignal {
    return this.#early.signal;
  }

  /** The stream is there: what was asked for meanwhile takes effect. */
  attach(link: Link): void {
    this.#link = link;
    if (this.#early.signal.aborted) link.fail(this.#early.signal.reason as TransferError);
    if (this.#paused) link.setPaused(true);
  }

  /** The record has reached its end. */
  end(): void {
    this.#settle(this.#record.snapshot() as TransferOutcome);
  }
}
