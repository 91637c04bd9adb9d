/**
 * How far a transfer is: bars that redraw themselves on a terminal, a plain line every five seconds elsewhere.
 *
 * @module
 */

import type { ChalkInstance } from "chalk";
import { cursorLeft, cursorUp, eraseDown, eraseEndLine } from "ansi-escapes";
import stringWidth from "string-width";
import { type Clock, type Instant, later } from "../clock.ts";
import type { TransferDocument } from "../node/transfer_documents.ts";
import type { Output } from "./command.ts";
import { clipped, padded } from "./mon/columns.ts";
import { printable, shownBytes, shownDuration } from "./text_table.ts";

/** A moment of a transfer. */
export type ProgressMoment = Pick<
  TransferDocument,
  | "name"
  | "state"
  | "direction"
  | "files"
  | "files_done"
  | "bytes_done"
  | "bytes_total"
  | "bytes_per_second"
  | "current"
>;

/** Shows one transfer's progress on an output. */
export class ProgressDisplay {
  readonly #output: Output;
  readonly #clock: Clock;
  readonly #paint: ChalkInstance;
  #nextAt: Instant;
  #drawnLines = 0;

  constructor(output: Output, clock: Clock, paint: ChalkInstance) {
    this.#output = output;
    this.#clock = clock;
    this.#paint = paint;
    this.#nextAt = output.isTerminal ? clock.now() : later(clock.now(), PLAIN_INTERVAL_MS);
  }

  /** Shows `moment` when it is time to. */
  show(moment: ProgressMoment): void {
    const now = this.#clock.now();
    if (now < this.#nextAt) return;
    this.#nextAt = later(now, this.#output.isTerminal ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS);
    if (this.#output.isTerminal) this.#draw(progressLines(moment, this.#output.columns, this.#paint));
    else this.#output.write(`${plainLine(moment)}\n`);
  }

  /** On a terminal, says what is waited for before there is anything to measure. */
  announce(text: string): void {
    if (this.#output.isTerminal) this.#draw([clipped(printable(text), this.#output.columns - 1)]);
  }

  /** Takes the bars away, so that what follows begins on a clean line. */
  clear(): void {
    if (this.#drawnLines > 0) this.#output.write(this.#toFirstLine() + eraseDown);
    this.#drawnLines = 0;
  }

  #draw(lines: readonly string[]): void {
    const rest = lines.length < this.#drawnLines ? eraseDown : "";
    const text = lines.map((line) => line + eraseEndLine).join("\n");
    this.#output.write(this.#toFirstLine() + text + rest);
    this.#drawnLines = lines.length;
  }

  #toFirstLine(): string {
    return cursorLeft + (this.#drawnLines > 1 ? cursorUp(this.#drawnLines - 1) : "");
  }
}

/** One line for a single file; for more, one for the file that moves and one for all. None as wide as `columns`. */
export function progressLines(moment: ProgressMoment, columns: number, paint: ChalkInstance): string[] {
  const { name, files, files_done, bytes_done, bytes_total, current } = moment;
  const amounts = (done: number, total: number) => `${shownBytes(done)} of ${shownBytes(total)}`;
  const all: Bar = {
    label: files > 1 ? `${files_done} of ${files} files` : printable(name),
    percent: percent(bytes_done, bytes_total),
    facts: [amounts(bytes_done, bytes_total), ...pace(moment)],
  };
  const bars = [all];
  if (files > 1 && current !== null) {
    const { path, bytes_done: done, bytes_total: total } = current;
    const label = printable(path);
    bars.unshift({ label, percent: percent(done, total), facts: [amounts(done, total)] });
  }
  return drawn(bars, columns - 1, paint);
}

interface Bar {
  readonly label: string;
  readonly percent: number;
  readonly facts: readonly string[];
}

/** Bars below each other, aligned. What does not fit goes: facts from the end first, then the bar itself. */
function drawn(bars: readonly Bar[], columns: number, paint: ChalkInstance): string[] {
  const longest = Math.max(...bars.map((bar) => bar.facts.length));
  for (let count = longest; count >= 0; count--) {
    const facts = bars.map((bar) => bar.facts.slice(0, count).join("  "));
    const factColumns = Math.max(...facts.map((text) => stringWidth(text)));
    const labelColumns = Math.min(
      columns - BAR_COLUMNS - PERCENT_COLUMNS - factColumns - 3,
      Math.max(...bars.map((bar) => stringWidth(bar.label))),
      MAX_LABEL_COLUMNS,
    );
    if (labelColumns < Math.min(MIN_LABEL_COLUMNS, stringWidth(bars[0].label))) continue;
    return bars.map((bar, i) => {
      const label = padded(bar.label, labelColumns);
      return `${label} ${track(bar.percent, paint)} ${
        paint.bold(`${bar.percent}%`.padStart(PERCENT_COLUMNS))
      } ${facts[i]}`.trimEnd();
    });
  }
  return bars.map((bar) => clipped(`${bar.percent}% ${bar.label}`, columns));
}

function track(percent: number, paint: ChalkInstance): string {
  const full = Math.floor(percent / 100 * BAR_COLUMNS);
  return paint.cyan("█".repeat(full)) + paint.dim("░".repeat(BAR_COLUMNS - full));
}

function plainLine(moment: ProgressMoment): string {
  const { name, files, files_done, bytes_done: done, bytes_total: total } = moment;
  const facts = [
    `${percent(done, total)}%`,
    `${shownBytes(done)} of ${shownBytes(total)}`,
    ...(files > 1 ? [`${files_done} of ${files} files`] : []),
    ...pace(moment),
  ];
  return `${printable(name)}: ${facts.join(", ")}`;
}

/** Rate and time left, or what is waited for instead. */
function pace(
  { state, direction, bytes_done, bytes_total, bytes_per_second: rate }: ProgressMoment,
): string[] {
  if (state !== "running") return [WAITING[`${direction} ${state}`] ?? state];
  const left = rate > 0
    ? [`${shownDuration(Math.ceil((bytes_total - bytes_done) / rate) * 1_000)} left`]
    : [];
  return [`${shownBytes(rate)}/s`, ...left];
}

const WAITING: Readonly<Record<string, string>> = {
  "send queued": "reading the file list",
  "send offered": "waiting for the receiver to accept",
  "send verifying": "waiting for the receiver to confirm",
  "receive queued": "looking for providers",
};

/** Whole percent; 100 only when everything is done. */
function percent(done: number, total: number): number {
  return total === 0 ? 100 : Math.floor(done / total * 100);
}

const PLAIN_INTERVAL_MS = 5_000;
const REDRAW_INTERVAL_MS = 100;
const BAR_COLUMNS = 20;
const PERCENT_COLUMNS = 4;
const MIN_LABEL_COLUMNS = 12;
const MAX_LABEL_COLUMNS = 48;
