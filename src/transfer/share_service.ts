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
import { topNamesOf, transferKey } from "./destination.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import type { PeerSession, PeerStream } from "./peer_stream.ts";
import { ShareDownload } from "./share_download.ts";
import { fetchContent, type Provider } from "./share_fetcher.ts";
import { decodeManifest, linkOf, MAX_MANIFEST_BYTES, type SharedEntry } from "./share_manifest.ts";
import { decodeRequest, encodeAnswer } from "./share_messages.ts";
import { type Share, ShareRegistry } from "./share_registry.ts";
import { scanSources } from "./source_scan.ts";
import type { Storage } from "./storage.ts";
import type { Timers } from "./timers.ts";
import { TransferError } from "./transfer_error.ts";
import type { TransferHandle } from "./transfer_handle.ts";
import type { TransferRecord } from "./transfer_record.ts";
import type { TransferService } from "./transfer_service.ts";
import { type BegunDownload, UnfinishedDownloads } from "./unfinished_downloads.ts";

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
  readonly #unfinished: UnfinishedDownloads;
  readonly #downloading = new Set<string>();
  readonly #announcing = new Map<string, AbortController>();
  #serving = 0;

  constructor(options: ShareServiceOptions<P>) {
    this.#options = options;
    this.#registry = new ShareRegistry(options.storage, options.folder);
    this.#unfinished = new UnfinishedDownloads(options.storage, options.folder);
    options.transfers.alsoReclaim((olderThanMs) => {
      return this.#unfinished.reclaim(olderThanMs, (each) => this.#downloading.has(placeOf(each)));
    });
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
    await this.#download(root, entries, outputDir, record, common);
  }

  async #download(
    root: Hash,
    entries: readonly SharedEntry[],
    outputDir: string,
    record: TransferRecord,
    { pace, ...fetch }: FetchCommon,
  ): Promise<void> {
    const { storage, transfers } = this.#options;
    const link = linkOf(root);
    const tops = topNamesOf(offeredOf(entries));
    const key = transferKey(link, tops.keys());
    const { overwrite } = transfers.settings;
    const download = { key, link, outputDir };
    if (this.#downloading.has(placeOf(download))) {
      throw new TransferError("refused_busy", `${link} is being fetched into ${outputDir} already`);
    }
    this.#downloading.add(placeOf(download));
    try {
      // Without the note only reclaiming suffers.
      await this.#unfinished.note(download).catch(() => {});
      await ShareDownload.run({
        storage,
        outputDir,
        overwrite,
        link,
        key,
        entries,
        tops,
        record,
        fetch,
        pace,
      });
      await this.#unfinished.forget(download).catch(() => {});
    } finally {
      this.#downloading.delete(placeOf(download));
    }
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
}

interface FetchCommon {
  readonly providers: readonly Provider[];
  readonly timers: Timers;
  readonly signal: AbortSignal;
  /** Waits until the next bytes may come. */
  readonly pace: (bytes: number) => Promise<void>;
  readonly onRejected: (peerId: PeerId, index: number) => void;
}

/** Downloads of one link into one directory share their partial files. */
function placeOf({ key, outputDir }: BegunDownload): string {
  return `${key} ${outputDir}`;
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
