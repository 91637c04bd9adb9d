/**
 * The sections of `deno task bench`, in the order in which they run.
 *
 * @module
 */

import { core } from "./core.ts";
import { crypto } from "./crypto.ts";
import type { Section } from "./section.ts";
import { sockets } from "./sockets.ts";
import { transfer } from "./transfer.ts";

export const SECTIONS: readonly Section[] = [crypto, core, sockets, transfer];
