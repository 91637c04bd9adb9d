/**
 * The effective configuration: flags over environment over file over defaults, validated, frozen.
 *
 * @module
 */

import { dirname, isAbsolute, resolve } from "node:path";
import { closestMatch } from "leven";
import * as v from "valibot";
import type { Config } from "./config.ts";
import { ENTRIES, type Entry } from "./schema.ts";
import { formatTomlValue, isTable, lineOf, parseToml, TomlSyntaxError, type TomlTable } from "./toml_file.ts";

/** Where the configuration may come from. */
export interface ConfigSources {
  /** The file that was asked for by flag; without one the usual places are searched. */
  readonly file?: string;
  /** `section.key=value`, from flags. */
  readonly overrides: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What relative paths from flags and the environment are relative to. */
  readonly workingDir: string;
}

/** Who said what a key is. */
export type Origin = "flag" | "environment" | "file" | "default";

/** A configuration and where it came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, or null. */
  readonly file: string | null;
  /** By `section.key`. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** What looks like a mistake but may be somebody else's business. */
  readonly warnings: readonly string[];
}

/** The configuration is wrong; each problem is one line that names where, what was found, and what is allowed. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly problems: readonly string[], options?: ErrorOptions) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more: wraith --check lists all)` : "";
    super(`${problems[0]}${more}`, options);
  }
}

/**
 * Reads and merges all sources.
 *
 * @throws {ConfigError} with everything that is wrong, not only the first thing.
 */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: string[] = [];
  const warnings: string[] = [];
  const file = readFirstFile(sources, problems);
  const given = new Map<string, Given>();
  if (file) addFile(file, given, problems);
  addEnvironment(sources, given, warnings);
  addOverrides(sources, given, problems);

  const config = settle(given, sources.env, problems);
  if (problems.length === 0) problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  const origins = new Map(ENTRIES.map((entry) => [entry.name, given.get(entry.name)?.origin ?? "default"]));
  return { config, file: file?.path ?? null, origins, warnings };
}

/** The value someone gave for a key. */
interface Given {
  readonly value: unknown;
  readonly origin: Origin;
  /** Names the place for people; costs a search, so only errors call it. */
  readonly place: () => string;
  readonly baseDir: string;
}

interface ConfigFile {
  readonly path: string;
  readonly source: string;
  readonly table: TomlTable;
}

/** The file asked for, or the first of the usual ones that exists. */
function readFirstFile(sources: ConfigSources, problems: string[]): ConfigFile | null {
  const { env } = sources;
  const demanded = sources.file ?? (env.WRAITH_CONFIG || undefined);
  const home = env.HOME ?? env.USERPROFILE;
  const configHome = env.XDG_CONFIG_HOME || (home ? `${home}/.config` : undefined);
  const usual = [configHome ? `${configHome}/wraith/config.toml` : "", "/etc/wraith/config.toml"];
  for (const candidate of demanded ? [demanded] : usual.filter((path) => path !== "")) {
    try {
      const source = Deno.readTextFileSync(resolve(sources.workingDir, candidate));
      return { path: candidate, source, table: parseToml(source) };
    } catch (error) {
      if (error instanceof TomlSyntaxError) {
        problems.push(`${candidate}:${error.line}: ${error.message}`);
        return null;
      }
      if (error instanceof Deno.errors.NotFound && !demanded) continue;
      problems.push(`cannot read ${candidate}: ${fileProblem(error)}`);
      return null;
    }
  }
  return null;
}

function fileProblem(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file (wraith init writes one)";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  if (error instanceof Deno.errors.IsADirectory) return "it is a directory";
  return error instanceof Error ? error.message : String(error);
}

function addFile(file: ConfigFile, given: Map<string, Given>, problems: string[]): void {
  const baseDir = dirname(resolve(file.path));
  const at = (...keys: string[]) => `${file.path}:${lineOf(file.source, keys) ?? 1}`;
  for (const [section, settings] of Object.entries(file.table)) {
    if (!SECTIONS.includes(section)) {
      problems.push(`${at(section)}: unknown section [${section}]: ${suggestion(section, SECTIONS)}`);
      continue;
    }
    if (!isTable(settings)) {
      problems.push(`${at(section)}: ${section}: expected a table [${section}], found ${shown(settings)}`);
      continue;
    }
    for (const [key, value] of Object.entries(settings)) {
      const name = `${section}.${key}`;
      if (!BY_NAME.has(name)) {
        problems.push(`${at(section, key)}: unknown key ${name}: ${suggestion(key, keysOf(section))}`);
        continue;
      }
      given.set(name, { value, origin: "file", place: () => at(section, key), baseDir });
    }
  }
}

function addEnvironment(sources: ConfigSources, given: Map<string, Given>, warnings: string[]): void {
  const known = new Map(ENTRIES.map((entry) => [variableOf(entry), entry]));
  for (const [variable, text] of Object.entries(sources.env)) {
    const entry = known.get(variable);
    if (entry) {
      given.set(entry.name, {
        value: entry.setting.fromText(text),
        origin: "environment",
        place: () => variable,
        baseDir: sources.workingDir,
      });
    } else if (looksMisspelled(variable)) {
      warnings.push(`unknown environment variable ${variable}: ${suggestion(variable, [...known.keys()])}`);
    }
  }
}

