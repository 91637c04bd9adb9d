/**
 * Everything one transfer has to say about its files, in order.
 *
 * Reading and hashing run a few chunks ahead of the stream, across file boundaries, so that neither the disk nor
 * the network waits for the other and small files cost no round trip.
 *
 * @module
 */

import type { ChunkPool } from "./chunk_pool.ts";
import type { ChunkSet } from "./chunk_set.ts";
import { asTransferError } from "./link.ts";
import { MAX_KEEP_LEAVES } from "./messages.ts";
import type { OutgoingFile } from "./outgoing_file.ts";
import type { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** The next thing to send, read. A chunk's buffer belongs to whoever takes the step, and goes back to the pool. */
export type Step =
  | { readonly kind: "chunk"; readonly file: OutgoingFile; readonly index: number; readonly chunk: ReadChunk }
  | { readonly kind: "keep"; readonly file: OutgoingFile; readonly first: number; readonly leaves: Hash[] }
  | { readonly kind: "end"; readonly file: OutgoingFile }
  | { readonly kind: "failed"; readonly file: OutgoingFile; readonly failure: TransferError }
  | { readonly kind: "nothing" };

export interface ReadChunk {
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly length: number;
  readonly leaf: Hash;
}

export interface SendPlanOptions {
  /** By their place in the offer; null for directories. */
  readonly files: readonly (OutgoingFile | null)[];
  /** What the receiver says it has, by the same place. */
  readonly have: ReadonlyMap<number, ChunkSet>;
  readonly pool: ChunkPool;
}

/** The steps of one transfer. */
export class SendPlan {
  readonly #options: SendPlanOptions;
  readonly #ahead: Promise<Step>[] = [];
  readonly #steps: Generator<() => Promise<Step>>;

  constructor(options: SendPlanOptions) {
    this.#options = options;
    this.#steps = this.#all();
  }

  /** The next step, with the ones after it begun; null when there is none. */
  next(): Promise<Step> | null {
    while (this.#ahead.length < READ_AHEAD) {
      const step = this.#steps.next();
      if (step.done) break;
      this.#ahead.push(step.value());
    }
    return this.#ahead.shift() ?? null;
  }

  /** Gives back what was read ahead and will not be sent. */
  discard(): void {
    for (const step of this.#ahead.splice(0)) {
      step.then((each) => {
        if (each.kind === "chunk") this.#options.pool.give(each.chunk.buffer);
      }, () => {});
    }
  }

  /** Everything to be read, in the order of sending. A step begins when it is called. */
  *#all(): Generator<() => Promise<Step>> {
    for (const file of this.#options.files) {
      if (file === null) continue;
      const have = this.#options.have.get(file.index);
      for (let index = 0; index < file.chunks && !file.settled;) {
        if (!have?.has(index)) {
          const chunk = index++;
          yield () => this.readChunk(file, chunk);
          continue;
        }
        const first = index;
        while (index < file.chunks && index - first < KEEP_RUN && have.has(index)) index++;
        const count = index - first;
        yield () => this.#readKept(file, first, count);
      }
      yield () => this.#checkEnd(file);
    }
  }

  /** Reads one chunk, whatever is planned. */
  readChunk(file: OutgoingFile, index: number): Promise<Step> {
    return stepOf(file, async () => {
      const buffer = await this.#options.pool.take();
      try {
        const { length, leaf } = await file.readChunk(index, buffer);
        return { kind: "chunk", file, index, chunk: { buffer, length, leaf } };
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
        for (let i = 0; i < count; i++) leaves.push((await file.readChunk(first + i, buffer)).leaf);
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

/** Steps read ahead of the stream: 2 MiB hide a disk's latency at 2 Gbit/s, and 8 small files are opened at once. */
const READ_AHEAD = 8;
const KEEP_RUN = Math.min(64, MAX_KEEP_LEAVES);
