/**
 * The relay's edge: carries datagrams between two peers that cannot reach each other, and is the end of such a
 * circuit.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { STREAM_CODES, STREAM_TYPES } from "../wire/codes.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { varintBytes } from "../wire/varint.ts";
import {
  decodeGreeting,
  encodeGreeting,
  frameDatagram,
  RELAY_ANSWERS,
  RELAY_GREETING_BYTES,
  type RelayAnswer,
  RelayUnframer,
} from "./relay_frame.ts";

/** What a relay needs of a stream: `PeerStream` has it. */
export interface RelayStream {
  /** Reads at least one byte, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  reset(code: number): void;
}

export interface RelaySession {
  readonly peerId: PeerId;
  openStream(priority: "control" | "bulk"): Promise<RelayStream>;
}

/** A path for datagrams through a relay, as good as a socket that knows one destination. Lossy when congested. */
export interface RelayLink {
  readonly peer: PeerId;
  readonly relay: PeerId;
  /** Queues a datagram (copied). Returns false when it was dropped for want of room. */
  send(datagram: Uint8Array): boolean;
  /** The next datagram, or null when the circuit has ended. One call at a time. */
  receive(): Promise<Uint8Array<ArrayBuffer> | null>;
  close(): void;
}

export interface RelayOptions {
  readonly clock: Clock;
  /** Whether this node relays for others (`dht.relay`). */
  readonly isWilling: () => boolean;
  readonly sessionWith: (peerId: PeerId) => RelaySession | null;
  /** A peer has come through a relay: a handshake is to be expected on the link. */
  readonly onLink: (link: RelayLink) => void;
  /** Bytes a second of one circuit, both directions together. */
  readonly circuitBytesPerSecond?: number;
  readonly maxCircuits?: number;
  readonly maxCircuitsPerPeer?: number;
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
  #circuits = 0;
  #bytesRelayed = 0;

  constructor(options: RelayOptions) {
    this.#options = {
      circuitBytesPerSecond: 1_000_000,
      maxCircuits: 64,
      maxCircuitsPerPeer: 2,
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
  async handleStream(from: PeerId, stream: RelayStream): Promise<void> {
    try {
      const greeting = decodeGreeting(await readExactly(stream, RELAY_GREETING_BYTES));
      if (greeting.direction === "to") await this.#carry(from, greeting.peer, stream);
      else await this.#accept(from, greeting.peer, stream);
    } catch (error) {
      stream.reset(error instanceof DecodeError ? STREAM_CODES.malformed : STREAM_CODES.cancelled);
    }
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
  async #carry(from: PeerId, target: PeerId, stream: RelayStream): Promise<void> {
    const { isWilling, sessionWith, maxCircuits, maxCircuitsPerPeer } = this.#options;
    const session = sessionWith(target);
    const count = this.#circuitsOf.get(from) ?? 0;
    const refusal = !isWilling()
      ? "unwilling"
      : session === null || target === from
      ? "unknown_peer"
      : this.#circuits >= maxCircuits || count >= maxCircuitsPerPeer
      ? "busy"
      : null;
    if (refusal !== null || session === null) return await answer(stream, refusal ?? "unknown_peer", true);
    this.#circuits++;
    this.#circuitsOf.set(from, count + 1);
    try {
      await this.#connect(from, session, stream);
    } finally {
      this.#circuits--;
      const left = (this.#circuitsOf.get(from) ?? 1) - 1;
      if (left === 0) this.#circuitsOf.delete(from);
      else this.#circuitsOf.set(from, left);
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
  async #accept(relay: PeerId, peer: PeerId, stream: RelayStream): Promise<void> {
    await answer(stream, "accepted", false);
    this.#options.onLink(new StreamLink(peer, relay, stream));
  }
}

class StreamLink implements RelayLink {
  readonly #stream: RelayStream;
  readonly #unframer = new RelayUnframer();
  readonly #received: Uint8Array<ArrayBuffer>[] = [];
  readonly #buffer = new Uint8Array(16_384);
  #queuedBytes = 0;
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(readonly peer: PeerId, readonly relay: PeerId, stream: RelayStream) {
    this.#stream = stream;
  }

  send(datagram: Uint8Array): boolean {
    if (this.#isClosed || this.#queuedBytes + datagram.length > MAX_QUEUED_BYTES) return false;
    const framed = frameDatagram(datagram);
    this.#queuedBytes += datagram.length;
    this.#sending = this.#sending.then(() => this.#stream.write(framed)).then(
      () => {
        this.#queuedBytes -= datagram.length;
      },
      () => this.close(),
    );
    return true;
  }

  async receive(): Promise<Uint8Array<ArrayBuffer> | null> {
    try {
      while (this.#received.length === 0) {
        const read = this.#isClosed ? null : await this.#stream.read(this.#buffer);
        if (read === null) return null;
        this.#received.push(...this.#unframer.push(this.#buffer.subarray(0, read)));
      }
    } catch {
      // The circuit broke: to a session above it that is a path that fell silent.
      this.close();
      return null;
    }
    return this.#received.shift()!;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream.reset(STREAM_CODES.cancelled);
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

const REASONS: Readonly<Record<Exclude<RelayAnswer, "accepted">, string>> = {
  unwilling: "it does not relay (dht.relay is off there)",
  unknown_peer: "it has no session with that peer",
  busy: "it carries as many circuits as it will: try again later",
  refused: "the peer refused",
};
/** As much as a congested path's queue would hold; beyond it datagrams are lost, as on any path. */
const MAX_QUEUED_BYTES = 256 * 1024;
