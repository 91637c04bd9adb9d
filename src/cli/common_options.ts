/**
 * The options that every command takes, before or after its name.
 *
 * @module
 */

import { loadConfig, type LoadedConfig } from "../config/load.ts";
import type { CommandContext, CommandOption, Options } from "./command.ts";

export const COMMON_OPTIONS: readonly CommandOption[] = [
  { name: "config", short: "c", value: "FILE", about: "configuration file", completes: "files" },
  {
    name: "set",
    value: "SECTION.KEY=VALUE",
    about: "override one configuration key; repeatable",
    repeatable: true,
  },
  { name: "data-dir", value: "DIR", about: "same as --set node.data_dir=DIR", completes: "directories" },
  {
    name: "log-level",
    value: "LEVEL",
    about: "same as --set logging.level=LEVEL; debug adds stack traces to errors",
    choices: ["error", "warn", "info", "debug", "trace"],
  },
];

/** The configuration that the common options, the environment and the file make together. */
export function loadConfigFor(
  options: Options,
  { env, workingDir }: Pick<CommandContext, "env" | "workingDir">,
): LoadedConfig {
  const file = options.value("config");
  const [dataDir, logLevel] = [options.value("data-dir"), options.value("log-level")];
  const overrides = [...options.all("set")];
  if (dataDir !== undefined) overrides.push(`node.data_dir=${dataDir}`);
  if (logLevel !== undefined) overrides.push(`logging.level=${logLevel}`);
  return loadConfig({ ...(file === undefined ? {} : { file }), overrides, env: env.entries(), workingDir });
}
