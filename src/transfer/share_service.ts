/**
 * Sharing by link: serving what this node shares to whoever knows its root, and fetching what others share.
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { type Entropy, randomBytes } from "../entropy.ts";
import type { EmitEvent } from "../observe/events.ts";
import { STREAM_CODES } from "../wire/codes.ts";
import { CHUNK_BYTES } from "./content_tree.ts";
import { Destination, guarded, JOURNAL_PREFIX, parentOf, topNamesOf, transferKey } from "./destination.ts";
import { Journal } from "./journal.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import { foldName } from "./path_safety.ts";
import type { PeerSession, PeerStream } from "./peer_stream.ts";
import { fetchContent, type Provider } from "./share_fetcher.ts";
import { decodeManifest, linkOf, MAX_MANIFEST_BYTES, type SharedEntry } from "./share_manifest.ts";
import { decodeRequest, encodeAnswer } from "./share_messages.ts";
import { type Share, ShareRegistry } from "./share_registry.ts";
import { scanSources } from "./source_scan.ts";
import type { Storage, StoredFile } from "./storage.ts";
import type { Timers } from "./timers.ts";
import { TransferError } from "./transfer_error.ts";
import type { TransferHandle } from "./transfer_handle.ts";
import type { TransferRecord } from "./transfer_record.ts";
import type { TransferService } from "./transfer_service.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** Where it is known who has what: the DHT. */
export interface ContentRouter<P extends { readonly peerId: PeerId } = { readonly peerId: PeerId }> {
  /** Says that this node has the content `root`, now and again until `signal` aborts. */
  announce(root: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Peers that say they have it, as they are found. */
  findProviders(root: Uint8Array, signal?: AbortSignal): AsyncIterable<P>;
}

export interface ShareServiceOptions<P extends { readonly peerId: PeerId }> {
  readonly storage: Storage;
  /** Absolute: where the registry is kept. Its parent exists. */
  readonly folder: string;
  readonly timers: Timers;
  readonly entropy: Entropy;
  readonly emit: EmitEvent;
  readonly transfers: TransferService;
  readonly router: ContentRouter<P>;
  /** A session with a provider, made when there is none. */
  readonly dial: (provider: P, signal: AbortSignal) => Promise<PeerSession>;
}

/** Shares and fetches by link. One per node. */
export class ShareService<P extends { readonly peerId: PeerId } = { readonly peerId: PeerId }> {
  readonly #options: ShareServiceOptions<P>;
  readonly #registry: ShareRegistry;
  readonly #announcing = new Map<string, AbortController>();
  #serving = 0;

  constructor(options: ShareServiceOptions<P>) {
    this.#options = options;
    this.#registry = new ShareRegistry(options.storage, options.folder);
  }

  /** Loads what was shared before and announces it again. @throws {StorageError} */
  async start(): Promise<void> {
    await this.#registry.load();
    for (const share of this.#registry.shares()) this.#announce(share.root);
  }

  /** Stops announcing. */
  stop(): void {
    for (const announcing of this.#announcing.values()) announcing.abort();
    this.#announcing.clear();
  }

  shares(): Share[] {
    return this.#registry.shares();
  }

  /**
   * Shares the file or directory at `path` (absolute): hashes it, keeps it, announces it.
   *
   * @throws {TransferError} when it cannot be read.
   */
  async share(path: string): Promise<Share> {
    const scan = await scanSources(this.#options.storage, [path.replace(/(?<=.)\/+$/, "")]);
    const share = await this.#registry.share(scan);
    this.#announce(share.root);
    return share;
  }

  /** Serves it no more. False when it was not shared. */
  async unshare(root: Uint8Array): Promise<boolean> {
    this.#announcing.get(toHex(root))?.abort();
    this.#announcing.delete(toHex(root));
    return await this.#registry.unshare(root);
  }

  #announce(root: Hash): void {
    const key = toHex(root);
    if (this.#announcing.has(key)) return;
    const announcing = new AbortController();
    this.#announcing.set(key, announcing);
    this.#options.router.announce(root, announcing.signal).catch((error) => {
      if (announcing.signal.aborted) return;
      const message = `Cannot announce ${linkOf(root)}: ${error instanceof Error ? error.message : error}`;
      this.#options.emit({ type: "node.notice", severity: "warn", component: "share", message });
    });
  }

  /** Answers the requests of one stream whose type was read already. Never rejects. */
  async handleIncoming(session: PeerSession, stream: PeerStream): Promise<void> {
    if (this.#serving >= MAX_SERVED_STREAMS) return stream.reset(STREAM_CODES.limit);
    this.#serving++;
    try {
      await this.#serve(session, stream);
    } catch (error) {
      const isMalformed = error instanceof TransferError && error.reason === "protocol";
      stream.reset(isMalformed ? STREAM_CODES.malformed : STREAM_CODES.internal);
    } finally {
      this.#serving--;
    }
  }

  async #serve(session: PeerSession, stream: PeerStream): Promise<void> {
    const reader = new MessageReader(stream);
    const writer = new MessageWriter(stream);
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let frame = await reader.nextFrame(); frame !== null; frame = await reader.nextFrame()) {
      const { root, index } = decodeRequest(frame);
      const chunk = await this.#registry.readChunk(root, index, buffer);
      if (chunk === null) {
        await writer.queueFrame(encodeAnswer({ kind: "none" }));
      } else {
        await this.#options.transfers.throttle(chunk.length, session.ended);
        const answer = encodeAnswer({ kind: "chunk", index, ...chunk });
        await writer.queueFrame(answer, buffer.subarray(0, chunk.length));
      }
      await writer.flush();
    }
    await stream.finish();
  }

