/**
 * What a command is: a row of the table in `commands.ts`, one file each. A command gets everything it touches
 * from its context, so a test calls {@link Command.run} directly; only `main.ts` exits.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { LoadedConfig } from "../config/load.ts";

/** How the process ends. Documented, stable. */
export const EXIT = {
  success: 0,
  failure: 1,
  /** Wrong usage; also `CRITICAL` of the health check. */
  usage: 2,
  interrupted: 130,
} as const;

export type ExitCode = typeof EXIT[keyof typeof EXIT];

/** One command of the table. */
export interface Command {
  /** What is typed: `send`, or `dht peers` for a command of a group. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What the name of its group alone means: `bans` is `bans list`. */
  readonly isDefault?: boolean;
  /** Paragraphs for the command's own help, below the summary. */
  readonly details?: string;
  readonly arguments?: readonly CommandArgument[];
  readonly options?: readonly CommandOption[];
  /**
   * Does the work. May throw: a {@link CommandError} becomes its one line and exit code, anything else the
   * line of its message and exit code 1.
   */
  run(context: CommandContext): Promise<ExitCode>;
}

/** A positional argument, in the order they are typed. */
export interface CommandArgument {
  /** As shown in the help: `PATH`. */
  readonly name: string;
  readonly about: string;
  readonly optional?: boolean;
  /** Takes all that is left; only the last argument may. */
  readonly variadic?: boolean;
  /** The words allowed, where they are a closed set. */
  readonly choices?: readonly string[];
  /** What a shell completes here when there are no choices; nothing by default. */
  readonly completes?: "files" | "directories";
}

/** An option: a flag without `value`, otherwise one that takes a value. */
export interface CommandOption {
  /** Long name without dashes: `to`. */
  readonly name: string;
  /** One letter without dash. */
  readonly short?: string;
  /** Name of the value in the help, in capitals: `PEER`. */
  readonly value?: string;
  readonly about: string;
  readonly required?: boolean;
  /** May be given more than once; read with {@link Options.all}. */
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  readonly completes?: "files" | "directories";
}

/** Everything that lists or shows takes this one: stable field names, one document. */
export const JSON_OPTION: CommandOption = { name: "json", about: "print one JSON document" };

/** {@link JSON_OPTION} of what takes a while. */
export const EVENTS_OPTION: CommandOption = {
  name: "json",
  about: "print JSON events, one a line: progress every second, then the result",
};

/** Everything a command may touch. */
export interface CommandContext {
  /** The positional arguments as typed, the variadic one spread. */
  readonly args: readonly string[];
  readonly options: Options;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  readonly clock: Clock;
  /** Aborts when someone wants the command to end; `reason` is an `Interruption`. */
  readonly signal: AbortSignal;
  /** What relative paths are relative to. */
  readonly workingDir: string;
  /** The effective configuration: the common options over environment over file. @throws {ConfigError} */
  loadConfig(): LoadedConfig;
}

/** The options given. Asking for a name that the command does not declare is a mistake and throws. */
export interface Options {
  /** Whether the flag was given. */
  flag(name: string): boolean;
  /** The value given, the last one if it was repeated; undefined without. */
  value(name: string): string | undefined;
  /** All values given, in order. */
  all(name: string): readonly string[];
}

/** Where text goes. */
export interface Output {
  /** Writes `text` as it is. @throws {ClosedOutputError} when nobody reads any more. */
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width in columns, as it is now; 80 where it is no terminal. */
  readonly columns: number;
}

/** The environment variables. */
export interface Environment {
  get(name: string): string | undefined;
  /** All of them. */
  entries(): Readonly<Record<string, string>>;
}

/** A failure that the user can act on: one line, what failed, on what, and what to do. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";

  constructor(message: string, readonly exitCode: ExitCode = EXIT.failure, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The command was called in a way it does not understand. */
export class UsageError extends CommandError {
  override readonly name = "UsageError";

  constructor(message: string) {
    super(message, EXIT.usage);
  }
}

/** The reader of an output went away, as `head` does: a reason to stop, not a failure. */
export class ClosedOutputError extends Error {
  override readonly name = "ClosedOutputError";
}
