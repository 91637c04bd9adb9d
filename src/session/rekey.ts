/**
 * The key ratchet: REKEY frames exchange fresh X25519 keys, and both directions move to the next epoch.
 *
 * ```text
 * requester                              answerer
 *   REKEY(n+1, A, request)  under n  ->    derives n+1: opens it, seals n
 *   derives n+1, seals it   <- under n     REKEY(n+1, B, response)
 *   first packet            under n+1 ->   seals n+1
 * ```
 *
 * @module
 */

import { wipe } from "../bytes.ts";
import type { Instant } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { generateKeyPair, type KeyPair } from "../crypto/key_pair.ts";
import type { Entropy } from "../entropy.ts";
import { encodeRekey, MAX_REKEY_LENGTH } from "../wire/frame_encoding.ts";
import type { PacketKeys } from "./packet_keys.ts";
import { ProtocolError } from "./protocol_error.ts";
import { SentFrame, type SentPackets } from "./sent_packets.ts";

/** WireGuard's REKEY-AFTER-TIME. The session's responder waits a little longer, so that both rarely start. */
export const REKEY_AFTER_MS = 120_000;
export const RESPONDER_GRACE_MS = 10_000;
/** Far below any limit of the AEAD (RFC 9001 §6.6). */
export const REKEY_AFTER_PACKETS = 2 ** 26;

export class Rekey {
  readonly #suite: CipherSuite;
  readonly #entropy: Entropy;
  readonly #isInitiator: boolean;
  readonly #keys: PacketKeys;
  #request: { readonly epoch: number; readonly pair: KeyPair } | null = null;
  #response: { readonly epoch: number; readonly publicKey: Uint8Array } | null = null;
  #requestDue = false;
  #responseDue = false;

  constructor(options: { suite: CipherSuite; entropy: Entropy; isInitiator: boolean; keys: PacketKeys }) {
    this.#suite = options.suite;
    this.#entropy = options.entropy;
    this.#isInitiator = options.isInitiator;
    this.#keys = options.keys;
  }

  /** Whether a REKEY frame waits to be written. */
  get hasFrames(): boolean {
    return this.#requestDue || this.#responseDue;
  }

  /** Whether the next epoch is being agreed on. */
  get isUnderWay(): boolean {
    return this.#request !== null || this.#keys.hasNext;
  }

  /** Asks the peer for the next epoch, unless that is under way. */
  start(): void {
    if (this.#request !== null || this.#keys.hasNext) return;
    this.#request = { epoch: this.#keys.epoch + 1, pair: generateKeyPair(this.#suite, this.#entropy) };
    this.#requestDue = true;
  }

  /**
   * Takes in the peer's REKEY.
   *
   * @returns whether both directions have moved to the next epoch now.
   * @throws {ProtocolError} on an epoch that cannot be, or a key no secret may come out of.
   */
  onFrame(now: Instant, epoch: number, publicKey: Uint8Array, isResponse: boolean): boolean {
    if (epoch <= this.#keys.epoch) return false;
    if (epoch !== this.#keys.epoch + 1) {
      throw new ProtocolError("protocol_violation", `REKEY to epoch ${epoch} while in ${this.#keys.epoch}`);
    }
    return isResponse ? this.#onResponse(now, epoch, publicKey) : this.#onRequest(epoch, publicKey);
  }

  /** Writes what is due and fits below `limit`. */
  writeFrames(out: Uint8Array, at: number, limit: number, sent: SentPackets): number {
    if (this.#requestDue && this.#request !== null && at + MAX_REKEY_LENGTH <= limit) {
      this.#requestDue = false;
      at = encodeRekey(out, at, this.#request.epoch, this.#request.pair.publicKey, false);
      sent.addFrame(SentFrame.Rekey, this.#request.epoch, 0, 0);
    }
    if (this.#responseDue && this.#response !== null && at + MAX_REKEY_LENGTH <= limit) {
      this.#responseDue = false;
      at = encodeRekey(out, at, this.#response.epoch, this.#response.publicKey, true);
      sent.addFrame(SentFrame.Rekey, this.#response.epoch, 1, 0);
    }
    return at;
  }

  onLost(epoch: number, isResponse: boolean): void {
    if (isResponse) this.#responseDue = this.#response?.epoch === epoch && this.#keys.hasNext;
    else this.#requestDue = this.#request?.epoch === epoch;
  }

  /** The peer uses the prepared epoch: so do we. */
  onPromoted(): void {
    this.#response = null;
    this.#responseDue = false;
  }

  wipe(): void {
    this.#dropRequest();
  }

  #onRequest(epoch: number, publicKey: Uint8Array): boolean {
    if (this.#keys.hasNext) return false;
    if (this.#request !== null) {
      // Both asked at once: the session's initiator's request stands.
      if (this.#isInitiator) return false;
      this.#dropRequest();
    }
    const pair = generateKeyPair(this.#suite, this.#entropy);
    this.#prepare(pair, publicKey);
    this.#response = { epoch, publicKey: pair.publicKey };
    this.#responseDue = true;
    return false;
  }

  #onResponse(now: Instant, epoch: number, publicKey: Uint8Array): boolean {
    if (this.#request === null || this.#request.epoch !== epoch) return false;
    this.#prepare(this.#request.pair, publicKey);
    this.#dropRequest();
    this.#keys.promote(now);
    return true;
  }

  #prepare(pair: KeyPair, publicKey: Uint8Array): void {
    const shared = this.#suite.x25519(pair.secretKey, publicKey);
    if (shared === null) {
      throw new ProtocolError("protocol_violation", "REKEY with a public key of low order");
    }
    this.#keys.prepareNext(shared);
    wipe(shared, pair.secretKey);
  }

  #dropRequest(): void {
    if (this.#request !== null) wipe(this.#request.pair.secretKey);
    this.#request = null;
    this.#requestDue = false;
  }
}
