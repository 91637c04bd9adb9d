/**
 * The node's own datagrams as a packet capture, streamed to one reader while they cross the socket.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { isRelayedAddress } from "../../dht/endpoint_address.ts";
import type { Address } from "../../net/address.ts";
import type { KeySink } from "../../session/key_log.ts";
import type { DatagramTap } from "../driver.ts";
import { keyLine, SECRETS_TYPE } from "./key_lines.ts";
import { localIp } from "./local_ip.ts";
import { BlockWriter, encodeHead, encodeSecrets, encodeStatistics, packetBlockLength } from "./pcapng.ts";
import { headersLength, type PacketEnd, packetEnd, writeHeaders } from "./udp_packet.ts";

/** What is captured, and how the capture begins and ends. */
export interface CaptureSource {
  readonly localAddress: Address;
  /** Lets `tap` see every datagram until the function returned is called. */
  tap(tap: DatagramTap): () => void;
  /** Tells `sink` the keys taken from now on until the function returned is called. */
  logKeys(sink: KeySink): () => void;
}

export interface CaptureOptions {
  readonly source: CaptureSource;
  readonly clock: Clock;
  /** What made the capture: name and version. */
  readonly application: string;
  /** The most bytes kept of a packet. */
  readonly snapLength: number;
  /** Whether the keys taken meanwhile are streamed as well. */
  readonly withKeys: boolean;
  /** Called once, when the capture is over, however it ended. */
  readonly onEnd: (totals: CaptureTotals) => void;
}

export interface CaptureTotals {
  readonly packets: number;
  /** Those that the reader was too slow for. */
  readonly dropped: number;
}

/** One capture. It runs from its construction until {@link finish}, or until the reader goes away. */
export class Capture {
  /** Blocks of pcapng; the chunks end anywhere. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #options: CaptureOptions;
  readonly #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  readonly #writer = new BlockWriter(CHUNK_BYTES);
  readonly #ends = new WeakMap<Address, Ends>();
  readonly #undo = new DisposableStack();
  readonly #interfaces: { seen: number; dropped: number; lostBefore: number }[];
  /** Microseconds since the Unix epoch, at the origin of the monotonic clock. */
  readonly #epochUs: number;
  readonly #startUs: number;
  #flushTimer: ReturnType<typeof setTimeout> | null = null;
  #isOver = false;

  constructor(options: CaptureOptions) {
    const { clock, source } = options;
    this.#options = options;
    this.#epochUs = (clock.epochMs() - clock.now()) * 1_000;
    this.#startUs = this.#nowUs();
    this.#interfaces = INTERFACES.map(() => ({ seen: 0, dropped: 0, lostBefore: 0 }));
    let own: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
    this.body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        own = controller;
      },
      cancel: () => this.#end(),
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_QUEUED_BYTES }));
    this.#controller = own!;
    this.#controller.enqueue(encodeHead(options.application, INTERFACES, options.snapLength));
    if (options.withKeys) {
      this.#undo.defer(
        source.logKeys((receiverIndex, epoch, key) => this.#addKey(receiverIndex, epoch, key)),
      );
    }
    this.#undo.defer(
      source.tap((direction, remote, slab, offset, length) =>
        this.#take(direction, remote, slab, offset, length)
      ),
    );
  }

  /** Ends the capture: what waits is still to be read, the totals come last. Idempotent. */
  finish(): void {
    if (this.#isOver) return;
    this.#flush();
    const endUs = this.#nowUs();
    this.#interfaces.forEach(({ seen, dropped }, id) => {
      if (id === 0 || seen > 0) {
        this.#controller.enqueue(encodeStatistics(id, { startUs: this.#startUs, endUs, seen, dropped }));
      }
    });
    this.#controller.close();
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    this.#undo.dispose();
    const sum = (of: "seen" | "dropped") => this.#interfaces.reduce((total, one) => total + one[of], 0);
    this.#options.onEnd({ packets: sum("seen"), dropped: sum("dropped") });
  }

  #take(direction: "in" | "out", remote: Address, slab: Uint8Array, offset: number, length: number): void {
    const { interfaceId, here, there } = this.#endsFor(remote);
    const statistics = this.#interfaces[interfaceId];
    const headers = headersLength(here.ip.length);
    const originalLength = headers + length;
    const keptLength = Math.min(originalLength, this.#options.snapLength);
    const needed = packetBlockLength(keptLength);
    statistics.seen++;
    // Checked here, so that whatever was written can be queued: a slow reader loses packets, never gathers them.
    if ((this.#controller.desiredSize ?? 0) < this.#writer.length + needed) {
      statistics.dropped++;
      statistics.lostBefore++;
      return;
    }
    if (this.#writer.room < needed) this.#flush();
    const { lostBefore } = statistics;
    statistics.lostBefore = 0;
    const packet = this.#writer.packet(
      { interfaceId, timeUs: this.#nowUs(), direction, lostBefore, originalLength },
      keptLength,
    );
    const [from, to] = direction === "out" ? [here, there] : [there, here];
    writeHeaders(packet, from, to, slab, offset, length);
    packet.set(slab.subarray(offset, offset + keptLength - headers), headers);
    this.#flushTimer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  /** Keys are few, and worthless when one is missing: they get room that packets do not. */
  #addKey(receiverIndex: number, epoch: number, key: Uint8Array): void {
    if ((this.#controller.desiredSize ?? 0) < -MAX_QUEUED_BYTES) return;
    this.#flush();
    this.#controller.enqueue(encodeSecrets(SECRETS_TYPE, keyLine(receiverIndex, epoch, key)));
  }

  #flush(): void {
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
    if (this.#writer.length === 0) return;
    this.#controller.enqueue(this.#writer.written().slice());
    this.#writer.clear();
  }

  #endsFor(remote: Address): Ends {
    const known = this.#ends.get(remote);
    if (known !== undefined) return known;
    const ends = {
      interfaceId: isRelayedAddress(remote.text) ? 1 : 0,
      here: {
        ip: localIp(this.#options.source.localAddress, remote),
        port: this.#options.source.localAddress.port,
      },
      there: packetEnd(remote),
    };
    this.#ends.set(remote, ends);
    return ends;
  }

  #nowUs(): number {
    return this.#epochUs + this.#options.clock.now() * 1_000;
  }
}

/** Both ends of what is exchanged with one address. */
interface Ends {
  readonly interfaceId: number;
  readonly here: PacketEnd;
  readonly there: PacketEnd;
}

const INTERFACES = [
  { name: "wraith", description: "the node's UDP socket" },
  { name: "wraith-relay", description: "inside circuits through relays, under the node's names for them" },
];
/** What the reader may leave unread before packets are dropped. */
const MAX_QUEUED_BYTES = 33_554_432;
const CHUNK_BYTES = 262_144;
/** How long a packet waits for others to be handed on with it. */
const FLUSH_MS = 50;
