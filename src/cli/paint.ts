/**
 * Colours, for outputs that may have them.
 *
 * @module
 */

import { Chalk, type ChalkInstance } from "chalk";
import type { CommandContext } from "./command.ts";

/** Changes nothing. */
export const PLAIN: ChalkInstance = new Chalk({ level: 0 });

/** Colours for a terminal, unless the user wants none: https://no-color.org (any value that is not empty). */
export function paintFor({ env }: Pick<CommandContext, "env">): ChalkInstance {
  return (env.get("NO_COLOR") ?? "") !== "" || env.get("TERM") === "dumb" ? PLAIN : new Chalk({ level: 1 });
}
