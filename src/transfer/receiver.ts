/**
 * The receiving end of one transfer, from the accepted offer to the last receipt.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { equalBytes } from "../bytes.ts";
import { BackgroundSteps } from "./background_steps.ts";
import type { ChunkPool } from "./chunk_pool.ts";
import { CommitQueue } from "./commit_queue.ts";
import { CHUNK_BYTES, chunkLength, leafHash } from "./content_tree.ts";
import { type Destination, guarded } from "./destination.ts";
import { GatheredWrites } from "./gathered_writes.ts";
import { lookForEarlier, runBytes } from "./earlier_attempt.ts";
import { IncomingFile } from "./incoming_file.ts";
import type { Manifest } from "./incoming_offer.ts";
import type { Journal } from "./journal.ts";
import { asTransferError, type Link } from "./link.ts";
import type { MessageReader } from "./message_reader.ts";
import type { MessageWriter } from "./message_writer.ts";
import type { Message } from "./messages.ts";
import { PartialFiles } from "./partial_files.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import { Settlement } from "./settlement.ts";
import { SILENCE_MS, SilenceWatch } from "./silence_watch.ts";
import type { Storage } from "./storage.ts";
import type { Timers } from "./timers.ts";
import { TransferError } from "./transfer_error.ts";
import type { TransferRecord } from "./transfer_record.ts";
import { zeroLeaf } from "./zero_leaf.ts";

type Hash = Uint8Array<ArrayBuffer>;

export interface ReceiverOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly storage: Storage;
  readonly destination: Destination;
  readonly journal: Journal;
  readonly manifest: Manifest;
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  readonly link: Link;
  /** Buffers of `RUN_BYTES`. */
  readonly pool: ChunkPool;
  readonly limiter: RateLimiter;
  readonly record: TransferRecord;
}

