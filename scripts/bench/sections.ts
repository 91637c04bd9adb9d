/**
 * The sections of `deno task bench`, in the order in which they run.
 *
 * @module
 */

import { cores } from "./cores.ts";
import { core } from "./core.ts";
import { crypto } from "./crypto.ts";
import { exposition } from "./exposition.ts";
import { handshakes } from "./handshakes.ts";
import { parallel } from "./parallel.ts";
import { scrape } from "./scrape.ts";
import type { Section } from "./section.ts";
import { sessions } from "./sessions.ts";
import { size } from "./size.ts";
import { sockets } from "./sockets.ts";
import { startup } from "./startup.ts";
import { transfer } from "./transfer.ts";
import { watched } from "./watched.ts";

export const SECTIONS: readonly Section[] = [
  crypto,
  core,
  sockets,
  transfer,
  parallel,
  size,
  handshakes,
  sessions,
  scrape,
  watched,
  exposition,
  startup,
  cores,
];
