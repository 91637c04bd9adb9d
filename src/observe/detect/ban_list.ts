/**
 * Who is shut out, and until when.
 *
 * @module
 */

import type { Instant } from "../../clock.ts";
import { later } from "../../clock.ts";
import type { DetectorName } from "../events.ts";
import { sourceKeyOf } from "./source_key.ts";

/** What the endpoint asks of each datagram from outside a session. */
export interface BanList {
  /**
   * Whether datagrams from `address` (`host:port`, a bare host, or a source as the events spell it) are to
   * be dropped. Costs one comparison while nobody is banned.
   */
  isBanned(address: string): boolean;
  /** Sources shut out now: `wraith_sources_blocked`. */
  readonly size: number;
}

export type BanCause = DetectorName | "operator";

/** One ban. */
export interface Ban {
  /** An IPv4 address or an IPv6 /64. */
  readonly source: string;
  readonly cause: BanCause;
  readonly since: Instant;
  readonly until: Instant;
}

/** Bans with their ends. Time is an argument; fixed memory. */
export class BanTable implements BanList {
  readonly #bans = new Map<string, Ban>();

  get size(): number {
    return this.#bans.size;
  }

  isBanned(address: string): boolean {
    return this.#bans.size > 0 && this.#bans.has(sourceKeyOf(address));
  }

  /** All bans, the one that began first in front. */
  list(): readonly Ban[] {
    return [...this.#bans.values()];
  }

  /**
   * Shuts `source` out. A ban that is in force is made longer, never shorter.
   *
   * @returns the ban if the source was not banned before, and the bans that had to end for want of room.
   */
  ban(now: Instant, address: string, cause: BanCause, durationMs: number): {
    readonly added: Ban | null;
    readonly evicted: readonly Ban[];
  } {
    const source = sourceKeyOf(address);
    const until = later(now, durationMs);
    const existing = this.#bans.get(source);
    if (existing !== undefined) {
      if (until > existing.until) this.#bans.set(source, { ...existing, until });
      return { added: null, evicted: [] };
    }
    const added: Ban = { source, cause, since: now, until };
    this.#bans.set(source, added);
    const evicted = this.#bans.size > MAX_BANS ? [this.#bans.values().next().value!] : [];
    for (const ban of evicted) this.#bans.delete(ban.source);
    return { added, evicted };
  }

  /** Ends the ban of `address` before its time; null when there is none. */
  lift(address: string): Ban | null {
    const source = sourceKeyOf(address);
    const ban = this.#bans.get(source) ?? null;
    this.#bans.delete(source);
    return ban;
  }

  /** Takes out the bans whose time is over. */
  expire(now: Instant): readonly Ban[] {
    const over = this.list().filter((ban) => ban.until <= now);
    for (const ban of over) this.#bans.delete(ban.source);
    return over;
  }
}

/** A ban costs some hundred bytes; more attackers than this are no matter for a list of addresses. */
const MAX_BANS = 4096;
