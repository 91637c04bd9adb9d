/**
 * All transfers of a node: what it sends, what it takes in, and under which limits.
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { type Entropy, randomBytes } from "../entropy.ts";
import type { EmitEvent } from "../observe/events.ts";
import { STREAM_TYPES } from "../wire/codes.ts";
import { varintBytes } from "../wire/varint.ts";
import { ChunkPool, RUN_BYTES } from "./chunk_pool.ts";
import { Link } from "./link.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import { printableName } from "./path_safety.ts";
import type { PeerSession, PeerStream } from "./peer_stream.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { reclaimPartials } from "./reclaim.ts";
import { Sender } from "./sender.ts";
import type { TransferSettings } from "./settings.ts";
import { Slots } from "./slots.ts";
import { scanSources } from "./source_scan.ts";
import type { Storage } from "./storage.ts";
import type { Timers } from "./timers.ts";
import type { TransferHandle } from "./transfer_handle.ts";
import { TransferIntake } from "./transfer_intake.ts";
import { type ListedTransfer, TransferList } from "./transfer_list.ts";
import type { TransferFactsInput, TransferRecord, TransferSnapshot } from "./transfer_record.ts";

/** Where the trace of a transfer continues on the other side, for peers that may know. */
export interface TraceContext {
  /** The W3C `traceparent` to send along with an outgoing transfer to `peerId`, or null to send none. */
  traceparentFor(transferId: string, peerId: PeerId): string | null;
  /** Whether the trace context that `peerId` sends is taken over. */
  accepts(peerId: PeerId): boolean;
}

export interface TransferServiceOptions {
  readonly settings: TransferSettings;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly entropy: Entropy;
  readonly emit: EmitEvent;
  readonly trace?: TraceContext;
}

/** Sends files and takes them in. One per node. */
export class TransferService {
  readonly #options: TransferServiceOptions;
  readonly #limiter: RateLimiter;
  readonly #outgoing: Slots;
  readonly #list: TransferList;
  readonly #intake: TransferIntake;
  readonly #reclaimers: ((olderThanMs: number) => Promise<number>)[] = [];
  #settings: TransferSettings;
  #stopReclaiming: (() => void) | null = null;
  #stopped = false;

