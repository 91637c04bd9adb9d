/**
 * Configurations as text: the commented file that `wraith init` writes, and the effective values.
 *
 * @module
 */

import type { Config } from "./config.ts";
import type { Origin } from "./load.ts";
import { ENTRIES, type Entry } from "./schema.ts";
import { formatTomlValue } from "./toml_file.ts";

/**
 * A configuration file that says what every key does, what it may be and what it is by default. Every key is
 * commented out, so the file changes nothing until someone edits it; only `dataDir` is set when it is given.
 *
 * @param dataDir the data directory to set, as it should be written; by default none is.
 */
export function configTemplate(dataDir?: string): string {
  const shownDataDir = dataDir ?? "~/.local/share/wraith";
  const setting = (entry: Entry) => {
    const { about, allowed, key, fallback } = entry.setting;
    const value = formatTomlValue(typeof fallback === "function" ? fallback(shownDataDir) : fallback);
    const isSet = entry.name === "node.data_dir" && dataDir !== undefined;
    return [`# ${about}.`, `# Allowed: ${allowed}.`, `${isSet ? "" : "#"}${key} = ${value}`].join("\n");
  };
  const intro = "# Configuration of a WRAITH node. Each key shows its default; remove the # to change it.\n" +
    "# Relative paths are relative to this file. WRAITH_<SECTION>_<KEY> in the environment wins over it.";
  return `${[intro, ...bySection((entries) => entries.map(setting).join("\n\n"))].join("\n\n")}\n`;
}

/** The values in force, each with who said so; secrets masked. */
export function formatConfig(config: Config, origins: ReadonlyMap<string, Origin>): string {
  const line = ({ section, field, name, setting }: Entry) => {
    const value = (config[section] as unknown as Record<string, unknown>)[field];
    return `${setting.key} = ${formatTomlValue(setting.masked(value))} # ${origins.get(name) ?? "default"}`;
  };
  return `${bySection((entries) => entries.map(line).join("\n")).join("\n\n")}\n`;
}

/** The values in force as plain data, `section.key` by name, each with who said so; secrets masked. */
export function configDocument(
  config: Config,
  origins: ReadonlyMap<string, Origin>,
): Record<string, { value: unknown; origin: Origin }> {
  return Object.fromEntries(ENTRIES.map(({ section, field, name, setting }) => {
    const value = (config[section] as unknown as Record<string, unknown>)[field];
    return [name, { value: setting.masked(value), origin: origins.get(name) ?? "default" }];
  }));
}

function bySection(body: (entries: readonly Entry[]) => string): string[] {
  const sections = [...new Set(ENTRIES.map((entry) => entry.section))];
  return sections.map((section) =>
    `[${section}]\n${body(ENTRIES.filter((entry) => entry.section === section))}`
  );
}
