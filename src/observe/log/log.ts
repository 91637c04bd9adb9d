/**
 * The node's log: a subscriber of the event stream that writes one line for each event somebody should
 * read.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { LoggingConfig, LogLevel } from "../../config/config.ts";
import type { EventBus, EventTime } from "../event_bus.ts";
import type { NodeEvent } from "../events.ts";
import { describe, levelOf } from "./describe.ts";
import { ecsFormat } from "./format_ecs.ts";
import { formatJson, type LogFormat } from "./format_json.ts";
import { textFormat } from "./format_text.ts";
import { openFront } from "./front.ts";
import { isJournalStream, journalPrefix } from "./journald.ts";
import { levelRank, type LogEntry, type LogFields } from "./log_entry.ts";
import { type LineOutput, StreamOutput } from "./line_output.ts";
import type { LogFront } from "./log_front.ts";
import { LineWriter } from "./line_writer.ts";
import { LineLimiter } from "./rate_limit.ts";
import { RotatingFile } from "./rotating_file.ts";

/** The trace an event belongs to, where tracing is on. */
export interface SpanLookup {
  spanOf(event: NodeEvent): { readonly traceId: string; readonly spanId: string } | undefined;
}

export interface LogOptions {
  readonly config: LoggingConfig;
  readonly bus: EventBus;
  readonly clock: Clock;
  /** Puts `trace_id` and `span_id` into lines; see {@link Log.nameSpans}. */
  readonly spans?: SpanLookup;
  /** Environment variables. Read: `JOURNAL_STREAM`, `NO_COLOR`. Default: the process's. */
  readonly environment?: (name: string) => string | undefined;
  /** Takes the lines instead of `config.output`. */
  readonly output?: LineOutput;
  /** Pause before a refused write is tried again, in milliseconds. Default: 500. */
  readonly retryDelayMs?: number;
}

/** Cumulative, but for `queuedChars`. For `wraith_log_lines_total` and `wraith_log_write_failures_total`. */
export interface LogStats {
  readonly linesByLevel: Readonly<Record<LogLevel, number>>;
  /** Lines that found no room while the output was refusing or slow. */
  readonly linesDropped: number;
  /** Lines of a kind that a peer can cause, beyond their budget. */
  readonly linesHeldBack: number;
  readonly writeFailures: number;
  readonly bytesWritten: number;
  readonly queuedChars: number;
  readonly rotations: number;
  readonly reopens: number;
}

/** A node's log. */
export interface Log {
  /** Opens the output and begins to write. @throws {Error} one clear line, when the output cannot be opened. */
  start(): Promise<void>;
  /** Writes what waits (for at most two seconds) and closes the output. Idempotent. */
  stop(): Promise<void>;
  /** Opens the path again, as SIGHUP asks; resolves when earlier lines are written. */
  reopen(): Promise<void>;
  /** Resolves when every line so far is written, or the output refuses. */
  flush(): Promise<void>;
  setLevel(level: LogLevel): void;
  /** From now on lines name the span that `spans` knows for their event. */
  nameSpans(spans: SpanLookup): void;
  readonly level: LogLevel;
  /** Whether a line of `level` would be written: for diagnostics that cost something to make. */
  isEnabled(level: LogLevel): boolean;
  /** Writes a line that is no event: packet dumps and crypto operations, from beside the hot path. */
  diagnose(level: "debug" | "trace", event: "packet" | "crypto", message: string, fields: LogFields): void;
  readonly stats: LogStats;
}

/** A log as `options.config` says. Nothing is opened before {@link Log.start}. */
export function createLog(options: LogOptions): Log {
  return new EventLog(options);
}

