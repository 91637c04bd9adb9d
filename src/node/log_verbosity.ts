/**
 * The log's level: what the configuration says, or what an operator wants for a while.
 *
 * @module
 */

import { type Clock, type Instant, later } from "../clock.ts";
import type { LogLevel } from "../config/config.ts";

export class LogVerbosity implements Disposable {
  readonly #clock: Clock;
  readonly #apply: (level: LogLevel) => void;
  #configured: LogLevel;
  #level: LogLevel;
  #endsAt: Instant | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param apply Takes the level to write from now on; not called for `configured`, which is in force. */
  constructor(configured: LogLevel, clock: Clock, apply: (level: LogLevel) => void) {
    this.#configured = configured;
    this.#level = configured;
    this.#clock = clock;
    this.#apply = apply;
  }

  get level(): LogLevel {
    return this.#level;
  }

  get configured(): LogLevel {
    return this.#configured;
  }

  /** How long the override still holds; null without one, or when it has no end. */
  get remainingMs(): number | null {
    return this.#endsAt === null ? null : Math.max(0, this.#endsAt - this.#clock.now());
  }

  /** The configuration was read: its level is in force, whatever was wanted for a while. */
  configure(level: LogLevel): void {
    this.#configured = level;
    this.#set(level, null);
  }

  /** Writes `level` for `durationMs`; null: until the configuration is read again. */
  override(level: LogLevel, durationMs: number | null): void {
    this.#set(level, durationMs);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #set(level: LogLevel, durationMs: number | null): void {
    this[Symbol.dispose]();
    this.#level = level;
    this.#endsAt = durationMs === null ? null : later(this.#clock.now(), durationMs);
    if (durationMs !== null) this.#timer = setTimeout(() => this.#set(this.#configured, null), durationMs);
    this.#apply(level);
  }
}
