/**
 * Datagram packetization-layer path MTU discovery (RFC 8899): probes larger sizes beside the data, uses what
 * gets through, and falls back when large packets stop arriving.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import { MIN_INIT_LENGTH } from "../wire/packet.ts";

/** Every path carries this: the padded Init did (RFC 8899's BASE_PLPMTU). */
export const BASE_DATAGRAM_BYTES = MIN_INIT_LENGTH;
/** Ethernet less IPv6 and UDP headers with room for a tunnel; jumbo frames; the loopback interface's 65,536. */
const CANDIDATES = [1452, 8952, 65_487] as const;
/** Losses of one size that rule it out (RFC 8899's MAX_PROBES). */
const MAX_PROBES = 3;
/** Wait before a ruled-out size is tried again (RFC 8899's PMTU_RAISE_TIMER). */
const RAISE_MS = 600_000;
/** Wait before searching again after a black hole: it may have been an outage of the whole path. */
const RECOVER_MS = 5_000;
/** Probe timeouts in a row, with nothing large acknowledged, that make a black hole. */
const BLACK_HOLE_TIMEOUTS = 2;

export class PathMtu {
  readonly #maxBytes: number;
  #currentBytes = BASE_DATAGRAM_BYTES;
  #candidate = 0;
  #losses = 0;
  #inFlight = false;
  #resumeAt: Instant | null = null;

  /** @param maxBytes the smaller of what both sides allow. */
  constructor(maxBytes: number) {
    this.#maxBytes = Math.max(BASE_DATAGRAM_BYTES, maxBytes);
  }

  /** Size of a full datagram now. */
  get datagramBytes(): number {
    return this.#currentBytes;
  }

  /** When the search goes on, while it rests. */
  get deadline(): Instant | null {
    return this.#resumeAt;
  }

  /** The size to probe now, or 0. */
  get probeBytes(): number {
    if (this.#inFlight || this.#resumeAt !== null) return 0;
    return this.#candidateBytes;
  }

  onProbeSent(): void {
    this.#inFlight = true;
  }

  /** A probe got through. Returns whether the datagram size grew. */
  onProbeAcked(bytes: number): boolean {
    // A probe from before the path changed says nothing about this one.
    if (!this.#inFlight || bytes !== this.#candidateBytes) return false;
    this.#inFlight = false;
    this.#currentBytes = bytes;
    this.#candidate++;
    this.#losses = 0;
    return true;
  }

  onProbeLost(now: Instant, bytes: number): void {
    if (!this.#inFlight || bytes !== this.#candidateBytes) return;
    this.#inFlight = false;
    if (++this.#losses < MAX_PROBES) return;
    this.#losses = 0;
    this.#resumeAt = later(now, RAISE_MS);
  }

  /** {@link deadline} has come. */
  onTimeout(): void {
    this.#resumeAt = null;
  }

  /** Probe timeouts in a row. Returns whether they were judged a black hole and the size fell back. */
  onProbeTimeouts(now: Instant, count: number): boolean {
    if (count < BLACK_HOLE_TIMEOUTS || this.#currentBytes === BASE_DATAGRAM_BYTES) return false;
    this.restart();
    this.#resumeAt = later(now, RECOVER_MS);
    return true;
  }

  /** Starts over, as on a new path. */
  restart(): void {
    this.#currentBytes = BASE_DATAGRAM_BYTES;
    this.#candidate = 0;
    this.#losses = 0;
    this.#inFlight = false;
    this.#resumeAt = null;
  }

  /** The next size up, or 0 when there is none: the peers' own limit counts as a last candidate. */
  get #candidateBytes(): number {
    for (let i = this.#candidate; i < CANDIDATES.length; i++) {
      if (CANDIDATES[i] <= this.#currentBytes) continue;
      return CANDIDATES[i] <= this.#maxBytes ? CANDIDATES[i] : this.#limitCandidate;
    }
    return this.#limitCandidate;
  }

  get #limitCandidate(): number {
    const largest = CANDIDATES[CANDIDATES.length - 1];
    return this.#maxBytes > this.#currentBytes && this.#maxBytes < largest ? this.#maxBytes : 0;
  }
}