  /**
   * Fetches the share `root` into the directory `outputDir` (absolute, exists). The handle tells how it goes.
   *
   * @param known providers to ask beside those that the router finds.
   */
  get(root: Hash, outputDir: string, known: readonly P[] = []): TransferHandle {
    const id = toHex(randomBytes(this.#options.entropy, 16));
    const facts = { transferId: id, direction: "receive" as const, peerId: UNKNOWN_PEER, name: linkOf(root) };
    return this.#options.transfers.track(
      { ...facts, files: 0, bytesTotal: 0 },
      (record, handle) => this.#fetch(root, outputDir, known, record, handle),
    );
  }

  async #fetch(
    root: Hash,
    outputDir: string,
    known: readonly P[],
    record: TransferRecord,
    handle: TransferHandle,
  ): Promise<void> {
    const { timers, storage } = this.#options;
    const signal = handle.cancelled;
    const providers = await this.#findProviders(root, known, signal);
    record.describe({ peerId: providers[0].session.peerId });
    const common = {
      providers,
      timers,
      signal,
      pace: async (bytes: number) => {
        await handle.untilResumed();
        await this.#options.transfers.throttle(bytes, signal);
      },
      onRejected: (_peerId: PeerId, index: number) => record.chunkRejected(linkOf(root), index),
    };
    const manifest = await fetchManifest(root, common);
    const entries = decodeManifest(manifest, storage.platform);
    const files = entries.filter((entry) => entry.content !== null);
    const bytesTotal = files.reduce((sum, entry) => sum + entry.content!.sizeBytes, 0);
    const [top] = topNamesOf(offeredOf(entries)).keys();
    record.describe({ name: top ?? linkOf(root), files: files.length, bytesTotal });
    record.offered();
    await this.#store(root, entries, outputDir, record, common);
  }

  async #findProviders(root: Hash, known: readonly P[], signal: AbortSignal): Promise<Provider[]> {
    const asked = new Set<PeerId>();
    const dialing: Promise<Provider | null>[] = [];
    const dial = (provider: P) => {
      if (asked.has(provider.peerId)) return;
      asked.add(provider.peerId);
      dialing.push(
        this.#options.dial(provider, signal).then((session) => ({ session, dropped: null }), () => null),
      );
    };
    known.forEach(dial);
    for await (const found of this.#options.router.findProviders(root, signal)) {
      signal.throwIfAborted();
      dial(found);
      if (dialing.length >= MAX_PROVIDERS) break;
    }
    const providers = (await Promise.all(dialing)).filter((each) => each !== null);
    signal.throwIfAborted();
    if (providers.length > 0) return providers;
    const why = dialing.length === 0
      ? "nobody is known to share it"
      : `none of its ${dialing.length} providers can be reached`;
    throw new TransferError("network", `Cannot get ${linkOf(root)}: ${why}; try again later`);
  }

