/**
 * Carries lines to an output without making anyone wait: a bounded queue in front of asynchronous writes.
 *
 * While the output refuses (disk full, reader gone) lines wait; when the queue is full they are dropped and
 * counted. Nothing is written twice, and nothing that was accepted is forgotten while the process lives.
 *
 * @module
 */

import type { Clock, Instant } from "../../clock.ts";
import type { LineOutput } from "./line_output.ts";

/** What an outage looks like from outside. */
export interface WriterEvents {
  /** The first refused write of an outage. */
  onFailed(message: string): void;
  /** The first accepted write after it. */
  onResumed(outageMs: number, linesDropped: number): void;
}

export interface LineWriterOptions {
  readonly output: LineOutput;
  readonly clock: Clock;
  readonly events: WriterEvents;
  /** The most characters that wait. Default: 8 Mi. */
  readonly maxQueuedChars?: number;
  /** Pause before a refused write is tried again; doubles up to sixteen times this. Default: 500. */
  readonly retryDelayMs?: number;
}

/** Cumulative, but for `queuedChars`. */
export interface WriterStats {
  linesWritten: number;
  linesDropped: number;
  writeFailures: number;
  bytesWritten: number;
  queuedChars: number;
}

export class LineWriter {
  readonly stats: WriterStats = {
    linesWritten: 0,
    linesDropped: 0,
    writeFailures: 0,
    bytesWritten: 0,
    queuedChars: 0,
  };
  readonly #output: LineOutput;
  readonly #clock: Clock;
  readonly #events: WriterEvents;
  readonly #maxQueuedChars: number;
  readonly #retryDelayMs: number;
  #queue: string[] = [];
  #draining: Promise<void> | null = null;
  #outage: { readonly since: Instant; readonly droppedBefore: number; attempts: number } | null = null;
  #wake: (() => void) | null = null;
  #reopenWanted = false;
  #abandoned = false;
  #closed = false;

  constructor(options: LineWriterOptions) {
    this.#output = options.output;
    this.#clock = options.clock;
    this.#events = options.events;
    this.#maxQueuedChars = options.maxQueuedChars ?? 8 * 1024 * 1024;
    this.#retryDelayMs = options.retryDelayMs ?? 500;
  }

  /** Makes the output ready. @throws what the output throws, when it cannot be opened at all. */
  async open(): Promise<void> {
    await this.#output.open();
  }

  /**
   * Takes one line (without newline) for writing, or drops it when the queue is full. The last quarter of
   * the queue is kept for `urgent` lines, so that a flood of diagnostics cannot push out what went wrong.
   *
   * @returns whether it was taken.
   */
  write(line: string, urgent: boolean): boolean {
    const limit = urgent ? this.#maxQueuedChars : this.#maxQueuedChars * 0.75;
    if (this.#closed || this.stats.queuedChars + line.length > limit) {
      this.stats.linesDropped++;
      return false;
    }
    this.#queue.push(line);
    this.stats.queuedChars += line.length;
    this.#drain();
    return true;
  }

  /** Has the output open its path again (SIGHUP). Resolves when that is done and earlier lines are written. */
  async reopen(): Promise<void> {
    this.#reopenWanted = true;
    this.#wake?.();
    this.#drain();
    await this.#draining;
  }

  /** Resolves when every line taken so far is written, or an outage stands in the way. */
  async flush(): Promise<void> {
    while (this.#draining !== null && this.#outage === null) await this.#draining;
  }

  /**
   * Writes what waits and closes the output. After `limitMs` it gives up: what is left then is dropped and
   * counted.
   */
  async close(limitMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#outage !== null) this.#outage.attempts = 0;
    this.#wake?.();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
    const drained = this.#draining ?? Promise.resolve();
    await Promise.race([drained, limit]);
    clearTimeout(timer);
    if (this.#draining !== null) {
      // A write that hangs (a reader that stopped reading) cannot be called back; it must not hold the exit.
      this.#abandoned = true;
      this.#drop(0);
      this.#wake?.();
      return;
    }
    await this.#output.close();
  }

  #drain(): void {
    this.#draining ??= this.#drainQueue().finally(() => {
      this.#draining = null;
      if (this.#queue.length > 0 && !this.#abandoned) this.#drain();
    });
  }

  async #drainQueue(): Promise<void> {
    // Lines of one turn go out as one write.
    await Promise.resolve();
    while ((this.#queue.length > 0 || this.#reopenWanted) && !this.#abandoned) {
      if (this.#reopenWanted) await this.#reopenOutput();
      await this.#writeBatch(this.#takeBatch());
    }
  }

  async #reopenOutput(): Promise<void> {
    this.#reopenWanted = false;
    try {
      await this.#output.reopen();
    } catch (error) {
      // The output keeps what it had open; the next write tells whether that still works.
      this.#noteFailure(error);
    }
  }

  #takeBatch(): Batch {
    let chars = 0, lines = 0;
    while (lines < this.#queue.length && chars < BATCH_CHARS) chars += this.#queue[lines++].length;
    const taken = this.#queue.splice(0, lines);
    return { bytes: lines === 0 ? NOTHING : encoder.encode(taken.join("\n") + "\n"), lines, chars };
  }

  async #writeBatch(batch: Batch): Promise<void> {
    let offset = 0;
    while (offset < batch.bytes.length) {
      try {
        offset = await this.#output.write(batch.bytes, offset);
        this.#noteSuccess();
      } catch (error) {
        this.#noteFailure(error);
        await this.#pause();
        if (this.#abandoned || this.#closed && this.#lastTryFailed()) return this.#drop(batch.lines);
        if (this.#reopenWanted) await this.#reopenOutput();
      }
    }
    this.stats.queuedChars -= batch.chars;
    this.stats.linesWritten += batch.lines;
    this.stats.bytesWritten += batch.bytes.length;
  }

  /** Closing allows a few quick tries more, then the lines that wait are given up. */
  #lastTryFailed(): boolean {
    return (this.#outage?.attempts ?? 0) > LAST_ATTEMPTS;
  }

  #drop(linesInHand: number): void {
    this.stats.linesDropped += linesInHand + this.#queue.length;
    this.stats.queuedChars = 0;
    this.#queue = [];
  }

  #noteFailure(error: unknown): void {
    this.stats.writeFailures++;
    if (this.#outage !== null) {
      this.#outage.attempts++;
      return;
    }
    this.#outage = { since: this.#clock.now(), droppedBefore: this.stats.linesDropped, attempts: 1 };
    this.#events.onFailed(error instanceof Error ? error.message : String(error));
  }

  #noteSuccess(): void {
    if (this.#outage === null) return;
    const { since, droppedBefore } = this.#outage;
    this.#outage = null;
    this.#events.onResumed(this.#clock.now() - since, this.stats.linesDropped - droppedBefore);
  }

  /** Waits before the next try; a reopen or the end cuts it short. */
  async #pause(): Promise<void> {
    const attempts = this.#outage?.attempts ?? 1;
    const delayMs = this.#closed ? LAST_DELAY_MS : this.#retryDelayMs * Math.min(16, 2 ** (attempts - 1));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}

interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lines: number;
  readonly chars: number;
}

/** Enough for a good write, small enough that a batch is no long wait. */
const BATCH_CHARS = 256 * 1024;
const LAST_DELAY_MS = 20;
const LAST_ATTEMPTS = 5;

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();
