/**
 * What a person chose to see, and what a key changes about it.
 *
 * @module
 */

import { type View, VIEWS } from "./frame.ts";

export interface ViewState {
  readonly view: View;
  readonly order: number;
  readonly isPaused: boolean;
}

export const FIRST_STATE: ViewState = { view: "overview", order: 0, isPaused: false };

/** What comes of one key: another state, the end, or the end as by a signal. */
export type KeyOutcome = ViewState | "quit" | "interrupt";

/** `key` as the terminal sends it. Keys without a meaning change nothing. */
export function afterKey(state: ViewState, key: string): KeyOutcome {
  const index = VIEWS.indexOf(state.view);
  const turnedTo = (step: number): ViewState => ({
    ...state,
    view: VIEWS[(index + step + VIEWS.length) % VIEWS.length],
    order: 0,
  });
  switch (key) {
    case "q":
    case "Q":
    case "\u0004": // Ctrl-D
      return "quit";
    case "\u0003": // Ctrl-C: the terminal is raw, so it arrives as a key
      return "interrupt";
    case "\t":
    case "\u001b[C": // right
      return turnedTo(1);
    case "\u001b[Z": // Shift-Tab
    case "\u001b[D": // left
      return turnedTo(-1);
    case "s":
      return { ...state, order: state.order + 1 };
    case "p":
    case " ":
      return { ...state, isPaused: !state.isPaused };
  }
  const chosen = VIEWS[Number(key) - 1];
  return chosen === undefined ? state : { ...state, view: chosen, order: 0 };
}

/** The keys in what one read of a terminal brought: pasted or fast typing comes several at a time. */
export function keysIn(text: string): string[] {
  // An escape sequence (ECMA-48 §5.4) is one key, everything else one character.
  // deno-lint-ignore no-control-regex
  return text.match(/\u001b\[[0-?]*[ -/]*[@-~]|[^]/gu) ?? [];
}