  async #store(
    root: Hash,
    entries: readonly SharedEntry[],
    outputDir: string,
    record: TransferRecord,
    common: FetchCommon,
  ): Promise<void> {
    const { storage, transfers } = this.#options;
    const free = await storage.freeBytes(outputDir);
    if (free !== null && record.facts.bytesTotal > free) {
      throw new TransferError(
        "refused_space",
        `${record.facts.bytesTotal} bytes are needed and ${free} are free`,
      );
    }
    const key = transferKey(linkOf(root), topNamesOf(offeredOf(entries)).keys());
    const journal = await guarded(
      "the journal",
      () => Journal.open(storage, `${outputDir}/${JOURNAL_PREFIX}${key}`, linkOf(root)),
    );
    let isOver = false;
    try {
      const { overwrite } = transfers.settings;
      const destination = new Destination({ storage, outputDir, overwrite, journal, key });
      for (const [top, isDirectory] of topNamesOf(offeredOf(entries))) {
        await destination.settleTop(top, isDirectory);
      }
      record.started();
      const folded = new Set<string>();
      for (const entry of entries) {
        await guarded(entry.path, async () => {
          if (entry.content === null) return await destination.ensureDirectory(entry.path);
          const isFirst = !folded.has(foldName(entry.path));
          folded.add(foldName(entry.path));
          await this.#storeFile(entry, { destination, journal, record, common, mayReplace: isFirst });
        });
      }
      record.verifying();
      await this.#finishDirectories(entries, destination);
      isOver = true;
    } finally {
      await (isOver || journal.isEmpty ? journal.remove() : journal.close()).catch(() => {});
    }
  }

  async #storeFile(entry: SharedEntry, parts: StoreParts): Promise<void> {
    const { storage } = this.#options;
    const { destination, journal, record, common } = parts;
    const { sizeBytes, root } = entry.content!;
    const earlier = journal.file(entry.path)?.placed ?? null;
    const facts = earlier === null ? null : await storage.lstat(earlier.path);
    if (facts?.kind === "file" && facts.sizeBytes === sizeBytes && facts.mtimeMs === earlier!.mtimeMs) {
      record.bytesResumed += sizeBytes;
      record.bytesDone += sizeBytes;
      record.filesDone++;
      return;
    }
    await destination.ensureParent(entry.path);
    const partial = destination.partialPathOf(entry.path);
    await storage.remove(partial);
    const stored = await storage.open(partial, "create");
    journal.noteFile(entry.path, sizeBytes);
    try {
      await this.#fill(stored, entry, record, common, root);
      await stored.setModified(entry.mtimeMs);
      await storage.setMode(partial, entry.mode);
      await stored.sync();
    } finally {
      stored.close();
    }
    journal.notePlaced(entry.path, destination.pathOf(entry.path), entry.mtimeMs);
    await journal.sync();
    await destination.recheckParents(entry.path);
    const final = await destination.place(entry.path, parts.mayReplace);
    if (final !== destination.pathOf(entry.path)) journal.notePlaced(entry.path, final, entry.mtimeMs);
    await destination.syncDirectories([parentOf(final)]);
    record.filesDone++;
  }

  async #fill(
    stored: StoredFile,
    entry: SharedEntry,
    record: TransferRecord,
    common: FetchCommon,
    root: Hash,
  ): Promise<void> {
    const { sizeBytes } = entry.content!;
    record.current = { path: entry.path, sizeBytes, bytesDone: 0 };
    await fetchContent({
      ...common,
      root,
      sizeBytes,
      onChunk: async (index, bytes) => {
        await common.pace(bytes.length);
        await stored.writeAt(index * CHUNK_BYTES, bytes);
        record.bytesDone += bytes.length;
        record.bytesTransferred += bytes.length;
        record.chunksDone++;
        if (record.current !== null) record.current.bytesDone += bytes.length;
        record.moved();
      },
    });
  }

  async #finishDirectories(entries: readonly SharedEntry[], destination: Destination): Promise<void> {
    const { storage } = this.#options;
    await destination.syncDirectories([]);
    for (const { path, mode, mtimeMs, content } of [...entries].reverse()) {
      if (content !== null) continue;
      await storage.setModified(destination.pathOf(path), mtimeMs);
      await storage.setMode(destination.pathOf(path), mode);
    }
  }
}

interface FetchCommon {
  readonly providers: readonly Provider[];
  readonly timers: Timers;
  readonly signal: AbortSignal;
  /** Waits until the next bytes may come. */
  readonly pace: (bytes: number) => Promise<void>;
  readonly onRejected: (peerId: PeerId, index: number) => void;
}

interface StoreParts {
  readonly destination: Destination;
  readonly journal: Journal;
  readonly record: TransferRecord;
  readonly common: FetchCommon;
  readonly mayReplace: boolean;
}

/** The manifest's bytes, all of them proven. */
async function fetchManifest(root: Hash, common: FetchCommon): Promise<Hash> {
  const chunks = new Map<number, Hash>();
  const size = await fetchContent({
    ...common,
    root,
    sizeBytes: null,
    onChunk: (index, bytes, sizeBytes) => {
      if (sizeBytes > MAX_MANIFEST_BYTES) {
        throw new TransferError("refused_size", `Refused: the list of files has ${sizeBytes} bytes`);
      }
      chunks.set(index, bytes.slice());
      return Promise.resolve();
    },
  });
  const manifest = new Uint8Array(size);
  for (const [index, bytes] of chunks) manifest.set(bytes, index * CHUNK_BYTES);
  return manifest;
}

function offeredOf(entries: readonly SharedEntry[]): { path: string; isDirectory: boolean }[] {
  return entries.map(({ path, content }) => ({ path, isDirectory: content === null }));
}

/** Until the first provider answers, a fetch has no peer. */
const UNKNOWN_PEER: PeerId = `ed25519:${"0".repeat(64)}`;
const MAX_PROVIDERS = 16;
const MAX_SERVED_STREAMS = 256;
