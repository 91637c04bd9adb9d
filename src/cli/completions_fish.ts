/**
 * The completion script for fish.
 *
 * @module
 */

import type { Command, CommandOption } from "./command.ts";
import { type Candidates, candidatesOf, type CompletionNode, completionNodes } from "./completion_words.ts";

export function fishCompletions(commands: readonly Command[]): string {
  const nodes = completionNodes(commands);
  const summaries = new Map(nodes.map((node) => [node.path, node.summary]));
  const lines = nodes.flatMap((node) => {
    const condition = quoted(`__wraith_at ${quoted(node.path)}`);
    const describe = (word: string) => summaries.get(node.path ? `${node.path} ${word}` : word);
    return [
      ...nextLines(node, condition, describe),
      ...node.options.map((option) => `complete -c wraith -n ${condition} ${optionWords(option)}`),
      `complete -c wraith -n ${condition} -s h -l help -d 'print this help'`,
    ];
  });
  const paths = nodes.filter((node) => node.path !== "").map((node) => quoted(node.path)).join(" ");
  return `# fish completion for wraith
function __wraith_at --description 'whether the words so far are those of this command'
  set -l command_path ''
  for word in (commandline -opc)[2..-1]
    set -l candidate (string trim -- "$command_path $word")
    contains -- $candidate ${paths}; and set command_path $candidate
  end
  test "$command_path" = "$argv[1]"
end
complete -c wraith -f
complete -c wraith-cli -w wraith
${lines.join("\n")}
`;
}

function nextLines(
  node: CompletionNode,
  condition: string,
  describe: (word: string) => string | undefined,
): string[] {
  if (node.next.kind !== "words") {
    const taken = valueWords(node.next);
    return taken === "" ? [] : [`complete -c wraith -n ${condition} ${taken}`];
  }
  return node.next.words.map((word) => {
    const about = describe(word);
    return `complete -c wraith -n ${condition} -a ${word}${about ? ` -d ${quoted(about)}` : ""}`;
  });
}

function optionWords(option: CommandOption): string {
  const short = option.short ? `-s ${option.short} ` : "";
  const candidates = candidatesOf(option);
  // -x: needs a value, and files are none.
  const exclusive = ["words", "nothing"].includes(candidates.kind) ? "-x" : "-r";
  const value = option.value ? `${exclusive} ${valueWords(candidates)} ` : "";
  return `${short}-l ${option.name} ${value}-d ${quoted(option.about)}`;
}

function valueWords(candidates: Candidates): string {
  switch (candidates.kind) {
    case "words":
      return `-a ${quoted(candidates.words.join(" "))}`;
    case "files":
      return "-F";
    case "directories":
      return "-a '(__fish_complete_directories)'";
    case "nothing":
      return "";
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
