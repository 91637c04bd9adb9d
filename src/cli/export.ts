/**
 * `wraith export WHAT`: configuration files for the systems around a node, out of the binary itself.
 *
 * @module
 */

import type { Config } from "../config/config.ts";
import { configTemplate } from "../config/render.ts";
import { type Command, EXIT } from "./command.ts";

/** One thing that can be exported: a text that follows from the configuration. */
export interface Exportable {
  readonly what: string;
  readonly summary: string;
  render(config: Config): string;
}

const EXPORTABLES: readonly Exportable[] = [
  {
    what: "config",
    summary: "config.toml with every key, its default and what it may be",
    render: () => configTemplate(),
  },
];

export const exportCommand: Command = {
  name: "export",
  summary: "Print configuration for the systems around a node",
  details: EXPORTABLES.map(({ what, summary }) => `${what.padEnd(14)}${summary}`).join("\n"),
  arguments: [{ name: "WHAT", about: "what to print", choices: EXPORTABLES.map(({ what }) => what) }],
  run({ args, stdout, loadConfig }) {
    const exportable = EXPORTABLES.find(({ what }) => what === args[0])!;
    stdout.write(exportable.render(loadConfig().config));
    return Promise.resolve(EXIT.success);
  },
};
