/**
 * Between spans that end and the exporter: a bounded queue that counts what becomes of each span.
 *
 * The SDK's own batch processor drops what finds no room without saying how much; a node must be able to say.
 *
 * @module
 */

import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-base";

/** Cumulative, but for `queued`. `wraith_trace_spans_total{result}`. */
export interface TraceStats {
  exported: number;
  /** The collector refused them, or could not be reached in time. */
  failed: number;
  /** There was no room for them while earlier ones waited. */
  dropped: number;
  queued: number;
}

export interface BatchQueueOptions {
  readonly exporter: SpanExporter;
  readonly maxQueueSpans: number;
  readonly maxBatchSpans: number;
  readonly exportIntervalMs: number;
  /** Called when exporting begins to fail, and when it works again (null). */
  readonly onOutage: (message: string | null) => void;
}

export class BatchQueue implements SpanProcessor {
  readonly stats: TraceStats = { exported: 0, failed: 0, dropped: 0, queued: 0 };
  readonly #options: BatchQueueOptions;
  #spans: ReadableSpan[] = [];
  #exporting: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isFailing = false;

  constructor(options: BatchQueueOptions) {
    this.#options = options;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & 1) === 0) return;
    const { maxQueueSpans, maxBatchSpans, exportIntervalMs } = this.#options;
    if (this.#spans.length >= maxQueueSpans) {
      this.stats.dropped++;
      return;
    }
    this.#spans.push(span);
    this.stats.queued = this.#spans.length;
    if (this.#spans.length >= maxBatchSpans) this.#export();
    else this.#timer ??= setTimeout(() => this.#export(), exportIntervalMs);
  }

  /** Exports what waits; resolves when it is sent or has failed. */
  async forceFlush(): Promise<void> {
    while (this.#spans.length > 0 || this.#exporting !== null) {
      this.#export();
      await this.#exporting;
    }
  }

  /** The exporter's own limit bounds the wait. */
  async shutdown(): Promise<void> {
    await this.forceFlush();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#options.exporter.shutdown();
  }

  #export(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#exporting ??= this.#exportBatch().finally(() => {
      this.#exporting = null;
      if (this.#spans.length >= this.#options.maxBatchSpans) this.#export();
      else if (this.#spans.length > 0) {
        this.#timer ??= setTimeout(() => this.#export(), this.#options.exportIntervalMs);
      }
    });
  }

  async #exportBatch(): Promise<void> {
    const batch = this.#spans.splice(0, this.#options.maxBatchSpans);
    this.stats.queued = this.#spans.length;
    if (batch.length === 0) return;
    const failure = await this.#send(batch);
    if (failure === null) this.stats.exported += batch.length;
    else this.stats.failed += batch.length;
    if ((failure !== null) !== this.#isFailing) this.#options.onOutage(failure);
    this.#isFailing = failure !== null;
  }

  /** The failure as a line, or null. */
  #send(batch: ReadableSpan[]): Promise<string | null> {
    return new Promise((resolve) => {
      try {
        this.#options.exporter.export(batch, ({ code, error }) => {
          resolve(code === EXPORT_SUCCESS ? null : error?.message || "the collector refused the spans");
        });
      } catch (error) {
        resolve(error instanceof Error ? error.message : String(error));
      }
    });
  }
}

/** ExportResultCode.SUCCESS of @opentelemetry/core. */
const EXPORT_SUCCESS = 0;