/** Takes in the files of one accepted offer. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #files: (IncomingFile | null)[] = [];
  readonly #partials: PartialFiles;
  readonly #commits: CommitQueue;
  readonly #settlement: Settlement;
  readonly #background: BackgroundSteps;
  readonly #writes: GatheredWrites;
  #savedAt = 0;
  #savedBytes = 0;
  #bytesWhilePaused = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const { manifest, storage, destination, journal } = options;
    this.#partials = new PartialFiles(options);
    this.#settlement = new Settlement(options);
    this.#background = new BackgroundSteps({
      onFailed: (file, failure) => this.#failFile(file, failure, true),
      onEnded: (file) => {
        if (file.settled === "failed" && file.isIdle) this.#partials.release(file);
      },
    });
    this.#writes = new GatheredWrites({
      clock: options.clock,
      pool: options.pool,
      partials: this.#partials,
      background: this.#background,
      onSaved: (file, index) => this.#onSaved(file, index),
    });
    this.#commits = new CommitQueue({
      storage,
      destination,
      journal,
      mayReplace: (path) => !manifest.paths.collides(path),
      onDelivered: (files) => this.#settlement.delivered(files),
      onFailed: (file, failure) => this.#failFile(file, failure, true),
      onBroken: (failure) => this.#options.link.fail(asTransferError(failure)),
    });
  }

  /**
   * Says what is there already, accepts, and takes in everything. Resolves when all is delivered, with whether
   * the sender is known to know it.
   *
   * @throws {TransferError} with the reason why not all was delivered.
   */
  async run(): Promise<{ readonly confirmed: boolean }> {
    let confirmed = false;
    try {
      await this.#announceWhatIsThere();
      await this.#options.writer.send({ type: "accept" });
      this.#options.record.started();
      await this.#settlement.conclude();
      confirmed = await this.#readAll();
    } finally {
      await this.#windUp();
    }
    this.#options.link.signal.throwIfAborted();
    this.#settlement.throwIfAnyFailed();
    return { confirmed };
  }

  async #announceWhatIsThere(): Promise<void> {
    const { manifest, writer, record } = this.#options;
    for (const [index, entry] of manifest.entries.entries()) {
      if (entry.isDirectory) {
        await guarded(entry.path, () => this.#options.destination.ensureDirectory(entry.path));
        this.#files.push(null);
        continue;
      }
      const { source, runs } = await lookForEarlier(this.#options, entry.path, entry.sizeBytes);
      this.#files.push(new IncomingFile(index, entry, source));
      if (runs.length > 0) await writer.queue({ type: "have", file: index, runs });
      for (const run of runs) record.bytesResumed += runBytes(run, entry.sizeBytes);
    }
  }

  /** Reads until the sender has finished. True when it did so after all was settled. */
  async #readAll(): Promise<boolean> {
    const { reader, link } = this.#options;
    const watch = this.#watchForSilence();
    try {
      for (;;) {
        await this.#commits.room();
        watch.waiting();
        const message = await reader.next();
        watch.heard();
        if (message === null) break;
        await this.#handle(message);
      }
    } catch (error) {
      // What is delivered stays so when the connection is cut behind the last word. And after giving up, the
      // stream ends the way the other side lets go of it.
      if (!this.#settlement.isSaid && link.failure === null) link.fail(asTransferError(error));
      return false;
    } finally {
      watch.stop();
    }
    const { isSaid } = this.#settlement;
    if (!isSaid) link.onPeerFailed(new TransferError("network", "The sender ended before it was done"));
    return isSaid;
  }

  /** A sender that is connected but says nothing does not keep its place for ever. */
  #watchForSilence(): SilenceWatch {
    const { clock, timers, link } = this.#options;
    return new SilenceWatch({
      clock,
      timers,
      isExcused: () => link.paused,
      onSilent: () => {
        if (this.#settlement.isSaid) return link.letGoSoon();
        const minutes = SILENCE_MS / 60_000;
        link.fail(new TransferError("network", `The sender sent nothing for ${minutes} minutes`));
      },
    });
  }

  async #handle(message: Message): Promise<void> {
    if (message.type !== "chunk") this.#writes.flush();
    switch (message.type) {
      case "chunk":
        return await this.#onChunk(message.file, message.index, message.leaf);
      case "keep":
        return await this.#onKeep(message.file, message.first, message.leaves);
      case "hole":
        return await this.#onHole(message.file, message.first, message.count);
      case "file_end":
        return await this.#onFileEnd(message.file, message.root);
      case "file_failed": {
        const file = this.#fileAt(message.file);
        this.#failFile(file, new TransferError(message.reason, message.message), false);
        return;
      }
      case "pause":
        return this.#onPause(message.paused);
      case "abort":
        this.#options.link.onPeerFailed(new TransferError(message.reason, message.message));
        return;
      default:
        throw new TransferError("protocol", `Refused: unexpected ${message.type} message`);
    }
  }

  #onPause(paused: boolean): void {
    const { link, record } = this.#options;
    link.onPeerPaused(paused);
    if (link.paused) record.paused();
    else record.resumed();
  }

  async #onChunk(fileIndex: number, index: number, leaf: Hash): Promise<void> {
    const { reader, limiter, link, record } = this.#options;
    const file = this.#fileAt(fileIndex);
    if (index >= file.chunks) {
      throw new TransferError("protocol", `Refused: "${file.name}" has no chunk ${index}`);
    }
    const length = chunkLength(file.entry.sizeBytes, index);
    await this.#holdWhilePaused(length);
    if (link.failure === null) await limiter.take(length, link.signal).catch(() => {});
    const bytes = await this.#writes.slot(file, index, length);
    await reader.readFully(bytes);
    record.bytesTransferred += length;
    if (link.failure !== null || file.settled !== "no" || !this.#announce(file, index, leaf)) return;
    file.begin();
    if (equalBytes(leafHash(bytes), leaf)) return this.#writes.accept(length);
    record.chunkRejected(file.entry.path, index);
    this.#ask(file, index, leaf);
  }

  /** Announces a chunk; false when the file fails by it. @throws {TransferError} `protocol`. */
  #announce(file: IncomingFile, index: number, leaf: Hash): boolean {
    try {
      file.announce(index, leaf);
      return true;
    } catch (error) {
      if (!(error instanceof TransferError) || error.reason === "protocol") throw error;
      this.#failFile(file, error, true);
      return false;
    }
  }

  async #onKeep(fileIndex: number, first: number, leaves: readonly Hash[]): Promise<void> {
    const { pool, link } = this.#options;
    const file = this.#fileAt(fileIndex);
    for (const [offset, leaf] of leaves.entries()) {
      if (link.failure !== null || file.settled !== "no") return;
      if (file.source.kind === "new") {
        throw new TransferError("protocol", `Refused: "${file.name}" has nothing to keep`);
      }
      const index = first + offset;
      if (!this.#announce(file, index, leaf)) return;
      file.begin();
      const buffer = await pool.take();
      this.#background.run(file, async () => {
        let found: Hash;
        try {
          const stored = await this.#partials.open(file);
          const bytes = buffer.subarray(0, chunkLength(file.entry.sizeBytes, index));
          found = leafHash(bytes.subarray(0, await stored.readAt(index * CHUNK_BYTES, bytes)));
        } finally {
          pool.give(buffer);
        }
        if (equalBytes(found, leaf)) this.#onSaved(file, index);
        else await this.#onStale(file, index, leaf);
      });
    }
  }

  /** A chunk of an earlier attempt is not what the sender has now. */
  async #onStale(file: IncomingFile, index: number, leaf: Hash): Promise<void> {
    this.#options.record.chunkRejected(file.entry.path, index);
    // What lies under a final name is not written to: its chunks come again, into a file of their own.
    if (file.source.kind === "delivered") this.#partials.restart(file);
    await this.#partials.open(file);
    this.#ask(file, index, leaf);
  }

  async #onHole(fileIndex: number, first: number, count: number): Promise<void> {
    const { pool, link } = this.#options;
    const file = this.#fileAt(fileIndex);
    if (first + count > file.chunks) {
      throw new TransferError("protocol", `Refused: a hole of "${file.name}" ends behind it`);
    }
    file.hasHoles = true;
    for (let index = first; index < first + count; index++) {
      if (link.failure !== null || file.settled !== "no") return;
      const length = chunkLength(file.entry.sizeBytes, index);
      if (!this.#announce(file, index, zeroLeaf(length))) return;
      file.begin();
      const buffer = await pool.take();
      this.#background.run(file, async () => {
        try {
          const stored = await this.#partials.open(file);
          // What a fresh file was never given reads as zeros already, and takes no space.
          if (!file.isFresh) await stored.writeAt(index * CHUNK_BYTES, buffer.fill(0).subarray(0, length));
        } finally {
          pool.give(buffer);
        }
        this.#onSaved(file, index);
      });
    }
  }

  async #onFileEnd(fileIndex: number, root: Hash): Promise<void> {
    const file = this.#fileAt(fileIndex);
    if (this.#options.link.failure !== null || file.settled !== "no") return;
    try {
      file.end(root);
    } catch (error) {
      if (!(error instanceof TransferError) || error.reason === "protocol") throw error;
      this.#failFile(file, error, true);
      return;
    }
    if (file.stored !== null) return this.#commitIfWhole(file);
    // Empty, still being opened, or closed meanwhile. The buffer is a place among the steps under way.
    file.begin();
    const place = await this.#options.pool.take();
    this.#background.run(file, async () => {
      try {
        await this.#partials.open(file);
      } finally {
        this.#options.pool.give(place);
      }
      file.giveUp();
      this.#commitIfWhole(file);
    });
  }

  #onSaved(file: IncomingFile, index: number): void {
    const { record, journal } = this.#options;
    file.succeed(index);
    if (file.settled !== "no") return;
    const length = chunkLength(file.entry.sizeBytes, index);
    file.bytesSaved += length;
    record.bytesDone += length;
    record.chunksDone++;
    record.current = {
      path: file.entry.path,
      sizeBytes: file.entry.sizeBytes,
      bytesDone: file.bytesSaved,
    };
    record.moved();
    // One chunk has nothing to resume: what a small file needs is the record of its place.
    if (file.source.kind !== "delivered" && file.chunks > 1) journal.noteChunk(file.entry.path, index);
    this.#reportSaved();
    this.#commitIfWhole(file);
  }

  /** Tells the sender how far things are: every few megabytes, and several times a second on slow links. */
  #reportSaved(): void {
    const { record, clock, journal, link } = this.#options;
    const now = clock.now();
    if (record.bytesDone - this.#savedBytes < SAVED_BYTES && now - this.#savedAt < SAVED_MS) return;
    this.#savedAt = now;
    this.#savedBytes = record.bytesDone;
    journal.flush().catch((error) => link.fail(asTransferError(error)));
    this.#tell({ type: "saved", bytes: record.bytesDone });
  }

  #commitIfWhole(file: IncomingFile): void {
    if (file.settled === "no" && file.isWhole && this.#options.link.failure === null) {
      this.#partials.handOver(file);
      this.#commits.push(file);
    }
  }

  #ask(file: IncomingFile, index: number, leaf: Hash): void {
    try {
      file.miss(index, leaf);
    } catch (failure) {
      this.#failFile(file, failure as TransferError, true);
      return;
    }
    this.#tell({ type: "want", file: file.index, first: index, count: 1 });
  }

  #failFile(file: IncomingFile, failure: TransferError, isOurs: boolean): void {
    if (this.#settlement.failed(file, failure, isOurs) && file.isIdle) this.#partials.release(file);
  }

  #tell(message: Message): void {
    this.#options.writer.send(message).catch(() => {
      // The stream is gone: whoever reads it ends the transfer.
    });
  }

  /** What is under way when the sender learns of a pause still arrives; a sender that ignores it waits here. */
  async #holdWhilePaused(length: number): Promise<void> {
    const { link } = this.#options;
    if (!link.pausedHere) {
      this.#bytesWhilePaused = 0;
      return;
    }
    this.#bytesWhilePaused += length;
    if (this.#bytesWhilePaused <= PAUSE_SLACK_BYTES) return;
    await link.waitUntil(() => !link.pausedHere).catch(() => {});
  }

  /** Lets everything under way come to rest, whatever happened. */
  async #windUp(): Promise<void> {
    this.#writes.flush();
    await this.#background.idle();
    await this.#commits.idle();
    for (const file of this.#files) if (file !== null && file.settled !== "delivered") file.stored?.close();
  }

  #fileAt(index: number): IncomingFile {
    const file = this.#files[index];
    if (file) return file;
    throw new TransferError("protocol", `Refused: the offer has no file ${index}`);
  }
}

const SAVED_BYTES = 4 * 2 ** 20;
const SAVED_MS = 250;
const PAUSE_SLACK_BYTES = 64 * 2 ** 20;
