/**
 * `HandshakeState` of the Noise specification (revision 34, section 5.3) for the suite
 * `25519_ChaChaPoly_BLAKE2s`: bytes in, bytes out, no clock and no socket.
 *
 * @module
 */

import { wipe } from "../../bytes.ts";
import type { Entropy } from "../../entropy.ts";
import { AEAD_TAG_LENGTH, type CipherSuite, DH_LENGTH } from "../cipher_suite.ts";
import { isUsableX25519Key } from "../curve_points.ts";
import { generateKeyPair, type KeyPair, keyPairOf } from "../key_pair.ts";
import { chainSecretOf } from "../key_schedule.ts";
import { FinishedHandshake } from "./finished_handshake.ts";
import { type HandshakePattern, type Token, usesPsk } from "./patterns.ts";
import { SymmetricState } from "./symmetric_state.ts";

/** Where a handshake starts from. Keys are copied or derived from; none is wiped but the ephemeral made here. */
export interface HandshakeOptions {
  readonly suite: CipherSuite;
  /** Draws the ephemeral key. */
  readonly entropy: Entropy;
  readonly pattern: HandshakePattern;
  readonly initiator: boolean;
  /** Bytes that both sides must agree on, without sending them. */
  readonly prologue: Uint8Array;
  /** Our static key, where the pattern uses it. */
  readonly s?: KeyPair | undefined;
  /** A fixed ephemeral secret key, for vectors and simulations. Never for a node that runs. */
  readonly e?: Uint8Array | undefined;
  /** The responder's static public key, where the pattern knows it beforehand. */
  readonly rs?: Uint8Array | undefined;
  /** Pre-shared keys, 32 bytes each, in the order of the pattern's `psk` tokens. */
  readonly psks?: readonly Uint8Array[] | undefined;
}

/**
 * What came of a peer's message. `malformed`: too short, too long, or a public key no session may come out of.
 * `decrypt`: it does not authenticate. Either way the handshake stands where it stood, so a forged message
 * costs its sender a message and us nothing; the genuine one may still come.
 */
export type ReadResult =
  | { readonly ok: true; readonly payload: Uint8Array<ArrayBuffer> }
  | { readonly ok: false; readonly failure: "malformed" | "decrypt" };

/** A handshake that is still running. {@link split} turns a complete one into a {@link FinishedHandshake}. */
export class HandshakeState {
  readonly #suite: CipherSuite;
  readonly #entropy: Entropy;
  readonly #pattern: HandshakePattern;
  readonly #initiator: boolean;
  readonly #psks: readonly Uint8Array[];
  readonly #s: KeyPair | null;
  #e: KeyPair | null;
  #progress: Progress;
  #spent = false;

  private constructor(options: HandshakeOptions) {
    this.#suite = options.suite;
    this.#entropy = options.entropy;
    this.#pattern = options.pattern;
    this.#initiator = options.initiator;
    this.#psks = options.psks ?? [];
    this.#s = options.s ?? null;
    this.#e = options.e === undefined ? null : keyPairOf(options.suite, options.e.slice());
    const symmetric = SymmetricState.initialize(options.suite, protocolName(options.pattern));
    symmetric.mixHash(options.prologue);
    this.#progress = { symmetric, re: null, rs: null, messageIndex: 0, pskIndex: 0 };
    if (options.pattern.responderStaticKnown) {
      const responderStatic = options.initiator ? options.rs : options.s?.publicKey;
      if (responderStatic === undefined) throw missingKey(options.initiator ? "rs" : "s", options.pattern);
      symmetric.mixHash(responderStatic);
      if (options.initiator) this.#progress.rs = responderStatic.slice();
    }
  }

  /**
   * A handshake before its first message.
   *
   * @throws {TypeError} when a key that the pattern needs is missing, or has another length than 32 bytes.
   */
  static initialize(options: HandshakeOptions): HandshakeState {
    assertKeys(options);
    return new HandshakeState(options);
  }

  /** Whether all messages have passed, so that {@link split} may be called. */
  get isComplete(): boolean {
    return this.#progress.messageIndex === this.#pattern.messages.length;
  }

