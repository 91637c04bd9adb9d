/**
 * The completion script for zsh.
 *
 * @module
 */

import type { Command, CommandOption } from "./command.ts";
import { type Candidates, candidatesOf, completionNodes } from "./completion_words.ts";

export function zshCompletions(commands: readonly Command[]): string {
  const nodes = completionNodes(commands);
  const paths = nodes.filter((node) => node.path !== "").map((node) => quoted(node.path)).join("|");
  const values = nodes.flatMap((node) =>
    node.options.filter((option) => option.value).map((option) => {
      const names = [`--${option.name}`, ...option.short ? [`-${option.short}`] : []];
      const patterns = names.map((name) => quoted(`${node.path}:${name}`)).join("|");
      return `    (${patterns}) ${offer(candidatesOf(option))}; return ;;`;
    })
  );
  const flags = nodes.map((node) => {
    const described = [...node.options.map(describeOption), quoted("--help:print this help")];
    return `      (${quoted(node.path)}) offered=(${described.join(" ")}) ;;`;
  });
  const summaries = new Map(nodes.map((node) => [node.path, node.summary]));
  const words = nodes.map((node) => {
    const describe = (word: string) => summaries.get(node.path ? `${node.path} ${word}` : word);
    return `    (${quoted(node.path)}) ${offer(node.next, describe)} ;;`;
  });
  return `#compdef wraith wraith-cli
_wraith() {
  local command_path="" candidate i
  local -a offered
  for ((i = 2; i < CURRENT; i++)); do
    candidate="\${command_path:+$command_path }\${words[i]}"
    case "$candidate" in (${paths}) command_path=$candidate ;; esac
  done
  case "$command_path:\${words[CURRENT-1]}" in
${values.join("\n")}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    case "$command_path" in
${flags.join("\n")}
    esac
    _describe option offered
    return
  fi
  case "$command_path" in
${words.join("\n")}
  esac
}
if [[ "$funcstack[1]" == _wraith ]]; then _wraith "$@"; else compdef _wraith wraith wraith-cli; fi
`;
}

function offer(
  candidates: Candidates,
  describe: (word: string) => string | undefined = () => undefined,
): string {
  switch (candidates.kind) {
    case "words": {
      const offered = candidates.words.map((word) => {
        const about = describe(word);
        return quoted(about ? `${word}:${about}` : word);
      });
      return `offered=(${offered.join(" ")}); _describe value offered`;
    }
    case "files":
      return "_files";
    case "directories":
      return "_files -/";
    case "nothing":
      return "_message 'no more arguments known here'";
  }
}

function describeOption(option: CommandOption): string {
  return quoted(`--${option.name}:${option.about}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
