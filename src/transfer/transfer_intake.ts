/**
 * What peers offer: checked against policy, admitted, and received under the output directory.
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { STREAM_CODES } from "../wire/codes.ts";
import { ChunkPool, RUN_BYTES } from "./chunk_pool.ts";
import { Destination, guarded, JOURNAL_PREFIX, topNamesOf, transferKey } from "./destination.ts";
import { type Manifest, readManifest, readOffer } from "./incoming_offer.ts";
import { Journal } from "./journal.ts";
import { asTransferError, Link } from "./link.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import type { OfferMessage } from "./messages.ts";
import { printableName } from "./path_safety.ts";
import type { PeerSession, PeerStream } from "./peer_stream.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import { Receiver } from "./receiver.ts";
import { requireAcceptedPeer, requireAcceptedSize, type TransferSettings } from "./settings.ts";
import { Slots } from "./slots.ts";
import type { Storage } from "./storage.ts";
import type { Timers } from "./timers.ts";
import { TransferError } from "./transfer_error.ts";
import type { TransferList } from "./transfer_list.ts";
import type { TransferRecord } from "./transfer_record.ts";

export interface TransferIntakeOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly limiter: RateLimiter;
  readonly list: TransferList;
  readonly maxParallel: number;
  /** The settings in force; `outputDir` without a trailing slash. */
  readonly settings: () => TransferSettings;
  /** Whether the trace context that `peerId` sends is taken over. */
  readonly acceptsTrace: (peerId: PeerId) => boolean;
}

/** Takes in what peers offer. */
export class TransferIntake {
  readonly #options: TransferIntakeOptions;
  readonly #incoming: Slots;
  /** What is being received, by transfer key. */
  readonly #underWay = new Map<string, UnderWay>();
  #stopping = false;

  constructor(options: TransferIntakeOptions) {
    this.#options = options;
    this.#incoming = new Slots(options.maxParallel);
  }

  /** From now on every offer is refused. */
  stop(): void {
    this.#stopping = true;
  }

  setMaxParallel(limit: number): void {
    this.#incoming.setLimit(limit);
  }

  /** Keys of the transfers under way, which their journals' names hold. */
  get activeKeys(): ReadonlySet<string> {
    return new Set(this.#underWay.keys());
  }

  /**
   * Takes in what a peer offers on `stream`, whose type was read already. Resolves when the stream is done with;
   * never rejects.
   */
  async handle(session: PeerSession, stream: PeerStream): Promise<void> {
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
    const transfer = this.#options.list.begin({
      transferId: toHex(offer.id),
      direction: "receive",
      peerId: session.peerId,
      name: printableName(offer.name),
      files: offer.files,
      bytesTotal: offer.bytes,
    });
    const { record, handle } = transfer;
    handle.attach(link);
    await this.#options.list.conclude(transfer, async () => {
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
    const settings = this.#options.settings();
    requireAcceptedPeer(settings, session.peerId);
    requireAcceptedSize(offer);
    if (this.#stopping) throw new TransferError("refused_busy", "Refused: this node is stopping");
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
    const { storage, clock, timers, limiter } = this.#options;
    const { outputDir } = settings;
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
        pool: new ChunkPool(RECEIVE_BUFFERS, RUN_BYTES),
        limiter,
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

  #acceptedTrace(peerId: PeerId, offer: OfferMessage): string | undefined {
    const { traceparent } = offer;
    if (traceparent === undefined || !this.#options.acceptsTrace(peerId)) return undefined;
    return TRACEPARENT.test(traceparent) ? traceparent : undefined;
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

/** Small files that may be under way to the disk at once; of large ones less. */
const RECEIVE_BUFFERS = 16;
const MAX_WAITING_OFFERS = 64;
const OFFER_TIMEOUT_MS = 30_000;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
