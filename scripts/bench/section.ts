/**
 * The one shape of a benchmark: a section with a name that runs and gives tables.
 *
 * @module
 */

import type { ProgramWords } from "../../tests/support/wraith_process.ts";

/** A part of `deno task bench`. */
export interface Section {
  /** As typed, and as the marker in the documentation. */
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Runs only when named, or with `--full`. */
  readonly isExtra?: boolean;
  /** @throws {Unavailable} when this machine has not what it takes. */
  run(context: BenchContext): Promise<readonly Table[]>;
}

/** What a machine lacks, in one line. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}

export type Cell = string | number | null;

/** A column of a table: where its cells come from, and how they are shown. */
export interface Column {
  /** In the JSON, and in the rows. */
  readonly key: string;
  readonly heading: string;
  /** Digits behind the point of numbers; without it a number is shown as it is. */
  readonly digits?: number;
}

export interface Table {
  /** Of its own within a run: the marker in the documentation is `bench SECTION NAME`. */
  readonly name: string;
  /** What the rows are, in a sentence: sizes, runs, machine state. */
  readonly caption: string;
  readonly columns: readonly Column[];
  /** A cell that is null or missing was not measured. */
  readonly rows: readonly Readonly<Record<string, Cell>>[];
  /** A drawing of it: the file in docs/img, and its content. */
  readonly chart?: { readonly file: string; readonly svg: string };
}

/** How much to measure. */
export type Effort = "quick" | "normal" | "full";

/** What a section may ask for and use. */
export interface BenchContext {
  readonly effort: Effort;
  /** How nodes are started. */
  readonly program: ProgramWords;
  /** `section.key=value` for every node. */
  readonly settings: readonly string[];
  /** The size of a transfer in bytes and how often it runs, where they were given. */
  readonly size: number | null;
  readonly runs: number | null;
  /** A new, empty folder, in memory where `bytes` fit there. It is removed after the section. */
  room(bytes: number): Promise<Room>;
  /** Progress, on stderr. */
  say(text: string): void;
  /** Something of the section could not be measured: one line that stays with the results. */
  skip(reason: string): void;
}

/** A folder and what is below it. */
export interface Room {
  readonly path: string;
  readonly medium: "tmpfs" | "disk";
}

/** The value for the effort asked for. */
export function byEffort<T>({ effort }: BenchContext, values: Readonly<Record<Effort, T>>): T {
  return values[effort];
}

/** A cell as text. */
export function shownCell(cell: Cell | undefined, { digits }: Column): string {
  if (cell === null || cell === undefined) return "-";
  if (typeof cell === "string") return cell;
  return cell.toLocaleString(
    "en",
    digits === undefined ? {} : {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    },
  );
}
