/**
 * The completion script for bash (3.2 and later, so no associative arrays).
 *
 * @module
 */

import type { Command, CommandOption } from "./command.ts";
import { type Candidates, candidatesOf, completionNodes } from "./completion_words.ts";

export function bashCompletions(commands: readonly Command[]): string {
  const nodes = completionNodes(commands);
  const paths = nodes.filter((node) => node.path !== "").map((node) => `"${node.path}"`).join("|");
  const values = nodes.flatMap((node) =>
    node.options.filter((option) => option.value).map((option) => {
      const names = [`--${option.name}`, ...option.short ? [`-${option.short}`] : []];
      const patterns = names.map((name) => `"${node.path}:${name}"`).join("|");
      return `    ${patterns}) ${reply(candidatesOf(option))} ;;`;
    })
  );
  const flags = nodes.map((node) =>
    `    "${node.path}:-"*) ${reply({ kind: "words", words: optionWords(node.options) })} ;;`
  );
  const words = nodes.map((node) => `    "${node.path}:"*) ${reply(node.next)} ;;`);
  return `# bash completion for wraith
_wraith() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path="" candidate i
  for ((i = 1; i < COMP_CWORD; i++)); do
    candidate="\${path:+$path }\${COMP_WORDS[i]}"
    case "$candidate" in ${paths}) path=$candidate ;; esac
  done
  COMPREPLY=()
  case "$path:$previous" in
${values.join("\n")}
    *) case "$path:$current" in
${flags.join("\n")}
${words.join("\n")}
    esac ;;
  esac
}
complete -F _wraith wraith wraith-cli
`;
}

function reply(candidates: Candidates): string {
  switch (candidates.kind) {
    case "words":
      return `COMPREPLY=($(compgen -W "${candidates.words.join(" ")}" -- "$current"))`;
    case "files":
      return `COMPREPLY=($(compgen -f -- "$current")); compopt -o filenames 2>/dev/null`;
    case "directories":
      return `COMPREPLY=($(compgen -d -- "$current")); compopt -o filenames 2>/dev/null`;
    case "nothing":
      return ":";
  }
}

function optionWords(options: readonly CommandOption[]): string[] {
  return [...options.map((option) => `--${option.name}`), "--help"];
}
