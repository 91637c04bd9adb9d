/**
 * What both ends of a transfer do alike: pausing, giving up with a reason, and telling a lost connection from a
 * refusal.
 *
 * @module
 */

import { STREAM_CODES } from "../wire/codes.ts";
import type { MessageWriter } from "./message_writer.ts";
import { type PeerStream, StreamError } from "./peer_stream.ts";
import { explainStorage, StorageError } from "./storage.ts";
import type { Timers } from "./timers.ts";
import { TransferError } from "./transfer_error.ts";

/** One end's hold on the stream of one transfer. */
export class Link {
  readonly #stream: PeerStream;
  readonly #writer: MessageWriter;
  readonly #timers: Timers;
  readonly #abort = new AbortController();
  #pausedHere = false;
  #pausedThere = false;
  #wake: (() => void)[] = [];

  constructor(stream: PeerStream, writer: MessageWriter, timers: Timers) {
    this.#stream = stream;
    this.#writer = writer;
    this.#timers = timers;
  }

  /** Aborts when the transfer is over before its end; the reason is a {@link TransferError}. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get failure(): TransferError | null {
    return this.#abort.signal.aborted ? this.#abort.signal.reason as TransferError : null;
  }

  get paused(): boolean {
    return this.#pausedHere || this.#pausedThere;
  }

  /** Whether this end asked for the pause. */
  get pausedHere(): boolean {
    return this.#pausedHere;
  }

  /** This end pauses or goes on, and tells the other. */
  setPaused(paused: boolean): void {
    if (this.#pausedHere === paused || this.failure !== null) return;
    this.#pausedHere = paused;
    this.#wakeAll();
    this.#writer.send({ type: "pause", paused }).catch(() => {
      // The stream is gone: its reader ends the transfer.
    });
  }

  /** The other end pauses or goes on. */
  onPeerPaused(paused: boolean): void {
    this.#pausedThere = paused;
    this.#wakeAll();
  }

  /** Resolves when `mayGo`, looked at again at every change, holds. @throws {TransferError} when it is over. */
  async waitUntil(mayGo: () => boolean): Promise<void> {
    while (!mayGo()) {
      this.signal.throwIfAborted();
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    this.signal.throwIfAborted();
  }

  /** Something that {@link waitUntil} looks at has changed. */
  changed(): void {
    this.#wakeAll();
  }

  /**
   * Gives up and tells the other end why, when it is there to hear it. The first reason counts. The stream ends
   * when the other end lets go of it, or after a few seconds.
   */
  fail(failure: TransferError, as: "reject" | "abort" = "abort"): void {
    if (!this.#giveUp(failure)) return;
    const { reason, message } = failure;
    this.#writer.send({ type: as, reason, message: message.slice(0, 1_024) })
      .then(() => this.#stream.finish())
      .catch(() => {
        // It is gone already, which is all that was left to do.
      });
    this.letGoSoon(codeOf(failure));
  }

  /** Ends the stream in a few seconds, whatever the other end does. */
  letGoSoon(code: number = STREAM_CODES.cancelled): void {
    this.#timers.after(GRACE_MS, () => this.#stream.reset(code));
  }

  /** The other end gave up, or is gone: nothing is left to say. */
  onPeerFailed(failure: TransferError): void {
    if (this.#giveUp(failure)) this.#stream.reset(STREAM_CODES.cancelled);
  }

  #giveUp(failure: TransferError): boolean {
    if (this.failure !== null) return false;
    this.#abort.abort(failure);
    this.#wakeAll();
    return true;
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** Whatever ended a transfer, as its one reason. */
export function asTransferError(error: unknown): TransferError {
  if (error instanceof TransferError) return error;
  if (error instanceof StreamError) {
    const fact = error.kind === "closed" ? "the session ended" : "the other side broke off";
    return new TransferError("network", `The transfer was interrupted: ${fact}; send again to resume`, {
      cause: error,
    });
  }
  const what = error instanceof StorageError ? "The output directory cannot be used" : "The transfer failed";
  return new TransferError("storage", `${what}: ${explainStorage(error)}`, { cause: error });
}

function codeOf(failure: TransferError): number {
  switch (failure.reason) {
    case "protocol":
      return STREAM_CODES.malformed;
    case "cancelled":
      return STREAM_CODES.cancelled;
    case "storage":
      return STREAM_CODES.internal;
    default:
      return STREAM_CODES.refused;
  }
}

const GRACE_MS = 5_000;
