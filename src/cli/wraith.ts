/**
 * The program: its table of commands. A new command is a file of its own and a line here.
 *
 * @module
 */

import { basename } from "node:path";
import { readBuildInfo } from "../build_info.ts";
import { auditTail, auditVerify } from "./audit.ts";
import { bansAdd, bansLift, bansList } from "./bans.ts";
import type { Command } from "./command.ts";
import { completionsOver } from "./completions.ts";
import { daemon } from "./daemon.ts";
import { dhtLookup, dhtPeers } from "./dht.ts";
import { doctor } from "./doctor.ts";
import { exportCommand } from "./export.ts";
import { get } from "./get.ts";
import { id } from "./id.ts";
import { init } from "./init.ts";
import { metrics } from "./metrics.ts";
import { mon } from "./mon.ts";
import { profile } from "./profile.ts";
import { healthcheck, readiness } from "./probes.ts";
import type { Program } from "./program.ts";
import { send } from "./send.ts";
import { sessions } from "./sessions.ts";
import { share } from "./share.ts";
import { status } from "./status.ts";
import { transfers } from "./transfers.ts";

export const COMMANDS: readonly Command[] = [
  daemon,
  init,
  id,
  send,
  share,
  get,
  transfers,
  status,
  sessions,
  dhtPeers,
  dhtLookup,
  healthcheck,
  readiness,
  metrics,
  mon,
  profile,
  auditTail,
  auditVerify,
  bansList,
  bansAdd,
  bansLift,
  exportCommand,
  doctor,
  completionsOver(() => COMMANDS),
];

/** The program as built: its version, its commands. */
export function wraith(): Program {
  const { version, revision } = readBuildInfo();
  return {
    summary: "Moves files between machines over encrypted sessions, and shows what it does",
    version: `wraith ${version} (${revision}, deno ${Deno.version.deno})`,
    commands: COMMANDS,
    groups: {
      dht: "Ask the DHT, or about it",
      audit: "Read the audit trail, or verify it",
      bans: "Sources that are shut out",
    },
    defaultCommand: "daemon",
  };
}

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
