/**
 * The responder's side of a handshake: Init in, Response out, Final in.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { HandshakeState, XX } from "../crypto/noise/mod.ts";
import type { Address } from "../net/address.ts";
import { HEADER_LENGTH, PacketType, PROTOCOL_VERSION, writeHeader } from "../wire/packet.ts";
import { encodeHandshakePayload, type TransportParameters } from "../wire/transport_parameters.ts";
import type { HandshakeOptions } from "./handshake_options.ts";
import { authenticatePeer, type HandshakeResult } from "./handshake_result.ts";
import { HandshakeTimer } from "./handshake_timer.ts";
import { PROLOGUE } from "./initiator_handshake.ts";
import { AMPLIFICATION_FACTOR } from "./path.ts";
import type { SessionIdentity } from "./session_identity.ts";

/** Data packets that came before the Final: kept up to these bounds, opened once there are keys. */
const MAX_EARLY_PACKETS = 16;
const MAX_EARLY_BYTES = 24 * 1024;

export interface ResponderOptions extends HandshakeOptions {
  readonly from: Address;
  /** The initiator proved with a token that it receives there. */
  readonly addressValidated: boolean;
}

export class ResponderHandshake {
  readonly kind = "responder";
  readonly handshakeId: number;
  readonly index: number;
  readonly startedAt: Instant;
  readonly deadline: Instant;
  readonly addressValidated: boolean;
  readonly parameters: TransportParameters;
  readonly early: { readonly from: Address; readonly bytes: Uint8Array }[] = [];
  readonly #suite: CipherSuite;
  readonly #identity: SessionIdentity;
  readonly #noise: HandshakeState;
  readonly #timer: HandshakeTimer;
  #from: Address;
  #response: Uint8Array<ArrayBuffer> = NOTHING;
  #receivedBytes = 0;
  #sentBytes = 0;
  #sends = 0;
  #due = false;
  #lastSentAt: Instant;
  #earlyBytes = 0;
  #forgeries = 0;

  constructor(options: ResponderOptions) {
    this.handshakeId = options.handshakeId;
    this.index = options.index;
    this.startedAt = this.#lastSentAt = options.now;
    this.deadline = later(options.now, options.timeoutMs);
    this.addressValidated = options.addressValidated;
    this.parameters = options.parameters;
    this.#from = options.from;
    this.#suite = options.suite;
    this.#identity = options.identity;
    this.#noise = HandshakeState.initialize({
      suite: options.suite,
      entropy: options.entropy,
      pattern: XX,
      initiator: false,
      prologue: PROLOGUE,
      s: options.identity.staticKeys,
      e: options.ephemeral,
    });
    this.#timer = new HandshakeTimer(options.now, options.prng);
  }

  /** Where the Init came from last. */
  get from(): Address {
    return this.#from;
  }

  get nextTimeout(): Instant {
    return this.#mayResend && this.#timer.next < this.deadline ? this.#timer.next : this.deadline;
  }

  get sawForgery(): boolean {
    return this.#forgeries > 0;
  }

  /** See {@link InitiatorHandshake.roundTripMs}. */
  roundTripMs(now: Instant): number | null {
    return this.#sends === 1 ? now - this.#lastSentAt : null;
  }

  /** Reads the Init's Noise message. Returns whether there is a Response to send. */
  start(noiseMessage: Uint8Array, receiver: number, initLength: number): boolean {
    if (!this.#noise.readMessage(noiseMessage).ok) return false;
    const payload = encodeHandshakePayload({
      identityKey: this.#identity.identityKey,
      staticKeySignature: this.#identity.staticKeySignature,
      parameters: this.parameters,
    });
    this.#response = new Uint8Array(HEADER_LENGTH + this.#noise.nextMessageLength(payload.length));
    const body = writeHeader(this.#response, 0, PacketType.Response, PROTOCOL_VERSION, receiver, this.index);
    this.#noise.writeMessage(payload, this.#response, body);
    this.#receivedBytes = initLength;
    this.#due = true;
    return true;
  }

  /** The same Init again: the same Response goes out, to where it came from and the index it names. */
  onRepeatedInit(from: Address, receiver: number, initLength: number): void {
    writeHeader(this.#response, 0, PacketType.Response, PROTOCOL_VERSION, receiver, this.index);
    if (from.text !== this.#from.text) {
      // Another address has its own allowance to earn.
      this.#from = from;
      this.#receivedBytes = 0;
      this.#sentBytes = 0;
    }
    this.#receivedBytes += initLength;
    this.#due = true;
  }

  /** The message to send now, or null: never more than three times what the address sent (RFC 9000 §8.1). */
  pollMessage(now: Instant): Uint8Array<ArrayBuffer> | null {
    if (!this.#due) return null;
    this.#due = false;
    if (!this.#mayResend) return null;
    this.#sends++;
    this.#sentBytes += this.#response.length;
    this.#lastSentAt = now;
    return this.#response;
  }

  onTimeout(now: Instant): void {
    if (now < this.#timer.next || !this.#mayResend) return;
    this.#due = true;
    this.#timer.advance(now);
  }

  /** Keeps a Data packet that came before the Final. Returns whether there was room. */
  keepEarly(from: Address, slab: Uint8Array, start: number, length: number): boolean {
    if (this.early.length >= MAX_EARLY_PACKETS || this.#earlyBytes + length > MAX_EARLY_BYTES) return false;
    this.#earlyBytes += length;
    this.early.push({ from, bytes: slab.slice(start, start + length) });
    return true;
  }

  /** The initiator's last message. It proves the address: it answers what only the address could read. */
  handleFinal(body: Uint8Array): HandshakeResult {
    const read = this.#noise.readMessage(body);
    if (!read.ok) {
      this.#forgeries++;
      return { kind: "dropped", reason: read.failure };
    }
    const peer = authenticatePeer(this.#suite, read.payload, this.#noise.remoteStatic!);
    if ("failure" in peer) return { kind: "failed", reason: peer.failure, peerId: peer.peerId };
    return { kind: "established", peer, keys: this.#noise.split() };
  }

  wipe(): void {
    this.#noise.wipe();
  }

  get #mayResend(): boolean {
    return this.#sentBytes + this.#response.length <= AMPLIFICATION_FACTOR * this.#receivedBytes;
  }
}

const NOTHING = new Uint8Array(0);
