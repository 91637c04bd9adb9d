/**
 * One transfer as the rest of the node sees it: its state, its numbers, its events.
 *
 * @module
 */

import { type Clock, type Instant, later } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { EmitEvent, TransferDirection } from "../observe/events.ts";
import { RateMeter } from "./rate_meter.ts";
import { TransferError } from "./transfer_error.ts";

/** The same words as the monitoring side's view of a transfer. */
export type TransferState =
  | "offered"
  | "queued"
  | "running"
  | "paused"
  | "verifying"
  | "completed"
  | "failed"
  | "cancelled";

/** A moment of one transfer. */
export interface TransferSnapshot {
  readonly transferId: string;
  readonly direction: TransferDirection;
  readonly state: TransferState;
  readonly peerId: PeerId;
  readonly name: string;
  readonly files: number;
  readonly bytesTotal: number;
  /** Of `bytesTotal`, how many are safe at the receiver. */
  readonly bytesDone: number;
  readonly bytesPerSecond: number;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Why it failed, for people. */
  readonly message: string | null;
  readonly filesDone: number;
  readonly filesFailed: number;
  /** Bytes that earlier attempts left. */
  readonly bytesResumed: number;
  /** Bytes that crossed the network in this attempt. */
  readonly bytesTransferred: number;
  /** The file that moves now. */
  readonly current: { readonly path: string; readonly sizeBytes: number; readonly bytesDone: number } | null;
  /** The stable word for why it failed. */
  readonly reason: TransferError["reason"] | null;
  readonly durationMs: number;
}

/** A file that did not arrive, and why. */
export interface FileFailure {
  readonly path: string;
  readonly reason: TransferError["reason"];
  readonly message: string;
}

/** How a transfer ended. */
export type TransferOutcome = TransferSnapshot & { readonly state: "completed" | "failed" | "cancelled" };

/** What a record is begun with. */
export interface TransferFactsInput {
  readonly transferId: string;
  readonly direction: TransferDirection;
  readonly peerId: PeerId;
  readonly name: string;
  readonly files: number;
  readonly bytesTotal: number;
}

/** Keeps the numbers of one transfer and reports its state changes. */
export class TransferRecord {
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  readonly #begunAt: Instant;
  readonly #startedAtMs: number;
  readonly #meter = new RateMeter();
  #facts: TransferFactsInput;
  #state: TransferState = "queued";
  #endedAt: Instant | null = null;
  #endedAtMs: number | null = null;
  #failure: TransferError | null = null;
  #reportAt: Instant;
  #hasStarted = false;
  #filesFailed = 0;
  readonly #failures: FileFailure[] = [];

  /** Of the total, bytes safe at the receiver. */
  bytesDone = 0;
  bytesResumed = 0;
  bytesTransferred = 0;
  chunksDone = 0;
  filesDone = 0;
  current: { path: string; sizeBytes: number; bytesDone: number } | null = null;

  constructor(clock: Clock, emit: EmitEvent, facts: TransferFactsInput) {
    this.#clock = clock;
    this.#emit = emit;
    this.#facts = facts;
    this.#begunAt = clock.now();
    this.#reportAt = this.#begunAt;
    this.#startedAtMs = clock.epochMs();
  }

  get facts(): TransferFactsInput {
    return this.#facts;
  }

  get state(): TransferState {
    return this.#state;
  }

  get filesFailed(): number {
    return this.#filesFailed;
  }

  /** Files that failed: the first {@link MAX_LISTED_FAILURES}. */
  get failures(): readonly FileFailure[] {
    return this.#failures;
  }

  /** One file of the transfer did not arrive. */
  fileFailed(path: string, { reason, message }: TransferError): void {
    this.#filesFailed++;
    if (this.#failures.length < MAX_LISTED_FAILURES) this.#failures.push({ path, reason, message });
  }

  get ended(): boolean {
    return this.#endedAt !== null;
  }

  /** The sender learns name and totals only after looking at its files. */
  describe(facts: Partial<Pick<TransferFactsInput, "name" | "files" | "bytesTotal" | "peerId">>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  offered(traceparent?: string): void {
    this.#state = "offered";
    this.#emit({
      type: "transfer.offered",
      ...this.#facts,
      ...(traceparent === undefined ? {} : { traceparent }),
    });
  }