  constructor(options: TransferServiceOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#limiter = new RateLimiter(
      options.clock,
      options.timers,
      options.settings.rateLimitBytesPerSecond,
    );
    this.#outgoing = new Slots(options.settings.maxParallel);
    this.#list = new TransferList(options.clock, options.emit);
    this.#intake = new TransferIntake({
      ...options,
      limiter: this.#limiter,
      list: this.#list,
      maxParallel: options.settings.maxParallel,
      settings: () => ({ ...this.#settings, outputDir: this.#outputDir() }),
      acceptsTrace: (peerId) => options.trace?.accepts(peerId) ?? false,
    });
  }

  /** Begins to reclaim expired partial data: now, and every hour. */
  start(): void {
    const round = () => {
      if (this.#stopped) return;
      void this.reclaim();
      this.#stopReclaiming = this.#options.timers.after(RECLAIM_INTERVAL_MS, round);
    };
    round();
  }

  /** Cancels what is under way (it can be resumed later) and waits for it to come to rest. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopReclaiming?.();
    this.#intake.stop();
    await this.#list.cancelAll();
  }

  /** Takes new settings for what begins from now on; the rate limit holds at once. */
  updateSettings(settings: TransferSettings): void {
    this.#settings = settings;
    this.#limiter.setRate(settings.rateLimitBytesPerSecond);
    this.#outgoing.setLimit(settings.maxParallel);
    this.#intake.setMaxParallel(settings.maxParallel);
  }

  /** Removes partial data older than the configured time to live. Returns how many files went. */
  async reclaim(): Promise<number> {
    const olderThanMs = this.#options.clock.epochMs() - this.#settings.partialTtlMs;
    let removed = await reclaimPartials({
      storage: this.#options.storage,
      outputDir: this.#outputDir(),
      olderThanMs,
      activeKeys: this.#intake.activeKeys,
    });
    for (const reclaimer of this.#reclaimers) removed += await reclaimer(olderThanMs);
    return removed;
  }

  /** Has `reclaimer` called in every round, for partial data that lies elsewhere. */
  alsoReclaim(reclaimer: (olderThanMs: number) => Promise<number>): void {
    this.#reclaimers.push(reclaimer);
  }

  /** The settings in force. */
  get settings(): TransferSettings {
    return this.#settings;
  }

  /**
   * Runs a transfer of another kind (a fetch by link) among the others: it is listed, counted, paused and
   * cancelled like them. It completes when `run` resolves and fails when it rejects.
   */
  track(
    facts: TransferFactsInput,
    run: (record: TransferRecord, handle: TransferHandle) => Promise<void>,
  ): TransferHandle {
    const transfer = this.#list.begin(facts);
    const { record, handle } = transfer;
    void this.#list.conclude(transfer, async () => {
      await this.#outgoing.take(handle.cancelled);
      try {
        await run(record, handle);
      } finally {
        this.#outgoing.give();
      }
    });
    return handle;
  }

  /** Waits until `bytes` may pass under the node's rate limit. */
  throttle(bytes: number, signal: AbortSignal): Promise<void> {
    return this.#limiter.take(bytes, signal);
  }

  /** Transfers under way. */
  get activeCount(): number {
    return this.#list.activeCount;
  }

  /** Running ones first, then the most recent ended ones. */
  transfers(limit: number): TransferSnapshot[] {
    return this.#list.snapshots(limit);
  }

  /** The transfer under way whose id begins with `idPrefix`, or null when there is none or more than one. */
  find(idPrefix: string): TransferHandle | null {
    return this.#list.find(idPrefix);
  }

  /**
   * Sends the files and directories at `paths` (absolute) over `session`.
   *
   * Returns at once; the handle tells how it goes.
   */
  send(session: PeerSession, paths: readonly string[]): TransferHandle {
    const id = randomBytes(this.#options.entropy, 16);
    const name = printableName(paths[0]?.split("/").filter((part) => part !== "").at(-1) ?? "");
    const facts = { transferId: toHex(id), direction: "send" as const, peerId: session.peerId, name };
    const transfer = this.#list.begin({ ...facts, files: 0, bytesTotal: 0 });
    void this.#list.conclude(transfer, () => this.#runSend(session, paths, id, transfer));
    return transfer.handle;
  }

  async #runSend(
    session: PeerSession,
    paths: readonly string[],
    id: Uint8Array<ArrayBuffer>,
    { record, handle }: ListedTransfer,
  ): Promise<void> {
    const { storage, timers, trace } = this.#options;
    const scan = await scanSources(storage, paths.map(withoutTrailingSlash));
    handle.skipped = scan.skipped;
    record.describe({ name: scan.name, files: scan.files, bytesTotal: scan.bytes });
    await this.#outgoing.take(AbortSignal.any([handle.cancelled, session.ended]));
    try {
      handle.cancelled.throwIfAborted();
      const stream = await session.openStream("bulk");
      const writer = new MessageWriter(stream);
      const link = new Link(stream, writer, timers);
      handle.attach(link);
      await writer.sendRaw(varintBytes(STREAM_TYPES.transfer));
      const traceparent = trace?.traceparentFor(record.facts.transferId, session.peerId) ?? null;
      const sender = new Sender({
        storage,
        scan,
        id,
        ...(traceparent === null ? {} : { traceparent }),
        reader: new MessageReader(stream),
        writer,
        link,
        pool: new ChunkPool(SEND_BUFFERS, RUN_BYTES),
        limiter: this.#limiter,
        record,
      });
      try {
        await sender.run();
      } finally {
        // The receiver removes its journal when it sees this end; if it does not, a rerun finds all in place.
        if (link.failure === null) await this.#finishWithin(stream, FINISH_LIMIT_MS);
      }
    } finally {
      this.#outgoing.give();
    }
  }

  /** Ends the stream and waits, for a while, until the peer knows it: a command may end its session at once. */
  async #finishWithin(stream: PeerStream, limitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.timers.after(limitMs, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      // A session that ended meanwhile has nobody left to tell.
      stream.finish().then(end, end);
    });
  }

  /**
   * Takes in what a peer offers on `stream`, whose type was read already. Resolves when the stream is done with;
   * never rejects.
   */
  handleIncoming(session: PeerSession, stream: PeerStream): Promise<void> {
    return this.#intake.handle(session, stream);
  }

  #outputDir(): string {
    return withoutTrailingSlash(this.#settings.outputDir);
  }
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** Eight steps read ahead, one being written, and one to serve what is asked for again. */
const SEND_BUFFERS = 10;
const FINISH_LIMIT_MS = 2_000;
const RECLAIM_INTERVAL_MS = 3_600_000;
