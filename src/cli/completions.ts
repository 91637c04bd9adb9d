/**
 * `wraith completions SHELL`: what the tab key offers, from the table of commands.
 *
 * @module
 */

import { type Command, EXIT } from "./command.ts";
import { bashCompletions } from "./completions_bash.ts";
import { fishCompletions } from "./completions_fish.ts";
import { zshCompletions } from "./completions_zsh.ts";

const SHELLS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
};

/** The command, over a table that it is itself a part of. */
export function completionsOver(commands: () => Promise<readonly Command[]>): Command {
  return {
    name: "completions",
    summary: "Print a completion script for a shell",
    details: "bash: source <(wraith completions bash)\n" +
      'zsh:  wraith completions zsh > "${fpath[1]}/_wraith"\n' +
      "fish: wraith completions fish > ~/.config/fish/completions/wraith.fish",
    arguments: [{ name: "SHELL", about: "which shell", choices: Object.keys(SHELLS) }],
    async run({ args, stdout }) {
      stdout.write(SHELLS[args[0]](await commands()));
      return EXIT.success;
    },
  };
}
