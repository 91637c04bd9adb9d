/**
 * Lines for people: aligned, coloured on a terminal.
 *
 * @module
 */

import type { LogLevel } from "../../config/config.ts";
import type { LogFormat } from "./format_json.ts";
import { boundedFields, MAX_MESSAGE_UNITS } from "./format_json.ts";
import { bounded, escapeFreeText, quoteWord } from "./hostile_text.ts";

/** A format that aligns its columns; `colour` adds ANSI colours to level and keys. */
export function textFormat(colour: boolean): LogFormat {
  return (entry, epochMs) => {
    const level = LEVEL_WORDS[entry.level];
    const message = escapeFreeText(bounded(entry.message, MAX_MESSAGE_UNITS));
    let line = `${new Date(epochMs).toISOString()} ${
      colour ? paint(level, LEVEL_COLOURS[entry.level]) : level
    } ${message.padEnd(MESSAGE_COLUMNS)}`;
    for (const [key, value] of Object.entries(boundedFields(entry.fields))) {
      line += ` ${colour ? paint(key, DIM) : key}=${wordOf(value)}`;
    }
    return line.trimEnd();
  };
}

function wordOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(wordOf).join(",");
  return quoteWord(String(value));
}

function paint(text: string, colour: string): string {
  return `\x1b[${colour}m${text}\x1b[0m`;
}

const MESSAGE_COLUMNS = 24;
const DIM = "2";

const LEVEL_WORDS: Readonly<Record<LogLevel, string>> = {
  error: "ERROR",
  warn: "WARN ",
  info: "INFO ",
  debug: "DEBUG",
  trace: "TRACE",
};

const LEVEL_COLOURS: Readonly<Record<LogLevel, string>> = {
  error: "31;1",
  warn: "33",
  info: "32",
  debug: "36",
  trace: "35",
};
