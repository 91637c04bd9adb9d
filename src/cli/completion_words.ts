/**
 * What can follow what on the command line, for every shell's script alike.
 *
 * @module
 */

import type { Command, CommandArgument, CommandOption } from "./command.ts";
import { COMMON_OPTIONS } from "./common_options.ts";

/** What may be typed at one place. */
export type Candidates =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "files" | "directories" | "nothing" };

/** A point in the tree of commands: the program itself, a group, or a command. */
export interface CompletionNode {
  /** Words typed so far, without the program's name: `""`, `dht`, `dht peers`. */
  readonly path: string;
  readonly summary: string;
  /** What the next word may be. */
  readonly next: Candidates;
  readonly options: readonly CommandOption[];
}

/** Every point of the tree, the root first. */
export function completionNodes(commands: readonly Command[]): CompletionNode[] {
  const groups = [...new Set(commands.flatMap(({ name }) => name.includes(" ") ? [name.split(" ")[0]] : []))];
  const firstWords = [...new Set(commands.map(({ name }) => name.split(" ")[0]))];
  return [
    { path: "", summary: "", next: { kind: "words", words: firstWords }, options: COMMON_OPTIONS },
    ...groups.map((group): CompletionNode => {
      const members = commands.filter(({ name }) => name.startsWith(`${group} `));
      const words = members.map(({ name }) => name.slice(group.length + 1));
      const summary = `${words.join(", ")}`;
      return { path: group, summary, next: { kind: "words", words }, options: COMMON_OPTIONS };
    }),
    ...commands.map((command) => ({
      path: command.name,
      summary: command.summary,
      next: candidatesOf(command.arguments?.[0]),
      options: [...command.options ?? [], ...COMMON_OPTIONS],
    })),
  ];
}

/** What an argument or an option's value may be. */
export function candidatesOf(place: CommandArgument | CommandOption | undefined): Candidates {
  if (place?.choices) return { kind: "words", words: place.choices };
  return { kind: place?.completes ?? "nothing" };
}
