/**
 * The relay's edge: carries datagrams between two peers that cannot reach each other, and is the end of such a
 * circuit.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { EmitEvent } from "../observe/events.ts";
import { STREAM_CODES, STREAM_TYPES } from "../wire/codes.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { varintBytes } from "../wire/varint.ts";
import type { PeerAddress } from "./contact.ts";
import { FloodGuard } from "./flood_guard.ts";
import {
  decodeGreeting,
  encodeGreeting,
  RELAY_ANSWERS,
  RELAY_GREETING_BYTES,
  type RelayAnswer,
} from "./relay_frame.ts";
import { type RelayLink, type RelayStream, StreamLink } from "./relay_link_edge.ts";

export interface RelaySession {
  readonly peerId: PeerId;
  openStream(priority: "control" | "bulk"): Promise<RelayStream>;
}

export interface RelayOptions {
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** Whether this node relays for others (`dht.relay`). */
  readonly isWilling: () => boolean;
  readonly sessionWith: (peerId: PeerId) => RelaySession | null;
  /** A peer has come through a relay: a handshake is to be expected on the link. */
  readonly onLink: (link: RelayLink) => void;
  /** Bytes a second of one circuit, both directions together. */
  readonly circuitBytesPerSecond?: number;
  readonly maxCircuits?: number;
  readonly maxCircuitsPerPeer?: number;
  /** Circuits that end here and came through one relay. */
  readonly maxEndsPerRelay?: number;
  /** Waits `delayMs`; injected for tests. */
  readonly wait?: (delayMs: number) => Promise<void>;
}

/** Why no circuit came about. */
export class RelayError extends Error {
  override readonly name = "RelayError";

  constructor(readonly code: Exclude<RelayAnswer, "accepted"> | "closed", message: string) {
    super(message);
  }
}

export class RelayService {
  readonly #options: Required<RelayOptions>;
  readonly #circuitsOf = new Map<PeerId, number>();
  readonly #endsOf = new Map<PeerId, number>();
  readonly #asked = new FloodGuard(REQUEST_LIMITS);
  #reportTimer: ReturnType<typeof setTimeout> | undefined;
  #circuits = 0;
  #bytesRelayed = 0;

