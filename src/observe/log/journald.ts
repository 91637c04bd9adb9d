/**
 * The priority prefix of systemd's journal (sd-daemon(3)): `<4>` before a line on a stream that the journal
 * reads becomes the line's priority there.
 *
 * @module
 */

import { fstatSync } from "node:fs";
import type { LogLevel } from "../../config/config.ts";

/**
 * Whether the stream is the one that systemd connected to the journal: `JOURNAL_STREAM` holds its device
 * and inode (systemd.exec(5)); a redirected stream does not match and gets no prefixes.
 */
export function isJournalStream(journalStream: string | undefined, stream: "stdout" | "stderr"): boolean {
  const match = /^(\d+):(\d+)$/.exec(journalStream ?? "");
  if (!match) return false;
  try {
    const { dev, ino } = fstatSync(stream === "stdout" ? 1 : 2, { bigint: true });
    return dev === BigInt(match[1]) && ino === BigInt(match[2]);
  } catch {
    // A closed stream is nobody's journal.
    return false;
  }
}

/** The prefix of a line of `level`: syslog's err, warning, info, debug. */
export function journalPrefix(level: LogLevel): string {
  return PREFIXES[level];
}

const PREFIXES: Readonly<Record<LogLevel, string>> = {
  error: "<3>",
  warn: "<4>",
  info: "<6>",
  debug: "<7>",
  trace: "<7>",
};