class EventLog implements Log {
  readonly #options: LogOptions;
  readonly #output: LineOutput;
  readonly #writer: LineWriter;
  readonly #format: LogFormat;
  readonly #journal: boolean;
  readonly #limiter = new LineLimiter();
  readonly #linesByLevel: Record<LogLevel, number> = { error: 0, warn: 0, info: 0, debug: 0, trace: 0 };
  #spans: SpanLookup | null;
  #front: LogFront | null = null;
  #level: LogLevel;
  #rank: number;
  #unsubscribe: (() => void) | null = null;
  #reportTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: LogOptions) {
    const environment = options.environment ?? ((name: string) => Deno.env.get(name));
    const { config } = options;
    this.#options = options;
    this.#spans = options.spans ?? null;
    this.#level = config.level;
    this.#rank = levelRank(config.level);
    this.#output = options.output ?? this.#outputOf(config);
    this.#journal = this.#output instanceof StreamOutput &&
      isJournalStream(environment("JOURNAL_STREAM"), this.#output.name);
    this.#format = formatOf(config, this.#output, environment);
    this.#writer = new LineWriter({
      output: this.#output,
      clock: options.clock,
      events: { onFailed: (message) => this.#onFailed(message), onResumed: this.#onResumed },
      ...(options.retryDelayMs === undefined ? {} : { retryDelayMs: options.retryDelayMs }),
    });
  }

  get level(): LogLevel {
    return this.#level;
  }

  get stats(): LogStats {
    const { linesDropped, writeFailures, bytesWritten, queuedChars } = this.#writer.stats;
    const rotation = this.#output instanceof RotatingFile ? this.#output.stats : NO_ROTATION;
    return {
      linesByLevel: this.#linesByLevel,
      linesDropped,
      linesHeldBack: this.#limiter.heldBackTotal,
      writeFailures: writeFailures + rotation.rotationFailures,
      bytesWritten,
      queuedChars,
      rotations: rotation.rotations,
      reopens: rotation.reopens,
    };
  }

  async start(): Promise<void> {
    try {
      await this.#writer.open();
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new Error(`Cannot open the log ${this.#output.name}: ${cause} (logging.output names it)`, {
        cause: error,
      });
    }
    this.#front = openFront((entry, epochMs) => this.#writeLine(entry, epochMs));
    this.#unsubscribe = this.#options.bus.subscribe((event, time) => this.#onEvent(event, time));
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    if (this.#reportTimer !== null) clearTimeout(this.#reportTimer);
    this.#reportHeldBack();
    await this.#writer.close(STOP_LIMIT_MS);
    this.#front?.close();
    this.#front = null;
  }

  async reopen(): Promise<void> {
    await this.#writer.reopen();
  }

  async flush(): Promise<void> {
    await this.#writer.flush();
  }

  setLevel(level: LogLevel): void {
    this.#level = level;
    this.#rank = levelRank(level);
  }

  nameSpans(spans: SpanLookup): void {
    this.#spans = spans;
  }

  isEnabled(level: LogLevel): boolean {
    return levelRank(level) <= this.#rank && this.#front !== null;
  }

  diagnose(level: "debug" | "trace", event: "packet" | "crypto", message: string, fields: LogFields): void {
    if (!this.isEnabled(level)) return;
    this.#front?.write({ level, event, message, fields }, this.#options.clock.epochMs());
  }

  #onEvent(event: NodeEvent, time: EventTime): void {
    if (levelRank(levelOf(event)) > this.#rank) return;
    if (!this.#limiter.admit(event, time.now)) {
      this.#reportTimer ??= setTimeout(() => this.#reportHeldBack(), REPORT_INTERVAL_MS);
      return;
    }
    const entry = describe(event);
    const span = this.#spans?.spanOf(event);
    this.#front?.write(
      span === undefined
        ? entry
        : { ...entry, fields: { ...entry.fields, trace_id: span.traceId, span_id: span.spanId } },
      time.epochMs,
    );
  }

  #writeLine(entry: LogEntry, epochMs: number): void {
    const line = this.#format(entry, epochMs);
    const urgent = entry.level === "error" || entry.level === "warn";
    const taken = this.#writer.write(this.#journal ? journalPrefix(entry.level) + line : line, urgent);
    if (taken) this.#linesByLevel[entry.level]++;
  }

  #reportHeldBack(): void {
    this.#reportTimer = null;
    for (const [event, count] of this.#limiter.takeHeldBack()) {
      this.#front?.write({
        level: "warn",
        event: "log",
        message: "Similar lines held back",
        fields: { held_back_event: event, held_back: count },
      }, this.#options.clock.epochMs());
    }
  }

  /** The line about it waits like all others; whoever watches the terminal should know now. */
  #onFailed(message: string): void {
    const output = this.#output.name;
    if (output !== "stderr") warnOnStderr(`wraith: cannot write the log ${output}: ${message}; lines wait`);
    this.#options.bus.emit({ type: "log.write_failed", output, message });
  }

  readonly #onResumed = (outageMs: number, linesDropped: number): void => {
    this.#options.bus.emit({ type: "log.write_resumed", output: this.#output.name, outageMs, linesDropped });
  };

  #outputOf(config: LoggingConfig): LineOutput {
    if (config.output === "stdout" || config.output === "stderr") return new StreamOutput(config.output);
    return new RotatingFile({
      path: config.output,
      clock: this.#options.clock,
      maxSizeBytes: config.maxSizeBytes,
      maxBackups: config.maxBackups,
      compress: config.compress,
      onNotice: (message) =>
        this.#options.bus.emit({ type: "node.notice", severity: "warn", component: "log", message }),
    });
  }
}

function formatOf(
  config: LoggingConfig,
  output: LineOutput,
  environment: (name: string) => string | undefined,
): LogFormat {
  if (config.format === "json") return formatJson;
  if (config.format === "ecs") return ecsFormat(Deno.pid);
  const stream = output instanceof StreamOutput ? Deno[output.name] : null;
  return textFormat(stream !== null && stream.isTerminal() && !environment("NO_COLOR"));
}

function warnOnStderr(message: string): void {
  try {
    Deno.stderr.writeSync(new TextEncoder().encode(message + "\n"));
  } catch {
    // Nobody listens there either; the failure is counted and stays in the statistics.
  }
}

const NO_ROTATION = { rotations: 0, rotationFailures: 0, reopens: 0 };
const REPORT_INTERVAL_MS = 10_000;
const STOP_LIMIT_MS = 2000;
