/**
 * One key of the configuration: how it is spelled, what it may be, and what it is when nobody says.
 *
 * @module
 */

import * as v from "valibot";
import { parsePeerId, type PeerId } from "../crypto/peer_id.ts";
import type { BootstrapPeer } from "./config.ts";
import { parseIp } from "../net/ip.ts";
import { isHostPort, parsePeerAddress } from "./peer_address.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

/** What a configuration file may hold for one key. */
export type TomlValue = string | number | boolean | readonly string[];

/** What a setting says about itself, whatever its type. */
export interface SettingFacts {
  /** The key as written in its section. */
  readonly key: string;
  /** What it does, for the generated file and the manual. */
  readonly about: string;
  /** The value when nobody says, as one would write it; a function when it lies in the data directory. */
  readonly fallback: TomlValue | ((dataDir: string) => string);
  /** Whether a reload changes it in the running node. */
  readonly live?: boolean;
}

/** A setting whose validated value is a `T`. */
export interface Setting<T> extends SettingFacts {
  /** The allowed values in words, to follow "expected". */
  readonly allowed: string;
  readonly schema: v.GenericSchema<unknown, T>;
  /** Relative values are relative to where they were written: the file's folder, or the working directory. */
  readonly isPath: boolean;
  /** What a text from the environment or a flag means in the file's terms. */
  fromText(text: string): unknown;
  /** The value as one would write it in the file. */
  toToml(value: T): TomlValue;
  /** {@link toToml} without what nobody should read over a shoulder. */
  masked(value: T): TomlValue;
}

/** Any text of at most `maxLength` characters, without control characters. */
export function text(facts: SettingFacts & { readonly maxLength: number }): Setting<string> {
  return ofText(facts, `a text of at most ${facts.maxLength} characters`, (given) =>
    // deno-lint-ignore no-control-regex
    given.length <= facts.maxLength && !/[\u0000-\u001f\u007f]/.test(given) ? given : null);
}

/** One of a closed set of words. */
export function choice<const T extends string>(
  facts: SettingFacts & { readonly options: readonly T[] },
): Setting<T> {
  const allowed = `one of ${facts.options.map((option) => `"${option}"`).join(", ")}`;
  return ofText(facts, allowed, (given) => facts.options.find((option) => option === given) ?? null);
}

/** A file or folder. `besides` are words that stand for something else; empty is allowed with `optional`. */
export function path(
  facts: SettingFacts & { readonly besides?: readonly string[]; readonly optional?: boolean },
): Setting<string> {
  const words = facts.besides?.map((word) => `"${word}", `).join("") ?? "";
  const allowed = `${words}${words ? "or " : ""}a path${facts.optional ? ' or ""' : ""}`;
  const setting = ofText(
    facts,
    allowed,
    (given) => (given !== "" || facts.optional) && !given.includes("\0") ? given : null,
  );
  return { ...setting, isPath: true };
}

/** A path inside the HTTP name space. */
export function urlPath(facts: SettingFacts): Setting<string> {
  return ofText(
    facts,
    'an absolute URL path such as "/metrics"',
    (given) => /^\/[\w\-./~]*$/.test(given) ? given : null,
  );
}

/** An `http` or `https` URL; credentials in it are masked when shown. */
export function url(facts: SettingFacts): Setting<string> {
  const setting = ofText(
    facts,
    "an http:// or https:// URL",
    (given) => URL.canParse(given) && /^https?:$/.test(new URL(given).protocol) ? given : null,
  );
  return { ...setting, masked: withoutCredentials };
}

/** A literal IP address to bind, or `localhost`. */
export function bindAddress(facts: SettingFacts): Setting<string> {
  return ofText(
    facts,
    'an IP address or "localhost"',
    (given) => given === "localhost" || parseIp(given) !== null ? given : null,
  );
}

/** `host:port`; port 0 lets the system choose. */
export function hostPort(facts: SettingFacts): Setting<string> {
  return ofText(
    facts,
    'host:port such as "0.0.0.0:41641" or "[::]:41641"',
    (given) => isHostPort(given) ? given : null,
  );
}

/** A duration; `zero` says what 0 means where it is allowed. */
export function duration(
  facts: SettingFacts & { readonly min: string; readonly max: string; readonly zero?: string },
): Setting<number> {
  const allowed = `a duration from ${facts.min} to ${facts.max} such as "15s", "2m", "1h" or "7d"`;
  return quantity(facts, allowed, parseDuration, formatDuration);
}

