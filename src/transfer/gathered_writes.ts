/**
 * Chunks that follow each other, written in one go.
 *
 * @module
 */

import type { BackgroundSteps } from "./background_steps.ts";
import { type ChunkPool, RUN_BYTES, RUN_CHUNKS } from "./chunk_pool.ts";
import { CHUNK_BYTES } from "./content_tree.ts";
import type { Clock, Instant } from "../clock.ts";
import type { IncomingFile } from "./incoming_file.ts";
import type { PartialFiles } from "./partial_files.ts";

export interface GatheredWritesOptions {
  readonly clock: Clock;
  /** Buffers of {@link RUN_BYTES}. */
  readonly pool: ChunkPool;
  readonly partials: PartialFiles;
  readonly background: BackgroundSteps;
  /** The chunk is on the disk. */
  readonly onSaved: (file: IncomingFile, index: number) => void;
}

interface Run {
  readonly file: IncomingFile;
  readonly first: number;
  readonly buffer: Uint8Array<ArrayBuffer>;
  readonly begunAt: Instant;
  chunks: number;
  bytes: number;
}

/**
 * Gathers verified chunks of one file into a run. A run is written when it is full, when anything else comes, when
 * nothing may follow for a while, and when gathering takes long: on a slow link each chunk is written as it
 * arrives.
 */
export class GatheredWrites {
  readonly #options: GatheredWritesOptions;
  readonly #waiting: (() => void)[] = [];
  #run: Run | null = null;
  #bytesUnderWay = 0;

  constructor(options: GatheredWritesOptions) {
    this.#options = options;
  }

  /**
   * Where the next chunk's `length` bytes belong: filled by the caller and then either {@link accept}ed or not.
   * Waits while the disk is too far behind.
   */
  async slot(file: IncomingFile, index: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const run = this.#run;
    if (run === null || run.file !== file || index !== run.first + run.chunks) {
      this.flush();
      while (this.#bytesUnderWay >= MAX_BYTES_UNDER_WAY) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      const { pool, clock } = this.#options;
      const buffer = await pool.take();
      this.#run = { file, first: index, buffer, begunAt: clock.now(), chunks: 0, bytes: 0 };
    }
    const { buffer, bytes } = this.#run!;
    return buffer.subarray(bytes, bytes + length);
  }

  /** The last slot's `length` bytes are the chunk, which was counted with {@link IncomingFile.begin}. */
  accept(length: number): void {
    const run = this.#run!;
    run.chunks++;
    run.bytes += length;
    const { file, first, chunks } = run;
    const last = first + chunks - 1;
    // Behind a file's last chunk, or one that was asked for again, nothing need follow: the sender waits for word.
    const isAwaited = last === file.chunks - 1 || last !== file.announced - 1;
    const isLong = this.#options.clock.now() - run.begunAt >= MAX_GATHER_MS;
    if (chunks === RUN_CHUNKS || isAwaited || isLong) this.flush();
  }

  /** Hands what was gathered to the disk. */
  flush(): void {
    const run = this.#run;
    if (run === null) return;
    this.#run = null;
    if (run.chunks === 0) return this.#options.pool.give(run.buffer);
    this.#bytesUnderWay += run.bytes;
    this.#options.background.run(run.file, () => this.#write(run));
  }

  async #write({ file, first, buffer, chunks, bytes }: Run): Promise<void> {
    try {
      const stored = await this.#options.partials.open(file);
      await stored.writeAt(first * CHUNK_BYTES, buffer.subarray(0, bytes));
    } catch (error) {
      // The step as a whole gives one of them up.
      for (let i = 1; i < chunks; i++) file.giveUp();
      throw error;
    } finally {
      this.#options.pool.give(buffer);
      this.#bytesUnderWay -= bytes;
      for (const wake of this.#waiting.splice(0)) wake();
    }
    for (let i = 0; i < chunks; i++) this.#options.onSaved(file, first + i);
  }
}

/** What one transfer holds for the disk: 4 MiB hide its latency at 2 Gbit/s. */
const MAX_BYTES_UNDER_WAY = 4 * RUN_BYTES;
const MAX_GATHER_MS = 100;
