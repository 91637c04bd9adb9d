/**
 * All transfers of a node: what it sends, what it takes in, and under which limits.
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { type Entropy, randomBytes } from "../entropy.ts";
import type { EmitEvent, TransferDirection } from "../observe/events.ts";
import { STREAM_CODES, STREAM_TYPES } from "../wire/codes.ts";
import { varintBytes } from "../wire/varint.ts";
import { ChunkPool } from "./chunk_pool.ts";
import { Destination, guarded, JOURNAL_PREFIX, topNamesOf, transferKey } from "./destination.ts";
import { type Manifest, readManifest, readOffer } from "./incoming_offer.ts";
import { Journal } from "./journal.ts";
import { asTransferError, Link } from "./link.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import type { OfferMessage } from "./messages.ts";
import { printableName } from "./path_safety.ts";
import type { PeerSession, PeerStream } from "./peer_stream.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { Receiver } from "./receiver.ts";
import { reclaimPartials } from "./reclaim.ts";
import { Sender } from "./sender.ts";
import { requireAcceptedPeer, requireAcceptedSize, type TransferSettings } from "./settings.ts";
import { Slots } from "./slots.ts";
import { scanSources } from "./source_scan.ts";
import type { Storage } from "./storage.ts";
import type { Timers } from "./timers.ts";
import { TransferError } from "./transfer_error.ts";
import { TransferHandle } from "./transfer_handle.ts";
import { type TransferFactsInput, TransferRecord, type TransferSnapshot } from "./transfer_record.ts";

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
  readonly #incoming: Slots;
  readonly #active = new Set<TransferHandle>();
  readonly #ended: TransferSnapshot[] = [];
  /** What is being received, by transfer key. */
  readonly #underWay = new Map<string, UnderWay>();
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
    this.#incoming = new Slots(options.settings.maxParallel);
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
    const active = [...this.#active];
    for (const handle of active) handle.cancel();
    await Promise.all(active.map((handle) => handle.outcome));
  }

  /** Takes new settings for what begins from now on; the rate limit holds at once. */
  updateSettings(settings: TransferSettings): void {
    this.#settings = settings;
    this.#limiter.setRate(settings.rateLimitBytesPerSecond);
    this.#outgoing.setLimit(settings.maxParallel);
    this.#incoming.setLimit(settings.maxParallel);
  }

  /** Removes partial data older than the configured time to live. Returns how many files went. */
  reclaim(): Promise<number> {
    return reclaimPartials({
      storage: this.#options.storage,
      outputDir: this.#outputDir(),
      olderThanMs: this.#options.clock.epochMs() - this.#settings.partialTtlMs,
      activeKeys: new Set(this.#underWay.keys()),
    });
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
    const { transferId, direction, peerId } = facts;
    const { record, handle } = this.#begin(transferId, direction, peerId, facts);
    void this.#conclude(handle, record, async () => {
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
    return this.#active.size;
  }

  /** Running ones first, then the most recent ended ones. */
  transfers(limit: number): TransferSnapshot[] {
    const views: TransferSnapshot[] = [];
    for (const handle of this.#active) {
      if (views.length >= limit) return views;
      views.push(handle.snapshot());
    }
    for (let i = this.#ended.length - 1; i >= 0 && views.length < limit; i--) views.push(this.#ended[i]);
    return views;
  }

  /** The transfer under way whose id begins with `idPrefix`, or null when there is none or more than one. */
  find(idPrefix: string): TransferHandle | null {
    const found = [...this.#active].filter((handle) => handle.id.startsWith(idPrefix.toLowerCase()));
    return found.length === 1 ? found[0] : null;
  }

  /**
   * Sends the files and directories at `paths` (absolute) over `session`.
   *
   * Returns at once; the handle tells how it goes.
   */
  send(session: PeerSession, paths: readonly string[]): TransferHandle {
    const id = randomBytes(this.#options.entropy, 16);
    const name = printableName(paths[0]?.split("/").filter((part) => part !== "").at(-1) ?? "");
    const { record, handle } = this.#begin(toHex(id), "send", session.peerId, {
      name,
      files: 0,
      bytesTotal: 0,
    });
    void this.#conclude(handle, record, () => this.#runSend(session, paths, id, record, handle));
    return handle;
  }

  async #runSend(
    session: PeerSession,
    paths: readonly string[],
    id: Uint8Array<ArrayBuffer>,
    record: TransferRecord,
    handle: TransferHandle,
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
        pool: new ChunkPool(SEND_BUFFERS),
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
  async handleIncoming(session: PeerSession, stream: PeerStream): Promise<void> {
    const reader = new MessageReader(stream);
    const writer = new MessageWriter(stream);
    const link = new Link(stream, writer, this.#options.timers);
    // A peer that opens a stream and falls silent is not waited for.
    const giveUp = this.#options.timers.after(OFFER_TIMEOUT_MS, () => stream.reset(STREAM_CODES.limit));
    let offer: OfferMessage;
    try {
      offer = await readOffer(reader);
    } catch (error) {
      return link.fail(asTransferError(error), "reject");
    } finally {
      giveUp();
    }
    const { record, handle } = this.#begin(toHex(offer.id), "receive", session.peerId, {
      name: printableName(offer.name),
      files: offer.files,
      bytesTotal: offer.bytes,
    });
    handle.attach(link);
    await this.#conclude(handle, record, async () => {
      try {
        record.offered(this.#acceptedTrace(session.peerId, offer));
        await this.#runReceive(session, offer, { stream, reader, writer, link, record });
      } catch (error) {
        if (!record.hasStarted) link.fail(asTransferError(error), "reject");
        throw link.failure ?? error;
      } finally {
        if (link.failure === null) stream.finish().catch(() => {});
      }
    });
  }

  async #runReceive(session: PeerSession, offer: OfferMessage, wires: IncomingWires): Promise<void> {
    const settings = this.#settings;
    requireAcceptedPeer(settings, session.peerId);
    requireAcceptedSize(offer);
    if (this.#stopped) throw new TransferError("refused_busy", "Refused: this node is stopping");
    if (this.#incoming.waiting >= MAX_WAITING_OFFERS) {
      throw new TransferError(
        "refused_busy",
        "Refused: too many transfers are waiting here; try again later",
      );
    }
    // The rest of the offer stays with the sender until there is room: waiting costs no memory.
    await this.#incoming.take(AbortSignal.any([wires.link.signal, session.ended]));
    try {
      const { storage } = this.#options;
      const manifest = await readManifest(wires.reader, offer, settings, storage.platform);
      const key = transferKey(session.peerId, topNamesOf(manifest.entries).keys());
      const release = await this.#claim(key, session, wires.link);
      try {
        await this.#receiveUnderKey(session, manifest, key, settings, wires);
      } finally {
        release();
      }
    } finally {
      this.#incoming.give();
    }
  }

  /**
   * Makes way for a peer that sends the same files again. In another session it has started over, and the
   * attempt before is dead even if nobody noticed yet; in the same session both are alive.
   *
   * @returns what gives the key back.
   * @throws {TransferError} `refused_busy`.
   */
  async #claim(key: string, session: PeerSession, link: Link): Promise<() => void> {
    for (let older = this.#underWay.get(key); older !== undefined; older = this.#underWay.get(key)) {
      if (older.session === session) {
        throw new TransferError("refused_busy", "Refused: the same files are being received already");
      }
      older.link.onPeerFailed(new TransferError("network", "The sender started over in a new session"));
      await older.rested;
    }
    // In the same turn as the look above: another may be waiting for the same key.
    const { promise: rested, resolve: rest } = Promise.withResolvers<void>();
    this.#underWay.set(key, { session, link, rested });
    return () => {
      this.#underWay.delete(key);
      rest();
    };
  }

  async #receiveUnderKey(
    session: PeerSession,
    manifest: Manifest,
    key: string,
    settings: TransferSettings,
    wires: IncomingWires,
  ): Promise<void> {
    const { storage, clock, timers } = this.#options;
    const outputDir = this.#outputDir();
    const journalPath = `${outputDir}/${JOURNAL_PREFIX}${key}`;
    await guarded(outputDir, () => makeDirectories(storage, outputDir));
    const journal = await guarded("the journal", () => Journal.open(storage, journalPath, session.peerId));
    let isOver = false;
    try {
      const destination = new Destination({
        storage,
        outputDir,
        overwrite: settings.overwrite,
        journal,
        key,
      });
      const receiver = new Receiver({
        clock,
        timers,
        storage,
        destination,
        journal,
        manifest,
        pool: new ChunkPool(RECEIVE_BUFFERS),
        limiter: this.#limiter,
        ...wires,
      });
      await this.#requireSpace(manifest, journal, destination, outputDir);
      for (const [top, isDirectory] of topNamesOf(manifest.entries)) {
        await destination.settleTop(top, isDirectory);
      }
      isOver = (await receiver.run()).confirmed;
    } catch (error) {
      isOver = journal.isEmpty;
      throw error;
    } finally {
      // A journal that cannot be removed or completed now is found, or reclaimed, later.
      await (isOver ? journal.remove() : journal.close()).catch(() => {});
    }
  }

  /** Compares what is still to come with what the disk can take, where that can be known. */
  async #requireSpace(
    manifest: Manifest,
    journal: Journal,
    destination: Destination,
    outputDir: string,
  ): Promise<void> {
    const free = await this.#options.storage.freeBytes(outputDir);
    if (free === null) return;
    let needed = 0;
    for (const { path, sizeBytes } of manifest.entries) {
      const earlier = journal.file(path);
      const there = earlier === null
        ? null
        : await this.#options.storage.lstat(earlier.placed?.path ?? destination.partialPathOf(path));
      needed += Math.max(0, sizeBytes - (there?.sizeBytes ?? 0));
    }
    if (needed <= free) return;
    throw new TransferError(
      "refused_space",
      `Refused: ${needed} bytes are needed and ${Math.max(0, Math.floor(free))} are free at the receiver`,
    );
  }

  #begin(
    transferId: string,
    direction: TransferDirection,
    peerId: PeerId,
    { name, files, bytesTotal }: { name: string; files: number; bytesTotal: number },
  ): { record: TransferRecord; handle: TransferHandle } {
    const { clock, emit } = this.#options;
    const facts = { transferId, direction, peerId, name, files, bytesTotal };
    const record = new TransferRecord(clock, emit, facts);
    const handle = new TransferHandle(record);
    this.#active.add(handle);
    return { record, handle };
  }

  async #conclude(handle: TransferHandle, record: TransferRecord, run: () => Promise<void>): Promise<void> {
    try {
      await run();
      record.completed();
    } catch (error) {
      record.failed(asTransferError(error));
    }
    this.#active.delete(handle);
    this.#ended.push(record.snapshot());
    if (this.#ended.length > MAX_REMEMBERED) this.#ended.shift();
    handle.end();
  }

  #acceptedTrace(peerId: PeerId, offer: OfferMessage): string | undefined {
    const { traceparent } = offer;
    if (traceparent === undefined || !this.#options.trace?.accepts(peerId)) return undefined;
    return TRACEPARENT.test(traceparent) ? traceparent : undefined;
  }

  #outputDir(): string {
    return withoutTrailingSlash(this.#settings.outputDir);
  }
}

interface UnderWay {
  readonly session: PeerSession;
  readonly link: Link;
  /** Resolves when nothing of it touches the disk any more. */
  readonly rested: Promise<void>;
}

interface IncomingWires {
  readonly stream: PeerStream;
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  readonly link: Link;
  readonly record: TransferRecord;
}

/** Makes `path` and what is missing above it. */
async function makeDirectories(storage: Storage, path: string): Promise<void> {
  if ((await storage.stat(path))?.kind === "directory") return;
  const slash = path.lastIndexOf("/");
  if (slash > 0) await makeDirectories(storage, path.slice(0, slash));
  await storage.makeDirectory(path);
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** Eight steps read ahead, one being written, and one to serve what is asked for again. */
const SEND_BUFFERS = 10;
/** 4 MiB of writes under way hide a disk's latency at 2 Gbit/s. */
const RECEIVE_BUFFERS = 16;
const MAX_WAITING_OFFERS = 64;
const MAX_REMEMBERED = 100;
const FINISH_LIMIT_MS = 2_000;
const OFFER_TIMEOUT_MS = 30_000;
const RECLAIM_INTERVAL_MS = 3_600_000;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
