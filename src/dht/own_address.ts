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
  readonly #observations = new Map<PeerId, Observation>();

  /** `observer` sees us at `address`. */
  observe(now: Instant, observer: PeerId, observerAddress: string, address: string): void {
    this.#observations.delete(observer);
    if (this.#observations.size >= REMEMBERED) {
      this.#observations.delete(this.#observations.keys().next().value!);
    }
    // All peers of one network have one voice.
    const voice = networkOf(observerAddress) ?? observer;
    this.#observations.set(observer, { voice, address, at: now });
  }

  /**
   * The address that most observers of the last hour report, or null.
   *
   * @param quorum how many of them, in different networks, must report it; more than half of all must, too.
   */
  agreed(now: Instant, quorum: number): string | null {
    const voices = this.#voicesPerAddress(now);
    const all = new Set([...voices.values()].flatMap((some) => [...some])).size;
    for (const [address, some] of voices) {
      if (some.size >= quorum && some.size * 2 > all) return address;
    }
    return null;
  }

  mapping(now: Instant): AddressMapping {
    const addresses = [...this.#voicesPerAddress(now)];
    const hosts = new Set(addresses.map(([address]) => address.slice(0, address.lastIndexOf(":"))));
    // Agreement of two on one port outweighs any number of others: a symmetric NAT shows everybody another.
    if (addresses.some(([, voices]) => voices.size >= 2)) return "stable";
    return addresses.length > hosts.size ? "varying" : "unknown";
  }

  #voicesPerAddress(now: Instant): Map<string, Set<string>> {
    const voices = new Map<string, Set<string>>();
    for (const { voice, address, at } of this.#observations.values()) {
      if (now - at > REMEMBERED_FOR_MS) continue;
      const some = voices.get(address) ?? new Set();
      voices.set(address, some.add(voice));
    }
    return voices;
  }
}

interface Observation {
  readonly voice: string;
  readonly address: string;
  readonly at: Instant;
}

const REMEMBERED = 64;
const REMEMBERED_FOR_MS = 3_600_000;
