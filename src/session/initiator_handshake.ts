/**
 * The initiator's side of a handshake: Init out, Response in, Final out.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { HandshakeState, XX } from "../crypto/noise/mod.ts";
import type { Address } from "../net/address.ts";
import { HEADER_LENGTH, MIN_INIT_LENGTH, PacketType, PROTOCOL_VERSION, writeHeader } from "../wire/packet.ts";
import { encodeHandshakePayload, type TransportParameters } from "../wire/transport_parameters.ts";
import type { HandshakeOptions } from "./handshake_options.ts";
import { authenticatePeer, type HandshakeResult } from "./handshake_result.ts";
import { HandshakeTimer } from "./handshake_timer.ts";
import type { SessionIdentity } from "./session_identity.ts";

/** Noise prologue: both sides must mean this protocol and version. */
export const PROLOGUE = new TextEncoder().encode("WRAITH/1");

/** What the Init's length byte can say. What is in a token is the responder's business. */
const MAX_TOKEN_LENGTH = 255;
/** Retries obeyed in one handshake: a forged one costs an Init, so there is an end to it. */
const MAX_RETRIES = 5;

export interface InitiatorOptions extends HandshakeOptions {
  readonly to: Address;
  /** Whom we expect there, where we know. */
  readonly expectedPeer: PeerId | null;
}

export class InitiatorHandshake {
  readonly kind = "initiator";
  readonly handshakeId: number;
  readonly index: number;
  readonly to: Address;
  readonly startedAt: Instant;
  readonly expectedPeer: PeerId | null;
  readonly parameters: TransportParameters;
  readonly deadline: Instant;
  readonly #suite: CipherSuite;
  readonly #identity: SessionIdentity;
  readonly #noise: HandshakeState;
  readonly #timer: HandshakeTimer;
  #message: Uint8Array<ArrayBuffer>;
  #due = true;
  #sends = 0;
  #retries = 0;
  #forgeries = 0;
  #lastSentAt: Instant;

  constructor(options: InitiatorOptions) {
    this.handshakeId = options.handshakeId;
    this.index = options.index;
    this.to = options.to;
    this.startedAt = this.#lastSentAt = options.now;
    this.expectedPeer = options.expectedPeer;
    this.parameters = options.parameters;
    this.deadline = later(options.now, options.timeoutMs);
    this.#suite = options.suite;
    this.#identity = options.identity;
    this.#noise = HandshakeState.initialize({
      suite: options.suite,
      entropy: options.entropy,
      pattern: XX,
      initiator: true,
      prologue: PROLOGUE,
      s: options.identity.staticKeys,
      e: options.ephemeral,
    });
    this.#timer = new HandshakeTimer(options.now, options.prng);
    this.#message = this.#makeInit();
  }

  /** When to call {@link onTimeout}. */
  get nextTimeout(): Instant {
    return this.#timer.next < this.deadline ? this.#timer.next : this.deadline;
  }

  /** Round-trip time that the exchange measured, or null when a message was repeated (Karn's rule). */
  roundTripMs(now: Instant): number | null {
    return this.#sends === 1 ? now - this.#lastSentAt : null;
  }

  /** Whether answers came that did not authenticate: what a timeout is then blamed on. */
  get sawForgery(): boolean {
    return this.#forgeries > 0;
  }

  /** The message to send now, or null. Borrowed until the next call. */
  pollMessage(now: Instant): Uint8Array<ArrayBuffer> | null {
    if (!this.#due) return null;
    this.#due = false;
    this.#sends++;
    this.#lastSentAt = now;
    return this.#message;
  }

  /** Sends the current message again. */
  onTimeout(now: Instant): void {
    if (now < this.#timer.next) return;
    this.#due = true;
    this.#timer.advance(now);
  }

  /** A Retry for our index: repeat the Init with its token. Returns whether it was one. */
  handleRetry(body: Uint8Array): boolean {
    if (this.#noise.isMyTurn || this.#noise.isComplete) return false;
    if (body.length === 0 || body.length > MAX_TOKEN_LENGTH || this.#retries >= MAX_RETRIES) return false;
    this.#retries++;
    this.#message[HEADER_LENGTH + 32] = body.length;
    // An earlier token may have been longer.
    this.#message.fill(0, HEADER_LENGTH + 33);
    this.#message.set(body, HEADER_LENGTH + 33);
    this.#due = true;
    // The round trip that the Init measures starts over.
    this.#sends = 0;
    return true;
  }

  /** The responder's message. On success the Final is next to send, and again until {@link confirm}. */
  handleResponse(now: Instant, body: Uint8Array): HandshakeResult {
    if (this.#noise.isComplete || this.#noise.isMyTurn) return { kind: "dropped", reason: "malformed" };
    const read = this.#noise.readMessage(body);
    if (!read.ok) {
      this.#forgeries++;
      return { kind: "dropped", reason: read.failure };
    }
    const peer = authenticatePeer(this.#suite, read.payload, this.#noise.remoteStatic!);
    if ("failure" in peer) return { kind: "failed", reason: peer.failure, peerId: peer.peerId };
    if (this.expectedPeer !== null && this.expectedPeer !== peer.peerId) {
      return { kind: "failed", reason: "identity_mismatch", peerId: peer.peerId };
    }
    this.#message = this.#makeFinal(peer.parameters.index);
    this.#due = true;
    this.#timer.advance(now);
    return { kind: "established", peer, keys: this.#noise.split() };
  }

  wipe(): void {
    this.#noise.wipe();
  }

  #makeInit(): Uint8Array<ArrayBuffer> {
    const message = new Uint8Array(MIN_INIT_LENGTH);
    const body = writeHeader(message, 0, PacketType.Init, PROTOCOL_VERSION, this.index, 0);
    this.#noise.writeMessage(NOTHING, message, body);
    return message;
  }

  #makeFinal(receiver: number): Uint8Array<ArrayBuffer> {
    const payload = encodeHandshakePayload({
      identityKey: this.#identity.identityKey,
      staticKeySignature: this.#identity.staticKeySignature,
      parameters: this.parameters,
    });
    const message = new Uint8Array(HEADER_LENGTH + this.#noise.nextMessageLength(payload.length));
    const body = writeHeader(message, 0, PacketType.Final, PROTOCOL_VERSION, receiver, 0);
    this.#noise.writeMessage(payload, message, body);
    return message;
  }
}

const NOTHING = new Uint8Array(0);
