/**
 * The receiving end of one transfer, from the accepted offer to the last receipt.
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";
import { equalBytes } from "../bytes.ts";
import type { ChunkPool } from "./chunk_pool.ts";
import { CommitQueue } from "./commit_queue.ts";
import { CHUNK_BYTES, chunkCount, chunkLength, leafHash } from "./content_tree.ts";
import { type Destination, guarded } from "./destination.ts";
import { type FileSource, IncomingFile } from "./incoming_file.ts";
import type { Manifest } from "./incoming_offer.ts";
import type { Journal } from "./journal.ts";
import { asTransferError, type Link } from "./link.ts";
import type { MessageReader } from "./message_reader.ts";
import type { MessageWriter } from "./message_writer.ts";
import type { ChunkRun, Message } from "./messages.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import { type Storage, StorageError, type StoredFile } from "./storage.ts";
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
  readonly pool: ChunkPool;
  readonly limiter: RateLimiter;
  readonly record: TransferRecord;
}

/** Takes in the files of one accepted offer. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #files: (IncomingFile | null)[] = [];
  readonly #commits: CommitQueue;
  readonly #opening = new Map<IncomingFile, Promise<StoredFile>>();
  readonly #atRest: (() => void)[] = [];
  // Delivered files that were replaced by a copy, while checks of them may still be under way.
  readonly #retired: StoredFile[] = [];
  #unsettled = 0;
  #firstFailure: TransferError | null = null;
  #savedAt = 0;
  #savedBytes = 0;
  #bytesWhilePaused = 0;
  #completed = false;
  #said = false;
  /** Since when the sender's next message is waited for; null while one is handled. */
  #waitingSince: Instant | null = null;
  #background = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const { manifest, storage, destination, journal } = options;
    this.#commits = new CommitQueue({
      storage,
      destination,
      journal,
      mayReplace: (path) => !manifest.paths.collides(path),
      onDelivered: (files) => this.#onDelivered(files),
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
      await this.#settleWhenAllIsSettled();
      confirmed = await this.#readAll();
    } finally {
      await this.#windUp();
    }
    this.#options.link.signal.throwIfAborted();
    if (this.#firstFailure !== null) throw summary(this.#firstFailure, this.#options.record);
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
      const { source, runs } = await this.#lookForEarlier(entry.path, entry.sizeBytes);
      this.#files.push(new IncomingFile(index, entry, source));
      this.#unsettled++;
      if (runs.length > 0) await writer.queue({ type: "have", file: index, runs });
      for (const run of runs) record.bytesResumed += runBytes(run, entry.sizeBytes);
    }
  }

  /** What an earlier attempt left of a file, going by the journal and by what lies on the disk. */
  async #lookForEarlier(path: string, sizeBytes: number): Promise<{ source: FileSource; runs: ChunkRun[] }> {
    const { journal, storage, destination } = this.#options;
    const nothing = { source: { kind: "new" } as const, runs: [] };
    const earlier = journal.file(path);
    if (earlier === null) return nothing;
    const chunks = chunkCount(sizeBytes);
    const partial = await storage.lstat(destination.partialPathOf(path));
    if (earlier.placed !== null && earlier.sizeBytes === sizeBytes) {
      const facts = await storage.lstat(earlier.placed.path);
      const isOurs = facts?.kind === "file" && facts.sizeBytes === sizeBytes &&
        facts.mtimeMs === earlier.placed.mtimeMs;
      if (isOurs) {
        // Interrupted between its two names: the second one is only in the way.
        if (partial?.identity === facts.identity) await storage.remove(destination.partialPathOf(path));
        const runs = chunks === 0 ? [] : [{ first: 0, count: chunks }];
        return { source: { kind: "delivered", path: earlier.placed.path }, runs };
      }
    }
    if (partial?.kind !== "file") return nothing;
    // A chunk at the end of either version may be of another length in this one: it is not claimed.
    const comparable = Math.floor(Math.min(earlier.sizeBytes, sizeBytes, partial.sizeBytes) / CHUNK_BYTES);
    const whole = earlier.sizeBytes === sizeBytes && partial.sizeBytes >= sizeBytes ? chunks : comparable;
    return { source: { kind: "partial" }, runs: earlier.saved.runs(whole, MAX_HAVE_RUNS) };
  }

  /** Reads until the sender has finished. True when it did so after all was settled. */
  async #readAll(): Promise<boolean> {
    const { reader, link } = this.#options;
    const stopWatching = this.#watchForSilence();
    try {
      for (;;) {
        this.#waitingSince = this.#options.clock.now();
        const message = await reader.next();
        this.#waitingSince = null;
        if (message === null) break;
        await this.#handle(message);
      }
    } catch (error) {
      // What is delivered stays so when the connection is cut behind the last word. And after giving up, the
      // stream ends the way the other side lets go of it.
      if (!this.#said && link.failure === null) link.fail(asTransferError(error));
      return false;
    } finally {
      stopWatching();
    }
    if (!this.#said) link.onPeerFailed(new TransferError("network", "The sender ended before it was done"));
    return this.#said;
  }

  /** A sender that is connected but says nothing does not keep its place for ever. Returns what ends the watch. */
  #watchForSilence(): () => void {
    const { clock, timers, link } = this.#options;
    const look = () => {
      const isSilent = this.#waitingSince !== null && clock.now() - this.#waitingSince >= SILENCE_MS;
      if (isSilent && !link.paused) {
        if (this.#said) return link.letGoSoon();
        const minutes = SILENCE_MS / 60_000;
        return link.fail(new TransferError("network", `The sender sent nothing for ${minutes} minutes`));
      }
      cancel = timers.after(SILENCE_CHECK_MS, look);
    };
    let cancel = timers.after(SILENCE_CHECK_MS, look);
    return () => cancel();
  }

  async #handle(message: Message): Promise<void> {
    switch (message.type) {
      case "chunk":
        return await this.#onChunk(message.file, message.index, message.leaf);
      case "keep":
        return await this.#onKeep(message.file, message.first, message.leaves);
      case "hole":
        return await this.#onHole(message.file, message.first, message.count);
      case "file_end":
        return this.#onFileEnd(message.file, message.root);
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
    const { pool, reader, limiter, link, record } = this.#options;
    const file = this.#fileAt(fileIndex);
    if (index >= file.chunks) {
      throw new TransferError("protocol", `Refused: "${file.name}" has no chunk ${index}`);
    }
    const length = chunkLength(file.entry.sizeBytes, index);
    await this.#holdWhilePaused(length);
    if (link.failure === null) await limiter.take(length, link.signal).catch(() => {});
    const buffer = await pool.take();
    const bytes = buffer.subarray(0, length);
    try {
      await reader.readFully(bytes);
    } catch (error) {
      pool.give(buffer);
      throw error;
    }
    record.bytesTransferred += length;
    if (link.failure !== null || file.settled !== "no" || !this.#announce(file, index, leaf)) {
      pool.give(buffer);
      return;
    }
    file.begin();
    if (!equalBytes(leafHash(bytes), leaf)) {
      pool.give(buffer);
      record.chunkRejected(file.entry.path, index);
      this.#ask(file, index, leaf);
      return;
    }
    this.#inBackground(file, async () => {
      try {
        const stored = await this.#open(file);
        await stored.writeAt(index * CHUNK_BYTES, bytes);
      } finally {
        pool.give(buffer);
      }
      this.#onSaved(file, index);
    });
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
      this.#inBackground(file, async () => {
        let found: Hash;
        try {
          const stored = await this.#open(file);
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
    if (file.source.kind === "delivered") {
      file.source = { kind: "partial" };
      this.#opening.set(file, this.#restart(file));
    }
    await this.#open(file);
    this.#ask(file, index, leaf);
  }

  /**
   * Turns a delivered file that is not what it should be into one under reception: a copy of it, for the file
   * itself is not written to.
   */
  async #restart(file: IncomingFile): Promise<StoredFile> {
    const old = file.stored!;
    const { storage, destination, journal } = this.#options;
    const { path, sizeBytes } = file.entry;
    this.#retired.push(old);
    await storage.remove(destination.partialPathOf(path));
    const copy = await storage.open(destination.partialPathOf(path), "create");
    file.stored = copy;
    journal.noteFile(path, sizeBytes);
    // Not from the pool: those who wait for this copy may hold all of that.
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
      await copy.writeAt(at, buffer.subarray(0, await old.readAt(at, buffer)));
    }
    return copy;
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
      this.#inBackground(file, async () => {
        try {
          const stored = await this.#open(file);
          // What a fresh file was never given reads as zeros already, and takes no space.
          if (!file.isFresh) await stored.writeAt(index * CHUNK_BYTES, buffer.fill(0).subarray(0, length));
        } finally {
          pool.give(buffer);
        }
        this.#onSaved(file, index);
      });
    }
  }

  #onFileEnd(fileIndex: number, root: Hash): void {
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
    // Empty, or still being opened.
    file.begin();
    this.#inBackground(file, async () => {
      await this.#open(file);
      file.giveUp();
      this.#commitIfWhole(file);
    });
  }

  #open(file: IncomingFile): Promise<StoredFile> {
    let opening = this.#opening.get(file);
    if (opening === undefined) {
      opening = this.#openNow(file);
      this.#opening.set(file, opening);
    }
    return opening;
  }

  async #openNow(file: IncomingFile): Promise<StoredFile> {
    const { storage, destination, journal } = this.#options;
    const { path, sizeBytes } = file.entry;
    if (file.source.kind === "delivered") {
      file.stored = await storage.open(file.source.path, "read");
      return file.stored;
    }
    await destination.ensureParent(path);
    const partialPath = destination.partialPathOf(path);
    if (file.source.kind === "partial") {
      file.stored = await storage.open(partialPath, "update");
      if (journal.file(path)?.sizeBytes !== sizeBytes) journal.noteFile(path, sizeBytes);
      return file.stored;
    }
    file.stored = await this.#createPartial(partialPath);
    file.isFresh = true;
    journal.noteFile(path, sizeBytes);
    return file.stored;
  }

  async #createPartial(path: string): Promise<StoredFile> {
    const { storage } = this.#options;
    try {
      return await storage.open(path, "create");
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "EEXIST") throw error;
      // Left by an attempt whose journal is gone.
      await storage.remove(path);
      return await storage.open(path, "create");
    }
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
      this.#opening.delete(file);
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

  async #onDelivered(files: readonly IncomingFile[]): Promise<void> {
    const { writer, record } = this.#options;
    for (const file of files) {
      record.filesDone++;
      this.#unsettled--;
      await writer.queue({ type: "receipt", file: file.index, root: file.root });
    }
    await writer.flush();
    await this.#settleWhenAllIsSettled();
  }

  #failFile(file: IncomingFile, failure: TransferError, isOurs: boolean): void {
    if (file.settled === "delivered" || file.settled === "failed") return;
    file.settled = "failed";
    const { record } = this.#options;
    this.#firstFailure ??= failure;
    record.filesFailed++;
    record.bytesDone -= file.bytesSaved;
    // What is damaged is of no use to a next attempt.
    if (failure.reason === "integrity") {
      this.#options.journal.noteFile(file.entry.path, file.entry.sizeBytes);
    }
    if (isOurs) {
      const { reason, message } = failure;
      this.#tell({ type: "file_failed", file: file.index, reason, message: message.slice(0, 1_024) });
    }
    if (file.isIdle) this.#release(file);
    this.#unsettled--;
    this.#settleWhenAllIsSettled().catch((error) => this.#options.link.fail(asTransferError(error)));
  }

  /** When every file is delivered or failed: directories get their modes and times, and the sender the word. */
  async #settleWhenAllIsSettled(): Promise<void> {
    const { link, record, writer } = this.#options;
    if (this.#unsettled > 0 || this.#completed || link.failure !== null) return;
    this.#completed = true;
    // File by file the roots have been compared already.
    record.verifying();
    record.verified();
    await this.#finishDirectories();
    await writer.send({ type: "complete", delivered: record.filesDone, failed: record.filesFailed });
    this.#said = true;
  }

  async #finishDirectories(): Promise<void> {
    const { manifest, storage, destination } = this.#options;
    await destination.syncDirectories([]);
    // Deepest first: putting something into a directory changes its time.
    for (const entry of manifest.entries.filter((each) => each.isDirectory).sort(deepestFirst)) {
      await guarded(entry.path, async () => {
        const path = destination.pathOf(entry.path);
        await destination.recheckParents(`${entry.path}/`);
        await storage.setModified(path, entry.mtimeMs);
        await storage.setMode(path, entry.mode);
      });
    }
  }

  /** Runs `step` while the next messages are read. The pool bounds how many of them there are. */
  #inBackground(file: IncomingFile, step: () => Promise<void>): void {
    this.#background++;
    guarded(file.entry.path, step)
      .catch((failure) => {
        file.giveUp();
        this.#failFile(file, failure as TransferError, true);
      })
      .finally(() => {
        this.#background--;
        if (file.settled === "failed" && file.isIdle) this.#release(file);
        if (this.#background === 0) { for (const wake of this.#atRest.splice(0)) wake(); }
      });
  }

  #release(file: IncomingFile): void {
    this.#opening.delete(file);
    file.stored?.close();
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
    while (this.#background > 0) await new Promise<void>((resolve) => this.#atRest.push(resolve));
    await this.#commits.idle();
    for (const stored of this.#retired) stored.close();
    for (const file of this.#files) if (file !== null && file.settled !== "delivered") file.stored?.close();
  }

  #fileAt(index: number): IncomingFile {
    const file = this.#files[index];
    if (file) return file;
    throw new TransferError("protocol", `Refused: the offer has no file ${index}`);
  }
}

function summary(first: TransferError, record: TransferRecord): TransferError {
  const total = record.filesDone + record.filesFailed;
  if (total === 1) return first;
  return new TransferError(
    first.reason,
    `${record.filesFailed} of ${total} files were not delivered, the first because: ${first.message}`,
    { cause: first },
  );
}

function deepestFirst(a: { readonly path: string }, b: { readonly path: string }): number {
  return b.path.split("/").length - a.path.split("/").length;
}

function runBytes(run: ChunkRun, sizeBytes: number): number {
  return Math.min((run.first + run.count) * CHUNK_BYTES, sizeBytes) - run.first * CHUNK_BYTES;
}

const SILENCE_MS = 300_000;
const SILENCE_CHECK_MS = 60_000;
const MAX_HAVE_RUNS = 2_048;
const SAVED_BYTES = 4 * 2 ** 20;
const SAVED_MS = 250;
const PAUSE_SLACK_BYTES = 64 * 2 ** 20;
