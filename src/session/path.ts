/**
 * Where a session's packets go: one address in use, proven or not, and the way back when a new one fails
 * (RFC 9000 sections 8 and 9).
 *
 * @module
 */

import { equalBytes } from "../bytes.ts";
import { type Instant, later } from "../clock.ts";
import { type Entropy, randomBytes } from "../entropy.ts";
import type { Address } from "../net/address.ts";
import { PATH_DATA_LENGTH } from "../wire/frames.ts";
import { MIN_INIT_LENGTH } from "../wire/packet.ts";

/** Bytes that may go to an unproven address for each byte it sent (RFC 9000 §8.1). */
export const AMPLIFICATION_FACTOR = 3;
/** Challenges before an unproven address is given up. */
const MAX_CHALLENGES = 4;
/** Answers to challenges held at once; more in one batch is not honest use. */
const MAX_RESPONSES = 4;

/** A PATH_RESPONSE to send, and whereto: the address its challenge came from (RFC 9000 §8.2.2). */
export interface PathReply {
  readonly to: Address;
  readonly data: Uint8Array;
  /** Pad the answer's datagram up to this: it shows that the way back carries such datagrams (RFC 9000 §8.2.2). */
  readonly padToBytes: number;
}

/** What {@link PathSelector.onTimeout} decided. */
export type ValidationOutcome = "retry" | "reverted";

export class PathSelector {
  readonly #entropy: Entropy;
  #active: Address;
  #validated = true;
  #fallback: Address | null = null;
  #receivedBytes = 0;
  #sentBytes = 0;
  #challenge: Uint8Array<ArrayBuffer> | null = null;
  #challengeDue = false;
  #challenges = 0;
  #deadline: Instant | null = null;
  readonly #replies: PathReply[] = [];

  /** Starts on an address that the handshake has proven. */
  constructor(address: Address, entropy: Entropy) {
    this.#active = address;
    this.#entropy = entropy;
  }

  get active(): Address {
    return this.#active;
  }

  get isValidated(): boolean {
    return this.#validated;
  }

  get deadline(): Instant | null {
    return this.#deadline;
  }

  /** The challenge to put into the next packet to {@link active}, or null. */
  get dueChallenge(): Uint8Array | null {
    return this.#challengeDue ? this.#challenge : null;
  }

  /** Bytes that may still go to the active address. */
  get sendAllowance(): number {
    if (this.#validated) return Infinity;
    return Math.max(0, AMPLIFICATION_FACTOR * this.#receivedBytes - this.#sentBytes);
  }

  onSent(bytes: number): void {
    if (!this.#validated) this.#sentBytes += bytes;
  }

  /** An authenticated packet came from the active address. */
  onReceived(bytes: number): void {
    if (!this.#validated) this.#receivedBytes += bytes;
  }

  /**
   * The newest authenticated packet came from elsewhere: go there, and ask it to prove itself.
   *
   * @returns whether the host changed, not only the port (then congestion state means nothing any more).
   */
  moveTo(now: Instant, address: Address, bytes: number, probeTimeoutMs: number): boolean {
    const hostChanged = address.hostname !== this.#active.hostname;
    if (this.#validated) this.#fallback = this.#active;
    if (this.#fallback !== null && this.#fallback.text === address.text) {
      this.#settle(address);
      return hostChanged;
    }
    this.#active = address;
    this.#validated = false;
    this.#receivedBytes = bytes;
    this.#sentBytes = 0;
    this.#challenges = 0;
    this.#issueChallenge(now, probeTimeoutMs);
    return hostChanged;
  }

  onChallengeSent(): void {
    this.#challengeDue = false;
  }

  /** A PATH_RESPONSE arrived. Returns whether it proves the active address. */
  onResponse(data: Uint8Array): boolean {
    if (this.#challenge === null || !equalBytes(data, this.#challenge)) return false;
    this.#settle(this.#active);
    return true;
  }

  /** A PATH_CHALLENGE arrived from `from`, in a datagram of `bytes`: the first of several earns the padding. */
  onChallenge(from: Address, data: Uint8Array, bytes: number): void {
    if (this.#replies.length >= MAX_RESPONSES) return;
    const padToBytes = this.#replies.length === 0 ? Math.min(bytes, MIN_INIT_LENGTH) : 0;
    this.#replies.push({ to: from, data: data.slice(), padToBytes });
  }

  /** The next reply to send, without removing it. */
  get nextReply(): PathReply | null {
    return this.#replies[0] ?? null;
  }

  onReplySent(): void {
    this.#replies.shift();
  }

  /** The challenge went unanswered: another one, or back to the address that is proven. */
  onTimeout(now: Instant, probeTimeoutMs: number): ValidationOutcome {
    if (this.#challenges < MAX_CHALLENGES || this.#fallback === null) {
      this.#issueChallenge(now, probeTimeoutMs);
      return "retry";
    }
    this.#settle(this.#fallback);
    return "reverted";
  }

  #issueChallenge(now: Instant, probeTimeoutMs: number): void {
    this.#challenge = randomBytes(this.#entropy, PATH_DATA_LENGTH);
    this.#challengeDue = true;
    this.#deadline = later(now, probeTimeoutMs * 2 ** Math.min(this.#challenges, 4));
    this.#challenges++;
  }

  #settle(address: Address): void {
    this.#active = address;
    this.#validated = true;
    this.#fallback = null;
    this.#challenge = null;
    this.#challengeDue = false;
    this.#deadline = null;
  }
}
