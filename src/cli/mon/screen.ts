/**
 * The terminal taken over for as long as the dashboard runs.
 *
 * @module
 */

import {
  cursorHide,
  cursorShow,
  cursorTo,
  enterAlternativeScreen,
  eraseEndLine,
  exitAlternativeScreen,
} from "ansi-escapes";
import type { Output } from "../command.ts";

/** Draws frames on the alternate screen. Disposing it gives the terminal back as it was. */
export class Screen implements Disposable {
  readonly #output: Pick<Output, "write">;
  #drawn: readonly string[] = [];
  #isOpen = true;

  constructor(output: Pick<Output, "write">) {
    this.#output = output;
    output.write(enterAlternativeScreen + cursorHide + cursorTo(0, 0) + ERASE_ALL);
  }

  /** Writes what differs from the last frame, in one piece that the terminal shows at once. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    let changes = "";
    for (let row = 0; row < Math.max(lines.length, this.#drawn.length); row++) {
      const line = lines[row] ?? "";
      if (line === this.#drawn[row]) continue;
      changes += cursorTo(0, row) + line + eraseEndLine;
    }
    this.#drawn = lines;
    if (changes !== "") this.#output.write(BEGIN_SYNCHRONIZED + changes + END_SYNCHRONIZED);
  }

  /** The next frame is drawn whole: the terminal was resized, or something else wrote on it. */
  forget(): void {
    this.#drawn = [];
    if (this.#isOpen) this.#output.write(ERASE_ALL);
  }

  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.write(cursorShow + exitAlternativeScreen);
  }
}

/** DEC private mode 2026: terminals that do not know it ignore it. */
const BEGIN_SYNCHRONIZED = "\u001b[?2026h";
const END_SYNCHRONIZED = "\u001b[?2026l";
/** ECMA-48 ED. */
const ERASE_ALL = "\u001b[2J";
