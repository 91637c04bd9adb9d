/**
 * Puts the files of a share under a directory: fetched from its providers, proven, durable, then named.
 *
 * A download that is interrupted leaves partial files and a journal. The next one of the same link into the same
 * directory fetches only the chunks that the journal lacks, and hashes the whole file before it counts: where the
 * root is another, what was kept is fetched again.
 *
 * @module
 */

import { equalBytes } from "../bytes.ts";
import type { ChunkSet } from "./chunk_set.ts";
import { CHUNK_BYTES, chunkCount, chunkLength, leafHash, RootBuilder } from "./content_tree.ts";
import { Destination, guarded, JOURNAL_PREFIX, type OverwritePolicy, parentOf } from "./destination.ts";
import { runBytes } from "./earlier_attempt.ts";
import { Journal } from "./journal.ts";
import { foldName } from "./path_safety.ts";
import { fetchContent, type FetchOptions } from "./share_fetcher.ts";
import type { SharedEntry } from "./share_manifest.ts";
import type { Storage, StoredFile } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";
import type { TransferRecord } from "./transfer_record.ts";

export interface ShareDownloadOptions {
  readonly storage: Storage;
  /** Absolute; exists. */
  readonly outputDir: string;
  readonly overwrite: OverwritePolicy;
  /** The share's link: what a journal must name to be continued. */
  readonly link: string;
  /** Tells this download's partial files from those of others. */
  readonly key: string;
  readonly entries: readonly SharedEntry[];
  /** Top-level names, each with whether it is a directory. */
  readonly tops: ReadonlyMap<string, boolean>;
  readonly record: TransferRecord;
  readonly fetch: Pick<FetchOptions, "providers" | "timers" | "signal" | "onRejected">;
  /** Waits until the next bytes may come. */
  readonly pace: (bytes: number) => Promise<void>;
}

/** One share on its way to one directory. */
export class ShareDownload {
  readonly #options: ShareDownloadOptions;
  readonly #journal: Journal;
  readonly #destination: Destination;

  private constructor(options: ShareDownloadOptions, journal: Journal) {
    this.#options = options;
    this.#journal = journal;
    const { storage, outputDir, overwrite, key } = options;
    this.#destination = new Destination({ storage, outputDir, overwrite, journal, key });
  }

  /** Fetches what is not there and puts it in place. A failure leaves what a next attempt goes on with. */
  static async run(options: ShareDownloadOptions): Promise<void> {
    const { storage, outputDir, key, link } = options;
    const path = `${outputDir}/${JOURNAL_PREFIX}${key}`;
    const journal = await guarded("the journal", () => Journal.open(storage, path, link));
    let isOver = false;
    try {
      await new ShareDownload(options, journal).#run();
      isOver = true;
    } finally {
      await (isOver || journal.isEmpty ? journal.remove() : journal.close()).catch(() => {});
    }
  }

