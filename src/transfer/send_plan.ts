/**
 * Everything one transfer has to say about its files, in order.
 *
 * Reading and hashing run a few chunks ahead of the stream, across file boundaries, so that neither the disk nor
 * the network waits for the other and small files cost no round trip.
 *
 * @module
 */

import { type ChunkPool, RUN_CHUNKS } from "./chunk_pool.ts";
import type { ChunkSet } from "./chunk_set.ts";
import { asTransferError } from "./link.ts";
import { MAX_KEEP_LEAVES } from "./messages.ts";
import type { OutgoingFile, ReadChunk } from "./outgoing_file.ts";
import type { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** The next thing to send, read. A run's buffer belongs to whoever takes the step, and goes back to the pool. */
export type Step =
  | { readonly kind: "chunks"; readonly file: OutgoingFile; readonly first: number; readonly run: ReadRun }
  | { readonly kind: "keep"; readonly file: OutgoingFile; readonly first: number; readonly leaves: Hash[] }
  | { readonly kind: "end"; readonly file: OutgoingFile }
  | { readonly kind: "failed"; readonly file: OutgoingFile; readonly failure: TransferError }
  | { readonly kind: "nothing" };

/** Chunks that follow each other, read in one go. */
export interface ReadRun {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly chunks: readonly ReadChunk[];
}

export interface SendPlanOptions {
  /** By their place in the offer; null for directories. */
  readonly files: readonly (OutgoingFile | null)[];
  /** What the receiver says it has, by the same place. */
  readonly have: ReadonlyMap<number, ChunkSet>;
  /** Buffers of {@link RUN_BYTES}. */
  readonly pool: ChunkPool;
}

/** A step that has not begun, and how many chunks' memory it takes. */
interface PlannedStep {
  readonly chunks: number;
  readonly begin: () => Promise<Step>;
}

/** The steps of one transfer. */
export class SendPlan {
  readonly #options: SendPlanOptions;
  readonly #ahead: { readonly chunks: number; readonly step: Promise<Step> }[] = [];
  readonly #steps: Generator<PlannedStep>;
  #chunksAhead = 0;

  constructor(options: SendPlanOptions) {
    this.#options = options;
    this.#steps = this.#all();
  }

  /** The next step, with the ones after it begun; null when there is none. */
  next(): Promise<Step> | null {
    while (this.#ahead.length < READ_AHEAD && this.#chunksAhead < READ_AHEAD_CHUNKS) {
      const next = this.#steps.next();
      if (next.done) break;
      const { chunks, begin } = next.value;
      this.#ahead.push({ chunks, step: begin() });
      this.#chunksAhead += chunks;
    }
    const next = this.#ahead.shift();
    if (next === undefined) return null;
    this.#chunksAhead -= next.chunks;
    return next.step;
  }

  /** Gives back what was read ahead and will not be sent. */
  discard(): void {
    for (const { step } of this.#ahead.splice(0)) {
      step.then((each) => {
        if (each.kind === "chunks") this.#options.pool.give(each.run.buffer);
      }, () => {});
    }
  }

  /** Everything to be read, in the order of sending. */
  *#all(): Generator<PlannedStep> {
    for (const file of this.#options.files) {
      if (file === null) continue;
      const have = this.#options.have.get(file.index);
      for (let index = 0; index < file.chunks && !file.settled;) {
        const first = index;
        const isKept = have?.has(first) ?? false;
        const longest = isKept ? KEEP_RUN : RUN_CHUNKS;
        do index++; while (
          index < file.chunks && index - first < longest && (have?.has(index) ?? false) === isKept
        );
        const count = index - first;
        yield isKept
          ? { chunks: RUN_CHUNKS, begin: () => this.#readKept(file, first, count) }
          : { chunks: count, begin: () => this.readRun(file, first, count) };
      }
      yield { chunks: 0, begin: () => this.#checkEnd(file) };
    }
  }

  /** Reads `count` chunks from `first` on, {@link RUN_CHUNKS} at most, whatever is planned. */
  readRun(file: OutgoingFile, first: number, count: number): Promise<Step> {
    return stepOf(file, async () => {
      const buffer = await this.#options.pool.take();
      try {
        const chunks = await file.readChunks(first, count, buffer);
        return { kind: "chunks", file, first, run: { buffer, chunks } };
      } catch (error) {
        this.#options.pool.give(buffer);
        throw error;
      }
    });
  }

  /** Hashes what the receiver claims to have, for it to compare. */
  #readKept(file: OutgoingFile, first: number, count: number): Promise<Step> {
    return stepOf(file, async () => {
      const buffer = await this.#options.pool.take();
      try {
        const leaves: Hash[] = [];
        while (leaves.length < count) {
          const share = Math.min(RUN_CHUNKS, count - leaves.length);
          const chunks = await file.readChunks(first + leaves.length, share, buffer);
          leaves.push(...chunks.map(({ leaf }) => leaf));
        }
        return { kind: "keep", file, first, leaves };
      } finally {
        this.#options.pool.give(buffer);
      }
    });
  }

  #checkEnd(file: OutgoingFile): Promise<Step> {
    return stepOf(file, async () => {
      await file.checkUnchanged();
      return { kind: "end", file };
    });
  }
}

async function stepOf(file: OutgoingFile, read: () => Promise<Step>): Promise<Step> {
  if (file.settled) return { kind: "nothing" };
  try {
    return await read();
  } catch (error) {
    return { kind: "failed", file, failure: asTransferError(error) };
  }
}

/** Steps read ahead of the stream, so that 8 small files are opened at once ... */
const READ_AHEAD = 8;
/** ... as long as they are small: 3 MiB hide a disk's latency. */
const READ_AHEAD_CHUNKS = 3 * RUN_CHUNKS;
const KEEP_RUN = Math.min(64, MAX_KEEP_LEAVES);