/** `WRAITH_NETWORK_LISTEN` for `network.listen`. */
function variableOf(entry: Entry): string {
  return `WRAITH_${entry.name.replace(".", "_").toUpperCase()}`;
}

/**
 * Whether a variable that is no key was probably meant to be one. Kubernetes sets variables such as
 * `WRAITH_MONITORING_PORT_9090_TCP` for a service named `wraith-monitoring`, which is nobody's mistake.
 */
function looksMisspelled(variable: string): boolean {
  const section = SECTIONS.some((name) => variable.startsWith(`WRAITH_${name.toUpperCase()}_`));
  return section &&
    !/_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$/.test(variable);
}

function addOverrides(sources: ConfigSources, given: Map<string, Given>, problems: string[]): void {
  for (const override of sources.overrides) {
    const [, name, text] = /^([^=]*)=(.*)$/s.exec(override) ?? [];
    if (name === undefined) {
      problems.push(`--set ${override}: expected SECTION.KEY=VALUE`);
      continue;
    }
    const entry = BY_NAME.get(name);
    if (entry === undefined) {
      problems.push(`--set ${override}: unknown key ${name}: ${suggestion(name, [...BY_NAME.keys()])}`);
      continue;
    }
    given.set(name, {
      value: entry.setting.fromText(text),
      origin: "flag",
      place: () => `--set ${override}`,
      baseDir: sources.workingDir,
    });
  }
}

/** The object itself, from what was given and the defaults. What is wrong keeps its default and is reported. */
function settle(
  given: ReadonlyMap<string, Given>,
  env: Readonly<Record<string, string>>,
  problems: string[],
): Config {
  const sections: Record<string, Record<string, unknown>> = {};
  const home = env.HOME ?? env.USERPROFILE ?? "";
  let dataDir = defaultDataDir(env);

  for (const entry of ENTRIES) {
    const { setting } = entry;
    const fallback = typeof setting.fallback === "function" ? setting.fallback(dataDir) : setting.fallback;
    const said = given.get(entry.name);
    let result = v.safeParse(setting.schema, said ? said.value : fallback);
    if (!result.success) {
      const found = said ? shown(said.value) : shown(fallback);
      problems.push(
        `${said?.place() ?? "default"}: ${entry.name}: expected ${setting.allowed}, found ${found}`,
      );
      result = v.safeParse(setting.schema, fallback);
    }
    let value = result.output;
    if (setting.isPath && said) value = absolutePath(String(value), entry, said.baseDir, home);
    if (entry.name === "node.data_dir") dataDir = String(value);
    (sections[entry.section] ??= {})[entry.field] = Object.freeze(value);
  }
  for (const section of Object.values(sections)) Object.freeze(section);
  // The schema has a setting for every field (its type says so), and each was just given its value.
  return Object.freeze(sections) as unknown as Config;
}

/** `$XDG_DATA_HOME/wraith` or what stands for it on this system. */
function defaultDataDir(env: Readonly<Record<string, string>>): string {
  if (env.XDG_DATA_HOME && isAbsolute(env.XDG_DATA_HOME)) return `${env.XDG_DATA_HOME}/wraith`;
  if (env.LOCALAPPDATA) return `${env.LOCALAPPDATA}/wraith`;
  return env.HOME ? `${env.HOME}/.local/share/wraith` : "/var/lib/wraith";
}

function absolutePath(value: string, entry: Entry, baseDir: string, home: string): string {
  if (value === "" || (entry.name === "logging.output" && ["stdout", "stderr"].includes(value))) return value;
  return resolve(baseDir, home ? value.replace(/^~(?=\/|$)/, home) : value);
}

/** What no single key shows: settings that make no sense together. */
function contradictions(config: Config): string[] {
  const found: string[] = [];
  if ((config.monitoring.tlsCert === "") !== (config.monitoring.tlsKey === "")) {
    found.push("monitoring.tls_cert and monitoring.tls_key: expected both or neither");
  }
  if (config.network.keepaliveIntervalMs >= config.network.idleTimeoutMs) {
    found.push("network.keepalive_interval: expected less than network.idle_timeout, or idle sessions end");
  }
  return found;
}

function keysOf(section: string): string[] {
  return ENTRIES.filter((entry) => entry.section === section).map((entry) => entry.setting.key);
}

function suggestion(found: string, known: readonly string[]): string {
  const near = closestMatch(found, known, { maxDistance: Math.max(2, Math.floor(found.length / 3)) });
  if (near) return `did you mean "${near}"?`;
  return known.length > 20 ? "wraith export config lists all keys" : `known are ${known.join(", ")}`;
}

/** A value as it was found, cut to what fits a line. */
function shown(value: unknown): string {
  const text = isTable(value) ? "a table" : formatTomlValue(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

const BY_NAME: ReadonlyMap<string, Entry> = new Map(ENTRIES.map((entry) => [entry.name, entry]));
const SECTIONS: readonly string[] = [...new Set(ENTRIES.map((entry) => entry.section))];
