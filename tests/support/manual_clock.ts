import type { Clock, Instant } from "../../src/clock.ts";

/** A clock that moves when it is told to. */
export class ManualClock implements Clock {
  #nowMs: number;
  #epochMs: number;

  constructor(epochMs = Date.parse("2025-11-28T10:15:30.123Z")) {
    this.#nowMs = 1000;
    this.#epochMs = epochMs;
  }

  now(): Instant {
    return this.#nowMs as Instant;
  }

  epochMs(): number {
    return this.#epochMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    this.#epochMs += ms;
  }

  /** Sets the calendar without moving monotonic time, as an administrator would. */
  setCalendar(epochMs: number): void {
    this.#epochMs = epochMs;
  }
}