  async #run(): Promise<void> {
    const { entries, tops, record } = this.#options;
    await this.#requireSpace();
    for (const [top, isDirectory] of tops) await this.#destination.settleTop(top, isDirectory);
    record.started();
    const folded = new Set<string>();
    for (const entry of entries) {
      await guarded(entry.path, async () => {
        if (entry.content === null) return await this.#destination.ensureDirectory(entry.path);
        const isFirst = !folded.has(foldName(entry.path));
        folded.add(foldName(entry.path));
        await this.#storeFile(entry, isFirst);
      });
    }
    record.verifying();
    await this.#finishDirectories();
  }

  /** Compares what is still to come with what the disk can take, where that can be known. */
  async #requireSpace(): Promise<void> {
    const { storage, outputDir, entries } = this.#options;
    const free = await storage.freeBytes(outputDir);
    if (free === null) return;
    let needed = 0;
    for (const { path, content } of entries) {
      if (content === null) continue;
      const earlier = this.#journal.file(path);
      const there = earlier === null
        ? null
        : await storage.lstat(earlier.placed?.path ?? this.#destination.partialPathOf(path));
      needed += Math.max(0, content.sizeBytes - (there?.sizeBytes ?? 0));
    }
    if (needed <= free) return;
    throw new TransferError("refused_space", `${needed} bytes are needed and ${free} are free`);
  }

  async #storeFile(entry: SharedEntry, mayReplace: boolean): Promise<void> {
    const { storage, record } = this.#options;
    if (await this.#isThere(entry)) {
      // Interrupted between its two names: the second one is only in the way.
      await storage.remove(this.#destination.partialPathOf(entry.path));
      record.bytesResumed += entry.content!.sizeBytes;
      record.bytesDone += entry.content!.sizeBytes;
      record.moved();
      record.filesDone++;
      return;
    }
    await this.#destination.ensureParent(entry.path);
    const partial = this.#destination.partialPathOf(entry.path);
    const { stored, kept } = await this.#openPartial(entry, partial);
    try {
      await this.#fill(stored, entry, kept);
      await stored.truncate(entry.content!.sizeBytes);
      await stored.setModified(entry.mtimeMs);
      await storage.setMode(partial, entry.mode);
      await stored.sync();
    } finally {
      stored.close();
    }
    await this.#place(entry, mayReplace);
    record.filesDone++;
  }

  /** Whether an earlier attempt delivered the file, and it still is what it should be. */
  async #isThere(entry: SharedEntry): Promise<boolean> {
    const { storage, fetch } = this.#options;
    const placed = this.#journal.file(entry.path)?.placed ?? null;
    if (placed === null) return false;
    const facts = await storage.lstat(placed.path);
    if (facts?.kind !== "file" || facts.sizeBytes !== entry.content!.sizeBytes) return false;
    if (facts.mtimeMs !== placed.mtimeMs) return false;
    const stored = await storage.open(placed.path, "read");
    try {
      return await hasRoot(stored, entry, fetch.signal);
    } finally {
      stored.close();
    }
  }

  /** The partial file, and which of its chunks an earlier attempt wrote; null where it is new. */
  async #openPartial(
    { path, content }: SharedEntry,
    partial: string,
  ): Promise<{ stored: StoredFile; kept: ChunkSet | null }> {
    const { storage } = this.#options;
    const earlier = this.#journal.file(path);
    const facts = await storage.lstat(partial);
    const isOurs = facts?.kind === "file" && earlier?.sizeBytes === content!.sizeBytes &&
      earlier.saved.size > 0;
    // A copy: the set itself grows with what is fetched now.
    if (isOurs) return { stored: await storage.open(partial, "update"), kept: earlier.saved.copy() };
    await storage.remove(partial);
    const stored = await storage.open(partial, "create");
    this.#journal.noteFile(path, content!.sizeBytes);
    return { stored, kept: null };
  }

  async #fill(stored: StoredFile, entry: SharedEntry, kept: ChunkSet | null): Promise<void> {
    const { record, fetch } = this.#options;
    const { sizeBytes } = entry.content!;
    record.current = { path: entry.path, sizeBytes, bytesDone: 0 };
    if (kept === null) return await this.#fetch(stored, entry, () => false);
    const keptBytes = kept.runs(chunkCount(sizeBytes)).reduce(
      (sum, run) => sum + runBytes(run, sizeBytes),
      0,
    );
    this.#keep(keptBytes);
    await this.#fetch(stored, entry, (index) => kept.has(index));
    if (await hasRoot(stored, entry, fetch.signal)) return;
    // What was kept is damaged, somewhere: all of it comes again.
    this.#keep(-keptBytes);
    this.#journal.noteFile(entry.path, sizeBytes);
    await this.#fetch(stored, entry, (index) => !kept.has(index));
  }

  async #fetch(stored: StoredFile, entry: SharedEntry, isThere: (index: number) => boolean): Promise<void> {
    const { record, fetch, pace } = this.#options;
    const { sizeBytes, root } = entry.content!;
    let unflushed = 0;
    try {
      await fetchContent({
        ...fetch,
        root,
        sizeBytes,
        isThere,
        onChunk: async (index, bytes) => {
          await pace(bytes.length);
          await stored.writeAt(index * CHUNK_BYTES, bytes);
          this.#journal.noteChunk(entry.path, index);
          if (++unflushed % FLUSH_CHUNKS === 0) await this.#journal.flush();
          record.bytesTransferred += bytes.length;
          record.chunksDone++;
          this.#count(bytes.length);
        },
      });
    } finally {
      await this.#journal.flush();
    }
  }

  /** Bytes of an earlier attempt count as done, or do not any more. */
  #keep(bytes: number): void {
    this.#options.record.bytesResumed += bytes;
    this.#count(bytes);
  }

  #count(bytes: number): void {
    const { record } = this.#options;
    record.bytesDone += bytes;
    if (record.current !== null) record.current.bytesDone += bytes;
    record.moved();
  }

  async #place({ path, mtimeMs }: SharedEntry, mayReplace: boolean): Promise<void> {
    const final = this.#destination.pathOf(path);
    this.#journal.notePlaced(path, final, mtimeMs);
    await this.#journal.sync();
    await this.#destination.recheckParents(path);
    const placed = await this.#destination.place(path, mayReplace);
    if (placed !== final) this.#journal.notePlaced(path, placed, mtimeMs);
    await this.#destination.syncDirectories([parentOf(placed)]);
  }

  async #finishDirectories(): Promise<void> {
    const { storage, entries } = this.#options;
    await this.#destination.syncDirectories([]);
    for (const { path, mode, mtimeMs, content } of [...entries].reverse()) {
      if (content !== null) continue;
      await storage.setModified(this.#destination.pathOf(path), mtimeMs);
      await storage.setMode(this.#destination.pathOf(path), mode);
    }
  }
}

/** Hashes what lies in `stored`. @throws the reason of `signal`. */
async function hasRoot(stored: StoredFile, { content }: SharedEntry, signal: AbortSignal): Promise<boolean> {
  const { sizeBytes, root } = content!;
  const builder = new RootBuilder();
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let index = 0; index < chunkCount(sizeBytes); index++) {
    signal.throwIfAborted();
    const bytes = buffer.subarray(0, chunkLength(sizeBytes, index));
    if (await stored.readAt(index * CHUNK_BYTES, bytes) !== bytes.length) return false;
    builder.add(leafHash(bytes));
  }
  return equalBytes(builder.root(), root);
}

/** Chunks noted between two writes of the journal: what a crash costs at most. */
const FLUSH_CHUNKS = 16;
