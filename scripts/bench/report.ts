/**
 * Results as text for the terminal, as Markdown, and into the documentation between markers.
 *
 * @module
 */

import { textTable } from "../../src/cli/text_table.ts";
import { shownCell, type Table } from "./section.ts";

/** What became of a section. */
export interface SectionResult {
  readonly section: string;
  readonly seconds: number;
  readonly tables: readonly Table[];
  /** One line for each thing that was not measured. */
  readonly skipped: readonly string[];
}

/** A table for the terminal. */
export function shownTable(table: Table): string {
  const isText = ({ key }: Table["columns"][number]) =>
    table.rows.some((row) => typeof row[key] === "string");
  const columns = table.columns.map((column) => ({
    heading: column.heading,
    align: isText(column) ? "left" as const : "right" as const,
  }));
  const rows = table.rows.map((row) => table.columns.map((column) => shownCell(row[column.key], column)));
  return `${table.caption}\n${textTable(columns, rows)}`;
}

/** The results for programs: cells by key, without headings. */
export function resultDocument(
  machine: Readonly<Record<string, unknown>>,
  results: readonly SectionResult[],
): Readonly<Record<string, unknown>> {
  return {
    machine,
    sections: results.map(({ section, seconds, tables, skipped }) => ({
      section,
      seconds,
      skipped,
      tables: tables.map(({ name, caption, rows }) => ({ name, caption, rows })),
    })),
  };
}

/**
 * `text` with each table in its place: between `<!-- bench SECTION TABLE -->` and `<!-- end of bench -->`. Tables
 * without a place, and places without a table, stay as they are.
 */
export function withTables(text: string, results: readonly SectionResult[]): string {
  let written = text;
  for (const { section, tables } of results) {
    for (const table of tables) {
      written = withTable(written, `<!-- bench ${section} ${table.name} -->`, table);
    }
  }
  return written;
}

function withTable(text: string, begin: string, table: Table): string {
  const from = text.indexOf(begin);
  if (from < 0) return text;
  const to = text.indexOf(END, from);
  if (to < 0) throw new Error(`${begin} has no ${END} behind it`);
  return `${text.slice(0, from + begin.length)}\n\n${markdown(table)}\n${text.slice(to)}`;
}

function markdown({ caption, columns, rows }: Table): string {
  const isText = (key: string) => rows.some((row) => typeof row[key] === "string");
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return [
    `${caption}\n\n`,
    line(columns.map(({ heading }) => heading)),
    line(columns.map(({ key }) => isText(key) ? "---" : "---:")),
    ...rows.map((row) => line(columns.map((column) => shownCell(row[column.key], column)))),
  ].join("");
}

const END = "<!-- end of bench -->";