  constructor(options: RelayOptions) {
    this.#options = {
      circuitBytesPerSecond: 1_000_000,
      maxCircuits: 64,
      maxCircuitsPerPeer: 2,
      maxEndsPerRelay: 16,
      wait: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
      ...options,
    };
  }

  /** Circuits that this node carries for others now. */
  get circuits(): number {
    return this.#circuits;
  }

  /** Bytes carried for others in all. */
  get bytesRelayed(): number {
    return this.#bytesRelayed;
  }

  /** A stream of type 3 was opened by `from`; its type has been read. Never rejects. */
  async handleStream(from: PeerAddress, stream: RelayStream): Promise<void> {
    if (!this.#admits(from)) return stream.reset(STREAM_CODES.cancelled);
    try {
      const greeting = decodeGreeting(await readExactly(stream, RELAY_GREETING_BYTES));
      if (greeting.direction === "to") await this.#carry(from, greeting.peer, stream);
      else await this.#accept(from, greeting.peer, stream);
    } catch (error) {
      stream.reset(error instanceof DecodeError ? STREAM_CODES.malformed : STREAM_CODES.cancelled);
    }
  }

  /** Stops the one timer there is. Circuits end with their sessions. */
  stop(): void {
    clearTimeout(this.#reportTimer);
  }

  /** Asks the peer behind `via` to relay to `target`. @throws {RelayError} */
  async open(via: RelaySession, target: PeerId): Promise<RelayLink> {
    const stream = await via.openStream("bulk");
    try {
      await stream.write(varintBytes(STREAM_TYPES.relay));
      await stream.write(encodeGreeting({ direction: "to", peer: target }));
      const answer = await readAnswer(stream);
      if (answer === "accepted") return new StreamLink(target, via.peerId, stream);
      throw new RelayError(answer, `Cannot reach ${target} through relay ${via.peerId}: ${REASONS[answer]}`);
    } catch (error) {
      stream.reset(STREAM_CODES.cancelled);
      if (error instanceof RelayError) throw error;
      throw new RelayError("closed", `Cannot reach ${target} through relay ${via.peerId}: the stream broke`);
    }
  }

  /** As relay. */
  async #carry(from: PeerAddress, target: PeerId, stream: RelayStream): Promise<void> {
    const { isWilling, sessionWith, maxCircuits, maxCircuitsPerPeer } = this.#options;
    const session = sessionWith(target);
    const isFull = this.#circuits >= maxCircuits ||
      (this.#circuitsOf.get(from.peerId) ?? 0) >= maxCircuitsPerPeer;
    const refusal = !isWilling()
      ? "unwilling"
      : session === null || target === from.peerId
      ? "unknown_peer"
      : isFull
      ? "busy"
      : null;
    if (refusal === "busy") this.#refuse(from, "full", 1);
    if (refusal !== null || session === null) return await answer(stream, refusal ?? "unknown_peer", true);
    this.#circuits++;
    adjust(this.#circuitsOf, from.peerId, 1);
    try {
      await this.#connect(from.peerId, session, stream);
    } finally {
      this.#circuits--;
      adjust(this.#circuitsOf, from.peerId, -1);
    }
  }

  async #connect(from: PeerId, session: RelaySession, stream: RelayStream): Promise<void> {
    const onward = await session.openStream("bulk");
    try {
      await onward.write(varintBytes(STREAM_TYPES.relay));
      await onward.write(encodeGreeting({ direction: "from", peer: from }));
      const response = await readAnswer(onward);
      await answer(stream, response, response !== "accepted");
      if (response !== "accepted") return;
      const allowance = new Allowance(this.#options);
      await Promise.all([this.#pump(stream, onward, allowance), this.#pump(onward, stream, allowance)]);
    } catch (error) {
      // One side has gone: the other must not wait for it.
      onward.reset(STREAM_CODES.cancelled);
      throw error;
    }
  }

  /** Bytes pass unread: all that the relay could learn is how many, and when. */
  async #pump(from: RelayStream, to: RelayStream, allowance: Allowance): Promise<void> {
    const buffer = new Uint8Array(16_384);
    for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
      await allowance.spend(read);
      await to.write(buffer.subarray(0, read));
      this.#bytesRelayed += read;
    }
    await to.finish();
  }

  /** As the called end. */
  async #accept(relay: PeerAddress, peer: PeerId, stream: RelayStream): Promise<void> {
    if ((this.#endsOf.get(relay.peerId) ?? 0) >= this.#options.maxEndsPerRelay) {
      this.#refuse(relay, "full", 1);
      return await answer(stream, "refused", true);
    }
    adjust(this.#endsOf, relay.peerId, 1);
    const link = new StreamLink(peer, relay.peerId, stream, () => adjust(this.#endsOf, relay.peerId, -1));
    try {
      await answer(stream, "accepted", false);
    } catch (error) {
      link.close();
      throw error;
    }
    this.#options.onLink(link);
  }

  /** Charges a request for a circuit to the peer that makes it. */
  #admits(from: PeerAddress): boolean {
    const { clock, emit } = this.#options;
    emit({ type: "dht.query.received", rpc: "relay", peerId: from.peerId, remoteAddr: from.address });
    const verdict = this.#asked.admit(clock.now(), from.peerId, from.address);
    if (!verdict.admitted) {
      if (verdict.report > 0) this.#refuse(from, "rate_limited", verdict.report);
      this.#armReport();
    }
    return verdict.admitted;
  }

  /** Reports what a flood's last second held, once it is over. */
  #armReport(): void {
    const next = this.#asked.nextTimeout();
    if (this.#reportTimer !== undefined || next === null) return;
    const { clock } = this.#options;
    this.#reportTimer = setTimeout(() => {
      this.#reportTimer = undefined;
      for (const { count, ...from } of this.#asked.takeOverdue(clock.now())) {
        this.#refuse(from, "rate_limited", count);
      }
      this.#armReport();
    }, Math.max(1, next - clock.now()));
  }

  #refuse({ peerId, address }: PeerAddress, reason: "rate_limited" | "full", count: number): void {
    this.#options.emit({ type: "dht.refused", what: "query", reason, peerId, remoteAddr: address, count });
  }
}

/** What one circuit may use, spent before it is sent. */
class Allowance {
  readonly #options: Required<RelayOptions>;
  #bytes: number;
  #at: number;

  constructor(options: Required<RelayOptions>) {
    this.#options = options;
    this.#bytes = options.circuitBytesPerSecond;
    this.#at = options.clock.now();
  }

  async spend(bytes: number): Promise<void> {
    const { clock, circuitBytesPerSecond, wait } = this.#options;
    const now = clock.now();
    this.#bytes = Math.min(
      circuitBytesPerSecond,
      this.#bytes + (now - this.#at) / 1000 * circuitBytesPerSecond,
    ) - bytes;
    this.#at = now;
    if (this.#bytes < 0) await wait(-this.#bytes / circuitBytesPerSecond * 1000);
  }
}

async function answer(stream: RelayStream, what: RelayAnswer, isLast: boolean): Promise<void> {
  await stream.write(Uint8Array.of(RELAY_ANSWERS.indexOf(what)));
  if (isLast) await stream.finish();
}

async function readAnswer(stream: RelayStream): Promise<RelayAnswer> {
  const [code] = await readExactly(stream, 1);
  const what = RELAY_ANSWERS[code];
  if (what === undefined) throw new DecodeError("Unknown answer of a relay");
  return what;
}

async function readExactly(stream: RelayStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const read = await stream.read(bytes.subarray(filled));
    if (read === null) throw new DecodeError("The stream ended early");
    filled += read;
  }
  return bytes;
}

function adjust(counts: Map<PeerId, number>, key: PeerId, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

/** A peer asks for one circuit at a time, and again when it broke. */
const REQUEST_LIMITS = { perPeerRate: 2, perSourceRate: 10, burstSeconds: 5, remembered: 4096 };
const REASONS: Readonly<Record<Exclude<RelayAnswer, "accepted">, string>> = {
  unwilling: "it does not relay (dht.relay is off there)",
  unknown_peer: "it has no session with that peer",
  busy: "it carries as many circuits as it will: try again later",
  refused: "the peer refused",
};
