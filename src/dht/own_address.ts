/**
 * What others say our address is. One observer may lie or sit on our side of a NAT, so several must agree.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { networkOf } from "./endpoint_address.ts";

/**
 * How our NAT, if any, numbers us: `stable` when everybody sees one port, `varying` when each sees another (a symmetric
 * NAT: hole punching will rarely do), `unknown` before two have spoken.
 */
export type AddressMapping = "unknown" | "stable" | "varying";

export class OwnAddress {
  /** The oldest first. */
  readonly #observations = new Map<PeerId, Observation>();
  /** How many observations each voice gives for each address, and in all: kept up rather than counted each time. */
  readonly #voicesFor = new Map<string, Map<string, number>>();
  readonly #voices = new Map<string, number>();

  /** `observer` sees us at `address`. */
  observe(now: Instant, observer: PeerId, observerAddress: string, address: string): void {
    this.#forget(observer);
    if (this.#observations.size >= REMEMBERED) this.#forget(this.#observations.keys().next().value!);
    // All peers of one network have one voice.
    const voice = networkOf(observerAddress) ?? observer;
    this.#observations.set(observer, { voice, address, at: now });
    let voices = this.#voicesFor.get(address);
    if (voices === undefined) this.#voicesFor.set(address, voices = new Map());
    adjust(voices, voice, 1);
    adjust(this.#voices, voice, 1);
  }

  /**
   * The address that most observers of the last hour report, or null.
   *
   * @param quorum how many of them, in different networks, must report it; more than half of all must, too.
   */
  agreed(now: Instant, quorum: number): string | null {
    this.#forgetOld(now);
    for (const [address, voices] of this.#voicesFor) {
      if (voices.size >= quorum && voices.size * 2 > this.#voices.size) return address;
    }
    return null;
  }

  mapping(now: Instant): AddressMapping {
    this.#forgetOld(now);
    const hosts = new Set<string>();
    for (const [address, voices] of this.#voicesFor) {
      // Agreement of two on one port outweighs any number of others: a symmetric NAT shows everybody another.
      if (voices.size >= 2) return "stable";
      hosts.add(address.slice(0, address.lastIndexOf(":")));
    }
    return this.#voicesFor.size > hosts.size ? "varying" : "unknown";
  }

  #forgetOld(now: Instant): void {
    for (const [observer, { at }] of this.#observations) {
      if (now - at <= REMEMBERED_FOR_MS) return;
      this.#forget(observer);
    }
  }

  #forget(observer: PeerId): void {
    const observation = this.#observations.get(observer);
    if (observation === undefined) return;
    this.#observations.delete(observer);
    const { voice, address } = observation;
    const voices = this.#voicesFor.get(address)!;
    adjust(voices, voice, -1);
    if (voices.size === 0) this.#voicesFor.delete(address);
    adjust(this.#voices, voice, -1);
  }
}

interface Observation {
  readonly voice: string;
  readonly address: string;
  readonly at: Instant;
}

function adjust(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

const REMEMBERED = 64;
const REMEMBERED_FOR_MS = 3_600_000;
