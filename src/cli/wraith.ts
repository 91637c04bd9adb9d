/**
 * The program: its table of commands. A new command is a file of its own and a line here.
 *
 * @module
 */

import { basename } from "node:path";
import { readBuildInfo } from "../build_info.ts";
import type { Command } from "./command.ts";
import { COMMON_OPTIONS } from "./common_options.ts";
import type { Program } from "./program.ts";

/**
 * Who holds the commands that begin with a word, in the order of the help. Loaded when asked for: a probe that
 * runs every few seconds does not load a node.
 */
const MODULES: Readonly<Record<string, () => Promise<readonly Command[]>>> = {
  daemon: async () => [(await import("./daemon.ts")).daemon],
  init: async () => [(await import("./init.ts")).init],
  id: async () => [(await import("./id.ts")).id],
  send: async () => [(await import("./send.ts")).send],
  share: async () => [(await import("./share.ts")).share],
  get: async () => [(await import("./get.ts")).get],
  transfers: async () => [(await import("./transfers.ts")).transfers],
  status: async () => [(await import("./status.ts")).status],
  sessions: async () => [(await import("./sessions.ts")).sessions],
  dht: async () => {
    const { dhtLookup, dhtPeers } = await import("./dht.ts");
    return [dhtPeers, dhtLookup];
  },
  healthcheck: async () => [(await import("./probes.ts")).healthcheck],
  readiness: async () => [(await import("./probes.ts")).readiness],
  metrics: async () => [(await import("./metrics.ts")).metrics],
  mon: async () => [(await import("./mon.ts")).mon],
  profile: async () => [(await import("./profile.ts")).profile],
  capture: async () => [(await import("./capture.ts")).capture],
  log: async () => [(await import("./log_level.ts")).logLevel],
  audit: async () => {
    const { auditTail, auditVerify } = await import("./audit.ts");
    return [auditTail, auditVerify];
  },
  bans: async () => {
    const { bansAdd, bansLift, bansList } = await import("./bans.ts");
    return [bansList, bansAdd, bansLift];
  },
  export: async () => [(await import("./export.ts")).exportCommand],
  doctor: async () => [(await import("./doctor.ts")).doctor],
  bench: async () => [(await import("./bench.ts")).bench],
  completions: async () => [(await import("./completions.ts")).completionsOver(allCommands)],
};

const DEFAULT_COMMAND = "daemon";

const NOTES = `wraith --config FILE          runs a node; without a file, with the defaults
wraith --config FILE --check  only says whether the file is right
wraith help COMMAND           explains a command

Every key can also be set as WRAITH_<SECTION>_<KEY> in the environment.
Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
`;

/** Every command there is. */
export async function allCommands(): Promise<readonly Command[]> {
  return (await Promise.all(Object.values(MODULES).map((load) => load()))).flat();
}

/** The program as built, with the commands that `words` can mean: all of them where that is not one. */
export async function wraith(words: readonly string[]): Promise<Program> {
  const { version, revision } = readBuildInfo();
  return {
    summary: "Moves files between machines over encrypted sessions, and shows what it does",
    notes: NOTES,
    version: `wraith ${version} (${revision}, deno ${Deno.version.deno})`,
    commands: await commandsFor(words),
    groups: {
      dht: "Ask the DHT, or about it",
      log: "How much the node logs",
      audit: "Read the audit trail, or verify it",
      bans: "Sources that are shut out",
    },
    defaultCommand: DEFAULT_COMMAND,
  };
}

async function commandsFor(words: readonly string[]): Promise<readonly Command[]> {
  const at = commandAt(words);
  const asksForHelp = words.slice(0, at).some((word) => word === "--help" || word === "-h");
  const name = words[at] ?? DEFAULT_COMMAND;
  return asksForHelp || !Object.hasOwn(MODULES, name) ? await allCommands() : await MODULES[name]();
}

/** Where the first word stands that is neither an option nor an option's value; behind the last without one. */
function commandAt(words: readonly string[]): number {
  let at = 0;
  while (at < words.length && words[at].startsWith("-")) at += TAKING_VALUE.has(words[at]) ? 2 : 1;
  return at;
}

/** Options whose value is the next word. */
const TAKING_VALUE: ReadonlySet<string> = new Set(
  COMMON_OPTIONS.filter(({ value }) => value !== undefined)
    .flatMap(({ name, short }) => short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]),
);

/**
 * The words to run for a program started under the name `argv0`: the specification's scripts
 * `wraith-healthcheck` and `wraith-readiness` are links to this program.
 */
export function wordsFor(argv0: string, args: readonly string[]): string[] {
  const command = COMMAND_OF_NAME[basename(argv0).replace(/\.exe$/i, "")];
  return command === undefined ? [...args] : [command, ...args];
}

const COMMAND_OF_NAME: Readonly<Record<string, string | undefined>> = {
  "wraith-healthcheck": "healthcheck",
  "wraith-readiness": "readiness",
};
