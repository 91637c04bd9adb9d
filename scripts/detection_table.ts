/**
 * Runs every attack of the detection tests and a normal day in virtual time, and writes the figures into
 * docs/security_monitoring.md between its two markers. With `--check` it only compares.
 *
 * @module
 */

import { ATTACKS, normalDay } from "../tests/observe/detect/scenarios.ts";

const DOCUMENT = new URL("../docs/security_monitoring.md", import.meta.url);
const BEGIN = "<!-- detection table: written by scripts/detection_table.ts -->";
const END = "<!-- end of detection table -->";

function table(): string {
  const rows = ATTACKS.map((attack) => {
    const { detectedAfterMs, bannedAfterMs } = attack.run();
    return [
      attack.name,
      attack.detector ? `\`${attack.detector}\`` : "none",
      ...[detectedAfterMs, bannedAfterMs]
        .map((ms) => ms === null ? "never" : `${(ms / 1000).toFixed(1)} s`),
    ];
  });
  const quiet = [1, 2, 3].map((seed) => normalDay(seed));
  const sum = (pick: "detections" | "bans") => quiet.reduce((total, outcome) => total + outcome[pick], 0);
  rows.push([
    "none: 3 normal days of 24 h",
    "none",
    `${sum("detections")} false alarms`,
    `${sum("bans")} false bans`,
  ]);
  return aligned([["Attack", "Detector", "Detected after", "Banned after"], ...rows]);
}

/** The rows as the formatter would leave them. */
function aligned(rows: readonly string[][]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines.join("\n");
}

const text = await Deno.readTextFile(DOCUMENT);
const begin = text.indexOf(BEGIN);
const end = text.indexOf(END);
if (begin < 0 || end < begin) throw new Error(`Cannot find the two markers in ${DOCUMENT.pathname}`);
const updated = `${text.slice(0, begin)}${BEGIN}\n\n${table()}\n\n${text.slice(end)}`;
if (Deno.args.includes("--check")) {
  if (updated !== text) {
    throw new Error(
      `${DOCUMENT.pathname} is out of date: run ./scripts/deno run -A scripts/detection_table.ts`,
    );
  }
} else await Deno.writeTextFile(DOCUMENT, updated);
