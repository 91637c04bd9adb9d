/**
 * Text by the columns it takes on a terminal.
 *
 * @module
 */

import cliTruncate from "cli-truncate";
import stringWidth from "string-width";

/** `text` in at most `columns` columns; what is cut off shows as an ellipsis. */
export function clipped(text: string, columns: number): string {
  return columns <= 0 ? "" : cliTruncate(text, columns);
}

/** `text` in exactly `columns` columns. */
export function padded(text: string, columns: number, align: "left" | "right" = "left"): string {
  const fitted = clipped(text, columns);
  const space = " ".repeat(Math.max(0, columns - stringWidth(fitted)));
  return align === "left" ? fitted + space : space + fitted;
}
