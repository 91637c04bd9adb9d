/**
 * The dashboard on a terminal: frames when the interval is over, a key was pressed, or the size changed.
 *
 * @module
 */

import type { ChalkInstance } from "chalk";
import { type CommandContext, EXIT, type ExitCode } from "../command.ts";
import type { Report, SampleFeed } from "./feed.ts";
import { frameLines } from "./frame.ts";
import { Screen } from "./screen.ts";
import { afterKey, FIRST_STATE, keysIn, type ViewState } from "./view_state.ts";

/** Shows the node until a person or a signal ends it. The terminal is as before when this returns or throws. */
export async function runDashboard(
  context: Pick<CommandContext, "stdout" | "signal">,
  feed: SampleFeed,
  intervalMs: number,
  paint: ChalkInstance,
): Promise<ExitCode> {
  using terminal = new DisposableStack();
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, context.signal]);
  const dashboard = new Dashboard(terminal.use(new Screen(context.stdout)), context, feed.last, paint);
  listenForResize(terminal, () => dashboard.redraw());
  // Leaving by way of an uncaught error or a second signal gives the terminal back too.
  const restore = () => terminal.dispose();
  globalThis.addEventListener("unload", restore);
  terminal.defer(() => globalThis.removeEventListener("unload", restore));

  let exitCode: ExitCode = EXIT.success;
  listenForKeys(terminal, (key) => {
    const outcome = dashboard.press(key);
    if (outcome === "go on") return;
    if (outcome === "interrupt") exitCode = EXIT.interrupted;
    ending.abort();
  });
  dashboard.redraw();
  while (!signal.aborted) {
    await pause(intervalMs, signal);
    if (signal.aborted) break;
    try {
      dashboard.take(await feed.next(signal));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  return context.signal.aborted ? EXIT.interrupted : exitCode;
}

class Dashboard {
  readonly #screen: Screen;
  readonly #output: CommandContext["stdout"];
  readonly #paint: ChalkInstance;
  #state: ViewState = FIRST_STATE;
  /** What is shown; the newest, unless paused. */
  #shown: Report;
  #newest: Report;

  constructor(
    screen: Screen,
    { stdout }: Pick<CommandContext, "stdout">,
    first: Report["sample"],
    paint: ChalkInstance,
  ) {
    this.#screen = screen;
    this.#output = stdout;
    this.#paint = paint;
    this.#shown = this.#newest = { sample: first, isFresh: true, notice: null };
  }

  take(report: Report): void {
    this.#newest = report;
    if (!this.#state.isPaused) this.#shown = report;
    this.#draw();
  }

  press(key: string): "go on" | "quit" | "interrupt" {
    const outcome = afterKey(this.#state, key);
    if (typeof outcome === "string") return outcome;
    this.#state = outcome;
    if (!outcome.isPaused) this.#shown = this.#newest;
    this.#draw();
    return "go on";
  }

  redraw(): void {
    this.#screen.forget();
    this.#draw();
  }

  #draw(): void {
    this.#screen.draw(frameLines({
      ...this.#state,
      sample: this.#shown.sample,
      // That the node is gone matters to who paused, too.
      notice: this.#newest.notice,
      isFresh: this.#newest.isFresh,
      columns: this.#output.columns,
      rows: terminalRows(),
      paint: this.#paint,
    }));
  }
}

function terminalRows(): number {
  try {
    return Deno.consoleSize().rows;
  } catch {
    return 24;
  }
}

/** Calls `resized` when the terminal's size changed, and when the program comes back from being stopped. */
function listenForResize(terminal: DisposableStack, resized: () => void): void {
  if (Deno.build.os === "windows") return;
  for (const name of ["SIGWINCH", "SIGCONT"] as const) {
    Deno.addSignalListener(name, resized);
    terminal.defer(() => Deno.removeSignalListener(name, resized));
  }
}

function listenForKeys(terminal: DisposableStack, pressed: (key: string) => void): void {
  if (!Deno.stdin.isTerminal()) return;
  Deno.stdin.setRaw(true);
  terminal.defer(() => Deno.stdin.setRaw(false));
  const reader = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  terminal.defer(() => void reader.cancel().catch(() => {}));
  const read = async () => {
    for (let got = await reader.read(); !got.done; got = await reader.read()) {
      for (const key of keysIn(got.value)) pressed(key);
    }
  };
  // A terminal that hangs up ends the reading; the signal that comes with it ends the program.
  read().catch(() => {});
}

/** Waits for `ms`, or less when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
