/**
 * A real terminal for programs that draw on one: tmux, which keeps the screen and tells what is on it.
 *
 * @module
 */

import { runTool } from "./external_tool.ts";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** One terminal with a tmux server of its own. Disposing ends both, and what runs in it. */
export class TmuxTerminal implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Runs `command` in a terminal; tmux's socket is made at `socket`. */
  static async start(socket: string, size: TerminalSize, command: readonly string[]): Promise<TmuxTerminal> {
    const terminal = new TmuxTerminal(socket);
    const { columns, rows } = size;
    await terminal.#tmux("new-session", "-d", "-x", String(columns), "-y", String(rows), ...command);
    return terminal;
  }

  /** Presses keys, named as tmux names them: `Enter`, `C-c`, `2`. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async resize({ columns, rows }: TerminalSize): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What is on the screen, without spaces at line ends. */
  async screen(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p")).replace(/[ \t]+$/gm, "");
  }

  /** Waits until the screen fits, for a minute at most. @returns the screen. */
  async until(what: string | RegExp): Promise<string> {
    const until = performance.now() + WAIT_MS;
    for (;;) {
      const shown = await this.screen();
      if (typeof what === "string" ? shown.includes(what) : what.test(shown)) return shown;
      if (performance.now() > until) throw new Error(`the terminal did not show ${what}:\n${shown}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Whether the cursor shows and the screen is the one with the history, as before a full-screen program. */
  async isAsBefore(): Promise<boolean> {
    return (await this.#tmux("display", "-p", "#{cursor_flag} #{alternate_on}")).trim() === "1 0";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runTool("tmux", ["-S", this.#socket, "kill-server"]);
  }

  async #tmux(...words: string[]): Promise<string> {
    const { success, output } = await runTool("tmux", ["-S", this.#socket, "-f", "/dev/null", ...words]);
    if (!success) throw new Error(`tmux ${words[0]} failed: ${output}`);
    return output;
  }
}

const WAIT_MS = 60_000;
