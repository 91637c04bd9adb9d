/**
 * The options that every command takes, before or after its name.
 *
 * @module
 */

import type { CommandOption } from "./command.ts";

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