  /** Whether the next message is ours to write. */
  get isMyTurn(): boolean {
    return !this.isComplete && (this.#progress.messageIndex % 2 === 0) === this.#initiator;
  }

  /** The peer's static public key (32 bytes, a copy), or null before it is known. */
  get remoteStatic(): Uint8Array<ArrayBuffer> | null {
    return this.#progress.rs?.slice() ?? null;
  }

  /** The transcript hash so far (32 bytes, a copy). */
  get handshakeHash(): Uint8Array<ArrayBuffer> {
    return this.#progress.symmetric.handshakeHash;
  }

  /** Bytes of the next message, whoever sends it, when it carries `payloadLength` bytes of payload. */
  nextMessageLength(payloadLength: number): number {
    let length = payloadLength;
    let encrypted = this.#progress.symmetric.hasKey;
    for (const token of this.#nextTokens()) {
      if (token === "e") length += DH_LENGTH;
      else if (token === "s") length += DH_LENGTH + (encrypted ? AEAD_TAG_LENGTH : 0);
      encrypted ||= token !== "s" && (token !== "e" || usesPsk(this.#pattern));
    }
    return length + (encrypted ? AEAD_TAG_LENGTH : 0);
  }

  /**
   * Writes our next message into `out` from `offset`.
   *
   * @returns the message's length in bytes.
   * @throws {RangeError} when `out` has no room, or the message would pass Noise's 65535 bytes; nothing has
   * changed then.
   */
  writeMessage(payload: Uint8Array, out: Uint8Array, offset = 0): number {
    this.#assertTurn(true);
    const length = this.nextMessageLength(payload.length);
    const room = Math.min(out.length - offset, MAX_MESSAGE_LENGTH);
    if (length > room) {
      throw new RangeError(
        `Cannot write the handshake message: it needs ${length} bytes, got room for ${room}`,
      );
    }
    let next = offset;
    for (const token of this.#nextTokens()) next = this.#writeToken(token, out, next);
    out.set(this.#progress.symmetric.encryptAndHash(payload), next);
    this.#progress.messageIndex++;
    return length;
  }

  /** Reads the peer's next message. `message` is borrowed until the call returns; the payload is a copy. */
  readMessage(message: Uint8Array): ReadResult {
    this.#assertTurn(false);
    if (message.length > MAX_MESSAGE_LENGTH || message.length < this.nextMessageLength(0)) {
      return { ok: false, failure: "malformed" };
    }
    const attempt = { ...this.#progress, symmetric: this.#progress.symmetric.clone() };
    const result = this.#readInto(attempt, message);
    const loser = result.ok ? this.#progress : attempt;
    loser.symmetric.wipe();
    if (result.ok) this.#progress = attempt;
    return result;
  }

  /**
   * Ends a complete handshake: its keys move into the result and this object is spent.
   *
   * @throws {Error} when messages are still to come.
   */
  split(): FinishedHandshake {
    if (this.#spent || !this.isComplete) {
      throw new Error(`Cannot split the handshake: it is ${this.#spent ? "spent" : "still running"}`);
    }
    const { symmetric, rs } = this.#progress;
    const { initiatorKey, responderKey } = symmetric.split();
    const chainingKey = symmetric.chainingKey;
    const finished = new FinishedHandshake({
      sendKey: this.#initiator ? initiatorKey : responderKey,
      receiveKey: this.#initiator ? responderKey : initiatorKey,
      chain: chainSecretOf(this.#suite, chainingKey),
      handshakeHash: symmetric.handshakeHash,
      remoteStatic: rs,
    });
    wipe(chainingKey);
    this.wipe();
    return finished;
  }

  /** Forgets every secret made here. Any later call throws. */
  wipe(): void {
    this.#progress.symmetric.wipe();
    if (this.#e !== null) wipe(this.#e.secretKey);
    this.#spent = true;
  }

  #writeToken(token: Token, out: Uint8Array, offset: number): number {
    const { symmetric } = this.#progress;
    if (token === "e") {
      this.#e ??= generateKeyPair(this.#suite, this.#entropy);
      out.set(this.#e.publicKey, offset);
      this.#mixEphemeral(this.#progress, this.#e.publicKey);
      return offset + DH_LENGTH;
    }
    if (token === "s") {
      const sealed = symmetric.encryptAndHash(present(this.#s, "s").publicKey);
      out.set(sealed, offset);
      return offset + sealed.length;
    }
    this.#mixSecret(this.#progress, token);
    return offset;
  }

  #readInto(attempt: Progress, message: Uint8Array): ReadResult {
    let offset = 0;
    for (const token of this.#nextTokens()) {
      if (token === "e") {
        const re = message.slice(offset, offset + DH_LENGTH);
        if (!isUsableX25519Key(re)) return { ok: false, failure: "malformed" };
        this.#mixEphemeral(attempt, re);
        attempt.re = re;
        offset += DH_LENGTH;
      } else if (token === "s") {
        const end = offset + DH_LENGTH + attempt.symmetric.overhead;
        const rs = attempt.symmetric.decryptAndHash(message.subarray(offset, end));
        if (rs === null) return { ok: false, failure: "decrypt" };
        if (!isUsableX25519Key(rs)) return { ok: false, failure: "malformed" };
        attempt.rs = rs;
        offset = end;
      } else {
        this.#mixSecret(attempt, token);
      }
    }
    const payload = attempt.symmetric.decryptAndHash(message.subarray(offset));
    if (payload === null) return { ok: false, failure: "decrypt" };
    attempt.messageIndex++;
    return { ok: true, payload };
  }

  #mixEphemeral({ symmetric }: Progress, publicKey: Uint8Array): void {
    symmetric.mixHash(publicKey);
    // Section 9.2: with pre-shared keys the ephemeral also goes into the key, to make it vary.
    if (usesPsk(this.#pattern)) symmetric.mixKey(publicKey);
  }

  #mixSecret(progress: Progress, token: Exclude<Token, "e" | "s">): void {
    if (token === "psk") {
      progress.symmetric.mixKeyAndHash(this.#psks[progress.pskIndex++]);
      return;
    }
    // The first letter names the initiator's key, the second the responder's.
    const [ours, theirs] = this.#initiator ? [token[0], token[1]] : [token[1], token[0]];
    const local = ours === "e" ? present(this.#e, "e") : present(this.#s, "s");
    const remote = theirs === "e" ? present(progress.re, "re") : present(progress.rs, "rs");
    const shared = this.#suite.x25519(local.secretKey, remote);
    if (shared === null) throw new Error("Invariant: low-order public keys are refused where they are read");
    progress.symmetric.mixKey(shared);
    wipe(shared);
  }

  #nextTokens(): readonly Token[] {
    return this.#pattern.messages[this.#progress.messageIndex] ?? [];
  }

  #assertTurn(writing: boolean): void {
    const action = writing ? "write" : "read";
    if (this.#spent) throw new Error(`Cannot ${action} a handshake message: the handshake is spent`);
    if (this.isComplete) throw new Error(`Cannot ${action} a handshake message: the handshake is complete`);
    if (this.isMyTurn !== writing) {
      throw new Error(`Cannot ${action} a handshake message: it is the other's turn`);
    }
  }
}

/** What reading a message may change, kept apart so that a forged message changes nothing. */
interface Progress {
  symmetric: SymmetricState;
  re: Uint8Array<ArrayBuffer> | null;
  rs: Uint8Array<ArrayBuffer> | null;
  messageIndex: number;
  pskIndex: number;
}

function protocolName(pattern: HandshakePattern): string {
  return `Noise_${pattern.name}_25519_ChaChaPoly_BLAKE2s`;
}

function assertKeys({ pattern, initiator, s, e, rs, psks }: HandshakeOptions): void {
  const sends = pattern.messages.some((tokens, index) =>
    (index % 2 === 0) === initiator && tokens.includes("s")
  );
  if (sends && s === undefined) throw missingKey("s", pattern);
  const pskCount = pattern.messages.flat().filter((token) => token === "psk").length;
  if ((psks?.length ?? 0) !== pskCount) {
    throw new TypeError(`Cannot start ${pattern.name}: it takes ${pskCount} psks, got ${psks?.length ?? 0}`);
  }
  const keys = { "s.secretKey": s?.secretKey, "s.publicKey": s?.publicKey, e, rs };
  for (const [name, key] of [...Object.entries(keys), ...(psks ?? []).map((psk) => ["psk", psk] as const)]) {
    if (key !== undefined && key.length !== DH_LENGTH) {
      throw new TypeError(`Cannot start ${pattern.name}: ${name} must have 32 bytes, got ${key.length}`);
    }
  }
  if (rs !== undefined && !isUsableX25519Key(rs)) {
    throw new TypeError(`Cannot start ${pattern.name}: rs is a point of low order`);
  }
}

function missingKey(name: string, pattern: HandshakePattern): TypeError {
  return new TypeError(`Cannot start ${pattern.name}: it needs the key ${name}`);
}

function present<T>(key: T | null, name: string): T {
  if (key === null) throw new Error(`Invariant: the pattern uses the key ${name} before it is there`);
  return key;
}

/** Section 3: no Noise message is longer. */
const MAX_MESSAGE_LENGTH = 65_535;
