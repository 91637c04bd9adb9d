/**
 * How far a transfer is: a line that redraws itself on a terminal, a plain line every five seconds elsewhere.
 *
 * @module
 */

import { type Clock, type Instant, later } from "../clock.ts";
import type { Output } from "./command.ts";
import { printable, shownBytes, shownDuration, shownRate } from "./text_table.ts";

/** A moment of a transfer. */
export interface ProgressMoment {
  readonly name: string;
  readonly state: string;
  readonly bytes_done: number;
  readonly bytes_total: number;
  readonly bytes_per_second: number;
}

/** Shows one transfer's progress on an output. */
export class ProgressLine {
  readonly #output: Output;
  readonly #clock: Clock;
  #nextAt: Instant;
  #isDrawn = false;

  constructor(output: Output, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
    this.#nextAt = output.isTerminal ? clock.now() : later(clock.now(), PLAIN_INTERVAL_MS);
  }

  /** Shows `moment` when it is time to. */
  show(moment: ProgressMoment): void {
    const now = this.#clock.now();
    if (now < this.#nextAt) return;
    this.#nextAt = later(now, this.#output.isTerminal ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS);
    if (!this.#output.isTerminal) {
      this.#output.write(`${facts(moment)}\n`);
      return;
    }
    const text = `${bar(moment)} ${facts(moment)}`;
    // One column stays free: a full last column wraps on some terminals.
    this.#output.write(`\r${text.slice(0, this.#output.columns - 1)}${CLEAR_TO_END}`);
    this.#isDrawn = true;
  }

  /** Takes the line away, so that what follows begins on a clean one. */
  clear(): void {
    if (this.#isDrawn) this.#output.write(`\r${CLEAR_TO_END}`);
    this.#isDrawn = false;
  }
}

function facts(moment: ProgressMoment): string {
  const { bytes_done: done, bytes_total: total, bytes_per_second: rate, state } = moment;
  const name = printable(moment.name);
  if (state !== "running") return `${name}: ${state}`;
  const left = rate > 0 ? `, ${shownDuration(Math.ceil((total - done) / rate) * 1_000)} left` : "";
  return `${name}: ${percent(moment)}%, ${shownBytes(done)} of ${shownBytes(total)}, ${
    shownRate(rate)
  }${left}`;
}

function bar(moment: ProgressMoment): string {
  const full = Math.floor(percent(moment) / 100 * BAR_COLUMNS);
  return `[${"#".repeat(full)}${".".repeat(BAR_COLUMNS - full)}]`;
}

/** Whole percent; 100 only when everything is done. */
function percent({ bytes_done: done, bytes_total: total }: ProgressMoment): number {
  return total === 0 ? 100 : Math.floor(done / total * 100);
}

const PLAIN_INTERVAL_MS = 5_000;
const REDRAW_INTERVAL_MS = 100;
const BAR_COLUMNS = 20;
/** ECMA-48 EL: erases from the cursor to the end of the line. */
const CLEAR_TO_END = "\u001b[K";