  /** Whether the offer was accepted. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  started(): void {
    this.#hasStarted = true;
    if (this.#state !== "paused") this.#state = "running";
    this.#meter.note(this.#clock.now(), this.bytesDone);
    this.#emit({ type: "transfer.started", ...this.#facts, bytesResumed: this.bytesResumed });
  }

  paused(): void {
    if (this.#state !== "running" && this.#state !== "offered" && this.#state !== "queued") return;
    this.#state = "paused";
    this.#emit({ type: "transfer.paused", ...this.#facts, bytesDone: this.bytesDone });
  }

  resumed(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#emit({ type: "transfer.resumed", ...this.#facts, bytesDone: this.bytesDone });
  }

  verifying(): void {
    if (this.ended || this.#state === "verifying") return;
    this.#state = "verifying";
    this.#emit({ type: "transfer.verifying", ...this.#facts });
  }

  /** Every root matches what was promised; what follows is the end. */
  verified(): void {
    if (!this.ended) this.#emit({ type: "transfer.verified", ...this.#facts });
  }

  /** Notes that the numbers above have changed. Reports at most once a second. */
  moved(): void {
    const now = this.#clock.now();
    this.#meter.note(now, this.bytesDone);
    if (now < this.#reportAt) return;
    this.#reportAt = later(now, REPORT_INTERVAL_MS);
    this.#emit({
      type: "transfer.progress",
      ...this.#facts,
      bytesDone: this.bytesDone,
      chunksDone: this.chunksDone,
    });
  }

  chunkRejected(file: string, chunk: number): void {
    const { transferId, peerId } = this.#facts;
    this.#emit({ type: "transfer.chunk_rejected", transferId, peerId, file, chunk });
  }

  completed(): void {
    if (!this.#end("completed")) return;
    this.bytesDone = this.#facts.bytesTotal;
    this.#emit({
      type: "transfer.completed",
      ...this.#facts,
      durationMs: this.#endedAt! - this.#begunAt,
      bytesTransferred: this.bytesTransferred,
    });
  }

  failed(failure: TransferError): void {
    if (!this.#end(failure.reason === "cancelled" ? "cancelled" : "failed")) return;
    this.#failure = failure;
    this.#emit({
      type: "transfer.failed",
      ...this.#facts,
      reason: failure.reason,
      message: failure.message,
      durationMs: this.#endedAt! - this.#begunAt,
      bytesDone: this.bytesDone,
    });
  }

  #end(state: TransferState): boolean {
    if (this.ended) return false;
    this.#state = state;
    this.#endedAt = this.#clock.now();
    this.#endedAtMs = this.#clock.epochMs();
    this.current = null;
    return true;
  }

  snapshot(): TransferSnapshot {
    const now = this.#endedAt ?? this.#clock.now();
    const durationMs = now - this.#begunAt;
    return {
      ...this.#facts,
      state: this.#state,
      bytesDone: this.bytesDone,
      bytesPerSecond: this.ended
        ? durationMs > 0 ? this.bytesTransferred * 1_000 / durationMs : 0
        : this.#state === "paused"
        ? 0
        : this.#meter.bytesPerSecond(now, this.bytesDone),
      startedAtMs: this.#startedAtMs,
      endedAtMs: this.#endedAtMs,
      message: this.#failure?.message ?? null,
      reason: this.#failure?.reason ?? null,
      filesDone: this.filesDone,
      filesFailed: this.filesFailed,
      bytesResumed: this.bytesResumed,
      bytesTransferred: this.bytesTransferred,
      current: this.current === null ? null : { ...this.current },
      durationMs,
    };
  }
}

const REPORT_INTERVAL_MS = 1_000;
const MAX_LISTED_FAILURES = 100;
