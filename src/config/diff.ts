/**
 * What a reload may do with a new configuration.
 *
 * @module
 */

import type { Config } from "./config.ts";
import { ENTRIES } from "./schema.ts";

/** The keys whose values differ, as `section.key`. */
export interface ConfigDiff {
  /** In force as soon as the node takes the new configuration. */
  readonly live: readonly string[];
  /** Read once at start. */
  readonly needRestart: readonly string[];
}

/** Compares two configurations key by key. */
export function diffConfigs(before: Config, after: Config): ConfigDiff {
  const changed = ENTRIES.filter(({ section, field }) =>
    JSON.stringify(valueOf(before, section, field)) !== JSON.stringify(valueOf(after, section, field))
  );
  return {
    live: changed.filter((entry) => entry.setting.live).map((entry) => entry.name),
    needRestart: changed.filter((entry) => !entry.setting.live).map((entry) => entry.name),
  };
}

/** `before` with the live keys of `after`: what the node runs under after a reload. */
export function withLiveKeys(before: Config, after: Config): Config {
  const sections: Record<string, Record<string, unknown>> = {};
  for (const { section, field, setting } of ENTRIES) {
    (sections[section] ??= {})[field] = valueOf(setting.live ? after : before, section, field);
  }
  for (const section of Object.values(sections)) Object.freeze(section);
  return Object.freeze(sections) as unknown as Config;
}

function valueOf(config: Config, section: keyof Config, field: string): unknown {
  return (config[section] as unknown as Record<string, unknown>)[field];
}