/** A size in bytes; `zero` says what 0 means, and `auto` what the word "auto" stands for, where they are allowed. */
export function size(
  facts: SettingFacts & {
    readonly min: string;
    readonly max: string;
    readonly zero?: string;
    readonly auto?: string;
  },
): Setting<number> {
  const { min, max, auto } = facts;
  if (auto === undefined) {
    return quantity(facts, `a size from ${min} to ${max} such as "100MB" or "64MiB"`, parseSize, formatSize);
  }
  const automatic = parseSize(auto)!;
  return quantity(
    facts,
    `"auto" or a size from ${min} to ${max} bytes such as "1452"`,
    (given) => given === "auto" ? automatic : parseSize(given),
    (bytes) => bytes === automatic ? "auto" : formatSize(bytes),
  );
}

/** A whole number. */
export function integer(
  facts: SettingFacts & { readonly min: number; readonly max: number },
): Setting<number> {
  const schema = v.pipe(v.number(), v.safeInteger(), v.minValue(facts.min), v.maxValue(facts.max));
  return ofNumber(facts, `a whole number from ${facts.min} to ${facts.max}`, schema);
}

/** A number, whole or not. */
export function number(
  facts: SettingFacts & { readonly min: number; readonly max: number },
): Setting<number> {
  const schema = v.pipe(v.number(), v.minValue(facts.min), v.maxValue(facts.max));
  return ofNumber(facts, `a number from ${facts.min} to ${facts.max}`, schema);
}

/** `true` or `false`. */
export function boolean(facts: SettingFacts): Setting<boolean> {
  return {
    ...facts,
    allowed: "true or false",
    schema: v.boolean(),
    isPath: false,
    fromText: (given) => given === "true" ? true : given === "false" ? false : given,
    toToml: (value) => value,
    masked: (value) => value,
  };
}

/** A list of `host:port`. */
export function hostPorts(facts: SettingFacts): Setting<readonly string[]> {
  const read = (given: string) => isHostPort(given) ? given : null;
  return listOf(facts, 'a list of host:port such as ["node.example:41641"]', read, (value) => value);
}

/** A list of peer ids. */
export function peerIds(facts: SettingFacts): Setting<readonly PeerId[]> {
  return listOf(
    facts,
    'a list of peer ids such as ["ed25519:<64 hex digits>"]',
    parsePeerId,
    (value) => value,
  );
}

/** A list of peers with their addresses. */
export function bootstrapPeers(facts: SettingFacts): Setting<readonly BootstrapPeer[]> {
  const read = (given: string) => {
    const peer = parsePeerAddress(given);
    return peer?.address ? { peerId: peer.peerId, address: peer.address } : null;
  };
  const write = (peer: BootstrapPeer) => `${peer.peerId}@${peer.address}`;
  return listOf(facts, 'a list of peers such as ["ed25519:<64 hex digits>@host:port"]', read, write);
}

function quantity(
  facts: SettingFacts & { readonly min: string; readonly max: string; readonly zero?: string },
  range: string,
  parse: (given: string) => number | null,
  format: (value: number) => string,
): Setting<number> {
  const [min, max] = [parse(facts.min)!, parse(facts.max)!];
  const read = (given: string) => {
    const value = parse(given);
    if (value === 0 && facts.zero !== undefined) return 0;
    return value !== null && value >= min && value <= max ? value : null;
  };
  const allowed = facts.zero === undefined ? range : `${range}, or "0" for ${facts.zero}`;
  return { ...ofText(facts, allowed, read), toToml: format, masked: format };
}

function ofNumber(
  facts: SettingFacts,
  allowed: string,
  schema: v.GenericSchema<unknown, number>,
): Setting<number> {
  const fromText = (given: string) => given.trim() !== "" && !isNaN(Number(given)) ? Number(given) : given;
  const same = (value: number) => value;
  return { ...facts, allowed, schema, isPath: false, fromText, toToml: same, masked: same };
}

function ofText<T>(
  facts: SettingFacts,
  allowed: string,
  read: (given: string) => T | null,
): Setting<T> {
  const schema = v.pipe(v.string(), readable(read));
  const same = (value: T) => value as TomlValue;
  return { ...facts, allowed, schema, isPath: false, fromText: (given) => given, toToml: same, masked: same };
}

function listOf<T>(
  facts: SettingFacts,
  allowed: string,
  read: (given: string) => T | null,
  write: (value: T) => string,
): Setting<readonly T[]> {
  const toToml = (values: readonly T[]) => values.map(write);
  return {
    ...facts,
    allowed,
    schema: v.array(v.pipe(v.string(), readable(read))),
    isPath: false,
    fromText: (given) => given.split(",").map((item) => item.trim()).filter((item) => item !== ""),
    toToml,
    masked: toToml,
  };
}

/** A valibot step that takes what `read` makes of the text, and refuses what it makes null of. */
function readable<T>(read: (given: string) => T | null) {
  return v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
    const value = read(dataset.value);
    if (value !== null) return value;
    addIssue();
    return NEVER;
  });
}

function withoutCredentials(value: string): string {
  const shown = new URL(value);
  if (shown.username === "" && shown.password === "") return value;
  shown.username = "***";
  shown.password = "";
  return shown.href;
}
