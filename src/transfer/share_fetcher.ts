/**
 * Fetches one content from several peers at once, chunk by chunk. Every chunk is proven against the root before
 * it is used; who sends a wrong one, or nothing, is dropped and its chunks are asked of the others.
 *
 * @module
 */

import { equalBytes } from "../bytes.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { STREAM_CODES, STREAM_TYPES } from "../wire/codes.ts";
import { varintBytes } from "../wire/varint.ts";
import { ChunkPool } from "./chunk_pool.ts";
import { chunkCount, emptyRoot, leafHash, verifyInclusion } from "./content_tree.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import type { PeerSession, PeerStream } from "./peer_stream.ts";
import { decodeAnswer, encodeRequest } from "./share_messages.ts";
import type { Timers } from "./timers.ts";
import { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** A peer that may have the content. */
export interface Provider {
  readonly session: PeerSession;
  /** Why it is asked no more, for people; null while it is. */
  dropped: string | null;
}

/** What is to be fetched. */
export interface FetchOptions {
  readonly root: Hash;
  /** Null when it is not known: then the providers' claims are tried one after the other. */
  readonly sizeBytes: number | null;
  /** Chunks that are not fetched; none by default. */
  readonly isThere?: (index: number) => boolean;
  readonly providers: readonly Provider[];
  readonly timers: Timers;
  readonly signal: AbortSignal;
  /** Given each proven chunk once, in no particular order; `bytes` are lent until the promise resolves. */
  readonly onChunk: (index: number, bytes: Hash, sizeBytes: number) => Promise<void>;
  readonly onRejected: (peerId: PeerId, index: number) => void;
}

/**
 * Fetches all chunks of a content but for those that are there.
 *
 * @returns its proven size.
 * @throws {TransferError} `network` when no provider is left that has what is missing.
 */
export async function fetchContent(options: FetchOptions): Promise<number> {
  if (options.sizeBytes === 0) {
    if (!equalBytes(options.root, emptyRoot())) {
      throw new TransferError("integrity", "An empty file has another root");
    }
    return 0;
  }
  if (options.sizeBytes !== null) {
    await new Fetch(options, options.sizeBytes).run();
    return options.sizeBytes;
  }
  // The first chunk tells the size. A false one cannot be proven to its end, and its teller is dropped for it.
  for (const provider of options.providers) {
    if (provider.dropped !== null) continue;
    const claimed = await claimedSize(options, provider);
    if (claimed === null) continue;
    try {
      await new Fetch(options, claimed).run();
      return claimed;
    } catch (error) {
      if (!(error instanceof TransferError) || error.reason !== "network") throw error;
      provider.dropped ??= "the size it told cannot be proven";
    }
  }
  throw noneLeft(options.providers);
}

async function claimedSize(options: FetchOptions, provider: Provider): Promise<number | null> {
  let claimed: number | null = null;
  const probe: FetchOptions = {
    ...options,
    providers: [provider],
    onChunk: (_index, _bytes, sizeBytes) => {
      claimed = sizeBytes;
      return Promise.resolve();
    },
  };
  try {
    await new Fetch(probe, null).run();
  } catch (error) {
    if (!(error instanceof TransferError) || error.reason !== "network") throw error;
  }
  return claimed;
}

/** One round over a content of one size; with size null, over its first chunk alone. */
class Fetch {
  readonly #options: FetchOptions;
  readonly #sizeBytes: number | null;
  readonly #missing: number[];
  readonly #pool = new ChunkPool(MAX_BUFFERS);
  readonly #streams = new Set<PeerStream>();
  #left: number;
  #failure: unknown = null;
  #changed: (() => void)[] = [];

  constructor(options: FetchOptions, sizeBytes: number | null) {
    this.#options = options;
    this.#sizeBytes = sizeBytes;
    const { isThere = () => false } = options;
    this.#missing = [];
    // Taken from the end: in order, so that the file is written nearly in order.
    for (let index = sizeBytes === null ? 0 : chunkCount(sizeBytes) - 1; index >= 0; index--) {
      if (!isThere(index)) this.#missing.push(index);
    }
    this.#left = this.#missing.length;
  }

  async run(): Promise<void> {
    const { signal, providers } = this.#options;
    const stop = () => this.#fail(signal.reason);
    if (signal.aborted) throw signal.reason;
    if (this.#left === 0) return;
    signal.addEventListener("abort", stop, { once: true });
    try {
      await Promise.all(
        providers.filter((each) => each.dropped === null).map((each) => this.#serveFrom(each)),
      );
    } finally {
      signal.removeEventListener("abort", stop);
    }
    if (this.#failure !== null) throw this.#failure;
    if (this.#left > 0) throw noneLeft(providers);
  }

  /** Asks one provider until nothing is missing, or it is dropped. */
  async #serveFrom(provider: Provider): Promise<void> {
    const asked = new Set<number>();
    let stream: PeerStream | null = null;
    try {
      stream = await provider.session.openStream("bulk");
      this.#streams.add(stream);
      await this.#exchange(provider, stream, asked);
    } catch (error) {
      if (this.#failure === null && this.#left > 0) {
        provider.dropped ??= error instanceof Error ? error.message : String(error);
      }
    } finally {
      // What it still owed is asked of the others.
      this.#missing.push(...[...asked].sort((a, b) => b - a));
      if (stream !== null) {
        this.#streams.delete(stream);
        stream.reset(STREAM_CODES.cancelled);
      }
      this.#wake();
    }
  }

  async #exchange(provider: Provider, stream: PeerStream, asked: Set<number>): Promise<void> {
    const writer = new MessageWriter(stream);
    const reader = new MessageReader(stream);
    await writer.sendRaw(varintBytes(STREAM_TYPES.share));
    while (this.#left > 0 && this.#failure === null && provider.dropped === null) {
      while (asked.size < WINDOW && this.#missing.length > 0) {
        const index = this.#missing.pop()!;
        asked.add(index);
        await writer.queueFrame(encodeRequest({ root: this.#options.root, index }));
      }
      await writer.flush();
      if (asked.size === 0) await this.#change();
      else await this.#receive(provider, stream, reader, asked);
    }
  }

  async #receive(
    provider: Provider,
    stream: PeerStream,
    reader: MessageReader,
    asked: Set<number>,
  ): Promise<void> {
    const { root, timers, onChunk, onRejected } = this.#options;
    const cancelTimer = timers.after(STALL_MS, () => {
      provider.dropped ??= `it sent nothing for ${STALL_MS / 1_000} s`;
      stream.reset(STREAM_CODES.cancelled);
    });
    let buffer: Hash | null = null;
    try {
      const frame = await reader.nextFrame();
      const answer = frame === null ? null : decodeAnswer(frame);
      if (answer === null || answer.kind === "none") {
        provider.dropped = "it does not have the content any more";
        return;
      }
      if (!asked.has(answer.index) || (this.#sizeBytes !== null && answer.sizeBytes !== this.#sizeBytes)) {
        throw this.#lie(provider, "it told another size, or sent what was not asked for");
      }
      buffer = await this.#pool.take();
      const bytes = buffer.subarray(0, answer.length);
      await reader.readFully(bytes);
      cancelTimer();
      const leafCount = chunkCount(answer.sizeBytes);
      const claim = { leaf: leafHash(bytes), index: answer.index, leafCount, root };
      if (!verifyInclusion(claim, answer.proof)) {
        onRejected(provider.session.peerId, answer.index);
        throw this.#lie(provider, `chunk ${answer.index} is not part of the content`);
      }
      asked.delete(answer.index);
      try {
        await onChunk(answer.index, bytes, answer.sizeBytes);
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#left--;
      if (this.#left === 0) this.#finish();
    } finally {
      cancelTimer();
      if (buffer !== null) this.#pool.give(buffer);
    }
  }

  #lie(provider: Provider, what: string): Error {
    provider.dropped = what;
    return new Error(what);
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#finish();
  }

  /** Those that wait for an answer need not wait any more. */
  #finish(): void {
    for (const stream of this.#streams) stream.reset(STREAM_CODES.cancelled);
    this.#wake();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#changed.splice(0)) wake();
  }
}

function noneLeft(providers: readonly Provider[]): TransferError {
  const why = [...new Set(providers.map((each) => each.dropped).filter((each) => each !== null))].join("; ");
  return new TransferError(
    "network",
    `No provider is left that has the rest of the content${
      why === "" ? "" : ` (${why})`
    }; get it again later`,
  );
}

/** Requests under way at one provider: 2 MiB hide a round trip of 8 ms at 2 Gbit/s. */
const WINDOW = 8;
const MAX_BUFFERS = 32;
const STALL_MS = 10_000;
