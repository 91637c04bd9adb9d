/**
 * What a detector finds.
 *
 * @module
 */

import type { DetectorName } from "../events.ts";

/** An attack, and whom it is laid to. */
export interface Detection {
  readonly detector: DetectorName;
  /** A source (see `source_key.ts`), or `all` when no single one is to blame. */
  readonly source: string;
  readonly observed: number;
  readonly threshold: number;
  readonly detail: string;
}

/** The answer to one fact: something to report, and perhaps somebody to shut out. */
export interface Finding {
  readonly detection: Detection | null;
  /**
   * The source to ban. Only one that has proven to receive at its address: an attacker who can make us ban
   * an address he merely writes into a packet would hold our door for us.
   */
  readonly ban: string | null;
}

export const NOTHING_FOUND: Finding = { detection: null, ban: null };
