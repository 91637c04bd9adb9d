/**
 * Two transfer services, each with a disk in memory, and links between them that a test may cut.
 *
 * @module
 */

import type { Clock, Instant } from "../../src/clock.ts";
import { seededEntropy, seededPrng } from "../../src/entropy.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import type { TransferSettings } from "../../src/transfer/settings.ts";
import type { Timers } from "../../src/transfer/timers.ts";
import type { TransferOutcome } from "../../src/transfer/transfer_record.ts";
import { type TraceContext, TransferService } from "../../src/transfer/transfer_service.ts";
import { MemoryLink, type MemoryLinkOptions, peerIdFor } from "./memory_streams.ts";
import { MemoryStorage } from "./memory_storage.ts";

/** A clock that stands still until told otherwise, and the timers that hang on it. */
export class ManualTime implements Clock, Timers {
  #nowMs = 0;
  #pending: { at: number; run: () => void }[] = [];

  now(): Instant {
    return this.#nowMs as Instant;
  }

  epochMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const entry = { at: this.#nowMs + delayMs, run };
    this.#pending.push(entry);
    return () => {
      this.#pending = this.#pending.filter((each) => each !== entry);
    };
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** Moves on, firing what is due in order. */
  advance(deltaMs: number): void {
    const end = this.#nowMs + deltaMs;
    for (;;) {
      const due = this.#pending.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#pending = this.#pending.filter((each) => each !== due);
      this.#nowMs = due.at;
      due.run();
    }
    this.#nowMs = end;
  }

  /** Moves to the next timer, if there is one. */
  advanceToNext(): boolean {
    const next = Math.min(...this.#pending.map((each) => each.at));
    if (next === Infinity) return false;
    this.advance(next - this.#nowMs);
    return true;
  }
}

export const SENDER = peerIdFor("a");
export const RECEIVER = peerIdFor("b");

/** One end. */
export interface TransferEnd {
  readonly disk: MemoryStorage;
  readonly events: NodeEvent[];
  service: TransferService;
}

/** A sender whose files lie under `/src`, and a receiver that puts them under `/in`. */
export class TransferWorld {
  readonly time = new ManualTime();
  readonly sender: TransferEnd;
  readonly receiver: TransferEnd;
  /** Settles when the receiver is done with the latest stream. */
  received: Promise<void> = Promise.resolve();
  #seed = 1;

  constructor(options: { settings?: Partial<TransferSettings>; trace?: TraceContext } = {}) {
    this.sender = this.#end("/nowhere", options.settings, options.trace);
    this.receiver = this.#end("/in", options.settings, options.trace);
    this.receiver.disk.putDirectory("/in");
  }

  #end(outputDir: string, settings: Partial<TransferSettings> = {}, trace?: TraceContext): TransferEnd {
    const disk = new MemoryStorage();
    const events: NodeEvent[] = [];
    return { disk, events, service: this.#service(disk, events, { outputDir, ...settings }, trace) };
  }

  #service(
    disk: MemoryStorage,
    events: NodeEvent[],
    settings: Partial<TransferSettings>,
    trace?: TraceContext,
  ): TransferService {
    return new TransferService({
      settings: { ...DEFAULTS, ...settings },
      storage: disk,
      clock: this.time,
      timers: this.time,
      entropy: seededEntropy(this.#seed++),
      emit: (event) => events.push(event),
      ...(trace === undefined ? {} : { trace }),
    });
  }

  /** A fresh service on the receiver's disk, as after a restart of the process. */
  restartReceiver(settings: Partial<TransferSettings> = {}): void {
    const { disk, events } = this.receiver;
    this.receiver.service = this.#service(disk, events, { outputDir: "/in", ...settings });
  }

  /** A session from sender to receiver. */
  connect(options: MemoryLinkOptions = {}): MemoryLink {
    const link = new MemoryLink({ initiator: SENDER, responder: RECEIVER, ...options });
    link.responder.onStream = (stream) => {
      this.received = (async () => {
        await stream.read(new Uint8Array(1));
        await this.receiver.service.handleIncoming(link.responder, stream);
      })().catch(() => {
        // The session ended before the stream's first byte.
      });
    };
    return link;
  }

  /** Sends `paths` over a session of its own and waits until both ends are done. */
  async send(paths: readonly string[], options: MemoryLinkOptions = {}): Promise<TransferOutcome> {
    const link = this.connect(options);
    const outcome = await this.drive(this.sender.service.send(link.initiator, paths).outcome);
    await this.drive(this.received);
    link.cut();
    return outcome;
  }

  /** Waits for `promise`; whenever nothing else moves, time does. */
  async drive<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => settled = true);
    watched.catch(() => {});
    for (let idleTurns = 0; !settled; idleTurns++) {
      const before = this.sender.disk.operations + this.receiver.disk.operations;
      await new Promise((resolve) => setTimeout(resolve, 0));
      const moved = this.sender.disk.operations + this.receiver.disk.operations !== before;
      if (moved) idleTurns = 0;
      if (idleTurns > 20 && !this.time.advanceToNext()) throw new Error("Nothing moves any more");
    }
    return await watched;
  }

  /** What lies under its final name at the receiver, without journals and partial files. */
  delivered(): string[] {
    return this.receiver.disk.files("/in/").filter((path) => !path.includes("/.wraith-"));
  }

  /** Journals and partial files at the receiver. */
  leftovers(): string[] {
    return this.receiver.disk.files("/in/").filter((path) => path.includes("/.wraith-"));
  }
}

/** `length` bytes that follow from `seed`. */
export function someBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer, 0, length >>> 2);
  const prng = seededPrng(seed);
  for (let i = 0; i < words.length; i++) words[i] = prng.next() * 4_294_967_296;
  for (let i = words.length * 4; i < length; i++) bytes[i] = prng.next() * 256;
  return bytes;
}

const DEFAULTS: TransferSettings = {
  outputDir: "/in",
  accept: "all",
  knownPeers: [],
  maxFileSizeBytes: 0,
  maxParallel: 4,
  rateLimitBytesPerSecond: 0,
  overwrite: "rename",
  partialTtlMs: 86_400_000,
};
