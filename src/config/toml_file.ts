/**
 * TOML text, and where in it a key stands. The only file that knows the TOML library, and that only by its `parse`:
 * `@std/toml` takes its place by changing the import below.
 *
 * @module
 */

import { parse } from "smol-toml";

/** A table of a TOML document. */
export type TomlTable = { readonly [key: string]: unknown };

/** The text is no TOML. */
export class TomlSyntaxError extends Error {
  override readonly name = "TomlSyntaxError";

  /** @param line counted from 1. */
  constructor(message: string, readonly line: number, options?: ErrorOptions) {
    super(message, options);
  }
}

/** Reads a TOML 1.0 document. @throws {TomlSyntaxError} */
export function parseToml(source: string): TomlTable {
  try {
    return parse(source);
  } catch (error) {
    throw syntaxErrorOf(error);
  }
}

/** A parser's complaint with the line it names: in a field of its own, or in its words. */
export function syntaxErrorOf(error: unknown): TomlSyntaxError {
  const message = error instanceof Error ? error.message : String(error);
  const named = /\bline (\d+)/i.exec(message)?.[1];
  const line = error instanceof Error && "line" in error ? Number(error.line) : Number(named ?? 1);
  // A picture of the place may follow the first line.
  const [what] = message.replace(/^Invalid TOML document: |^Parse error on line \d+, column \d+: /, "").split(
    "\n",
  );
  return new TomlSyntaxError(what, line, { cause: error });
}

/** Whether `value` is a table, and no list, date or plain value. */
export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/**
 * The line, counted from 1, on which the value at `keys` begins in a document that parses; null when it is not
 * there.
 *
 * The parser does not tell positions, so it is asked: of the document's beginnings that parse, the first one
 * that holds the value ends with it. Costs a parse per line, and only errors need it.
 */
export function lineOf(source: string, keys: readonly string[]): number | null {
  const lines = source.split("\n");
  let begins = 1;
  for (let count = 1; count <= lines.length; count++) {
    const table = parsedOrNull(lines.slice(0, count).join("\n"));
    if (table === null) continue;
    if (holds(table, keys)) return begins;
    begins = count + 1;
  }
  return null;
}

function parsedOrNull(source: string): TomlTable | null {
  try {
    return parse(source);
  } catch {
    return null;
  }
}

function holds(table: TomlTable, keys: readonly string[]): boolean {
  let value: unknown = table;
  for (const key of keys) {
    if (!isTable(value) || !Object.hasOwn(value, key)) return false;
    value = value[key];
  }
  return true;
}

/** A value as it is written in TOML, on one line. */
export function formatTomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatTomlValue).join(", ")}]`;
  // A JSON string is a TOML basic string: the escapes of the one are a subset of the other's.
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
  return String(value);
}
