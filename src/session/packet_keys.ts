/**
 * The AEAD keys of a session and their epochs: which key seals, which may open, when old ones are destroyed.
 *
 * @module
 */

import { wipe } from "../bytes.ts";
import { type Instant, later } from "../clock.ts";
import type { AeadKey, CipherSuite } from "../crypto/cipher_suite.ts";
import { type EpochKeys, nextEpoch } from "../crypto/key_schedule.ts";

/** WireGuard's REJECT-AFTER-TIME: nothing is sealed or opened under an older key. */
export const REJECT_AFTER_MS = 180_000;
/** Forged packets under one key that end the session (RFC 9001 §6.6, ChaCha20-Poly1305). */
const INTEGRITY_LIMIT = 2 ** 36;

/** What a finished handshake gives: 32-byte secrets, wiped once taken. */
export interface InitialKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
  readonly chain: Uint8Array;
}

/** Told of an epoch's keys before their bytes are wiped. */
export type OnKeys = (epoch: number, sendKey: Uint8Array, receiveKey: Uint8Array) => void;

export class PacketKeys {
  readonly #suite: CipherSuite;
  readonly #isInitiator: boolean;
  readonly #onKeys: OnKeys;
  #chain: Uint8Array;
  #sendEpoch = 0;
  #sendKey: AeadKey;
  #receiveEpoch = 0;
  #receiveKey: AeadKey;
  #previousReceiveKey: AeadKey | null = null;
  #nextReceiveKey: AeadKey | null = null;
  #nextSendKey: AeadKey | null = null;
  #installedAt: Instant;
  #previousInstalledAt: Instant;
  #packetsSealed = 0;
  #forgeries = 0;

  /** Takes over `keys`: their bytes are wiped here. */
  constructor(
    suite: CipherSuite,
    isInitiator: boolean,
    keys: InitialKeys,
    now: Instant,
    onKeys: OnKeys = () => {},
  ) {
    this.#suite = suite;
    this.#isInitiator = isInitiator;
    this.#onKeys = onKeys;
    this.#sendKey = suite.aead(keys.sendKey);
    this.#receiveKey = suite.aead(keys.receiveKey);
    this.#chain = keys.chain.slice();
    this.#installedAt = this.#previousInstalledAt = now;
    onKeys(0, keys.sendKey, keys.receiveKey);
    wipe(keys.sendKey, keys.receiveKey, keys.chain);
  }

  get sendEpoch(): number {
    return this.#sendEpoch;
  }

  /** The newest epoch that both sides have confirmed, or are about to. */
  get epoch(): number {
    return this.#receiveEpoch;
  }

  /** Whether keys of the next epoch wait for the peer's first packet under them. */
  get hasNext(): boolean {
    return this.#nextReceiveKey !== null;
  }

  get packetsSealed(): number {
    return this.#packetsSealed;
  }

  /** When the current keys came into use. */
  get installedAt(): Instant {
    return this.#installedAt;
  }

  /** Too many forgeries under one key: the session must end. */
  get integrityLimitReached(): boolean {
    return this.#forgeries >= INTEGRITY_LIMIT;
  }

  /** Whether the key that seals has become too old to seal or open anything. */
  isExpired(now: Instant): boolean {
    return now - this.#installedAt >= REJECT_AFTER_MS;
  }

  /** The key that seals. Counts the packet. */
  sealing(): AeadKey {
    this.#packetsSealed++;
    return this.#sendKey;
  }

  /**
   * The key for a packet whose header carries `epochBits` (epoch mod 4), or null when there is none that may still
   * be used.
   */
  opening(now: Instant, epochBits: number): AeadKey | null {
    if (epochBits === (this.#receiveEpoch & 3)) return this.isExpired(now) ? null : this.#receiveKey;
    if (epochBits === ((this.#receiveEpoch + 1) & 3)) return this.#nextReceiveKey;
    if (epochBits !== ((this.#receiveEpoch + 3) & 3)) return null;
    return now - this.#previousInstalledAt < REJECT_AFTER_MS ? this.#previousReceiveKey : null;
  }

  /** A packet did not authenticate. */
  onForgery(): void {
    this.#forgeries++;
  }

  /**
   * Derives the next epoch from the fresh shared secret (which the caller wipes). The next keys open from now
   * on; they seal once {@link promote} is called.
   */
  prepareNext(sharedSecret: Uint8Array): void {
    const keys: EpochKeys = nextEpoch(this.#suite, this.#chain, sharedSecret);
    const [send, receive] = this.#isInitiator
      ? [keys.initiatorKey, keys.responderKey]
      : [keys.responderKey, keys.initiatorKey];
    this.#nextSendKey = this.#suite.aead(send);
    this.#nextReceiveKey = this.#suite.aead(receive);
    this.#onKeys(this.#receiveEpoch + 1, send, receive);
    wipe(this.#chain, send, receive);
    this.#chain = keys.chain;
  }

  /** Moves both directions to the prepared epoch. The old receiving key stays until {@link discardPrevious}. */
  promote(now: Instant): void {
    if (this.#nextSendKey === null || this.#nextReceiveKey === null) {
      throw new Error("Invariant: an epoch is promoted only after it was prepared");
    }
    this.discardPrevious();
    this.#sendKey.wipe();
    this.#sendKey = this.#nextSendKey;
    this.#sendEpoch++;
    this.#previousReceiveKey = this.#receiveKey;
    this.#receiveKey = this.#nextReceiveKey;
    this.#receiveEpoch++;
    this.#nextSendKey = this.#nextReceiveKey = null;
    this.#previousInstalledAt = this.#installedAt;
    this.#installedAt = now;
    this.#packetsSealed = 0;
    this.#forgeries = 0;
  }

  discardPrevious(): void {
    this.#previousReceiveKey?.wipe();
    this.#previousReceiveKey = null;
  }

  /** When the current keys are `ageMs` old. */
  ageDeadline(ageMs: number): Instant {
    return later(this.#installedAt, ageMs);
  }

  /** Destroys every key. */
  wipe(): void {
    wipe(this.#chain);
    this.discardPrevious();
    this.#sendKey.wipe();
    this.#receiveKey.wipe();
    this.#nextSendKey?.wipe();
    this.#nextReceiveKey?.wipe();
    this.#nextSendKey = this.#nextReceiveKey = null;
  }
}
