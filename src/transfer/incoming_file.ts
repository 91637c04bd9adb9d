/**
 * One file on its way in: which chunks were announced, which are on the disk, which are asked for again.
 *
 * The sender names every chunk exactly once and in order (as bytes, as a hash of what is there already, or as a
 * hole), so the root grows with the announcements and no list of hashes is kept. A chunk whose content does not
 * match what was announced is asked for again, and only those are remembered.
 *
 * @module
 */

import { equalBytes } from "../bytes.ts";
import { chunkCount, RootBuilder } from "./content_tree.ts";
import type { ManifestEntry } from "./messages.ts";
import { printableName } from "./path_safety.ts";
import type { StoredFile } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** Where the content that is there already lies: nowhere, in a partial file, or under its final name. */
export type FileSource =
  | { readonly kind: "new" }
  | { readonly kind: "partial" }
  | { readonly kind: "delivered"; readonly path: string };

/** The state of one file under reception. No I/O of its own. */
export class IncomingFile {
  readonly chunks: number;
  readonly #root = new RootBuilder();
  readonly #wanted = new Map<number, { readonly leaf: Hash; attempts: number }>();
  #endRoot: Hash | null = null;
  #outstanding = 0;

  /** The open partial (or delivered) file. */
  stored: StoredFile | null = null;
  /** Whether the partial file was made by this attempt: what was not written reads as zeros. */
  isFresh = false;
  hasHoles = false;
  settled: "no" | "committing" | "delivered" | "failed" = "no";
  /** Bytes counted as safe so far. */
  bytesSaved = 0;

  constructor(readonly index: number, readonly entry: ManifestEntry, public source: FileSource) {
    this.chunks = chunkCount(entry.sizeBytes);
  }

  /** How many chunks were announced: the index of the next one. */
  get announced(): number {
    return this.#root.leaves;
  }

  /**
   * Takes the announcement of chunk `index`, the next one or one that was asked for.
   *
   * @throws {TransferError} `protocol` out of order; `source_changed` when a wanted chunk is another now.
   */
  announce(index: number, leaf: Hash): void {
    const wanted = this.#wanted.get(index);
    if (wanted !== undefined) {
      if (equalBytes(wanted.leaf, leaf)) return;
      throw new TransferError("source_changed", `"${this.name}" changed while it was sent; send it again`);
    }
    if (index !== this.announced || index >= this.chunks || this.#endRoot !== null) {
      throw new TransferError("protocol", `Refused: chunk ${index} of "${this.name}" is out of order`);
    }
    this.#root.add(leaf);
  }

  /** A write or a check of chunk content has begun. */
  begin(): void {
    this.#outstanding++;
  }

  /** ... and ended: the chunk is on the disk as announced. */
  succeed(index: number): void {
    this.#outstanding--;
    this.#wanted.delete(index);
  }

  /**
   * ... and ended: the chunk is not as announced and has to come again.
   *
   * @throws {TransferError} `integrity`, when it failed too often or too much of the file did.
   */
  miss(index: number, leaf: Hash): void {
    this.#outstanding--;
    const wanted = this.#wanted.get(index) ?? { leaf, attempts: 0 };
    this.#wanted.set(index, wanted);
    if (++wanted.attempts > MAX_ATTEMPTS) {
      throw new TransferError(
        "integrity",
        `Chunk ${index} of "${this.name}" arrived damaged ${MAX_ATTEMPTS} times: check the sender's memory and disk`,
      );
    }
    if (this.#wanted.size > MAX_WANTED) {
      throw new TransferError(
        "integrity",
        `What an earlier attempt left of "${this.name}" does not match any more: it was discarded, send it again`,
      );
    }
  }

  /** The write or check has ended with an error that concerns the whole file. */
  giveUp(): void {
    this.#outstanding--;
  }

  /** @throws {TransferError} when chunks are missing, or the root is not that of the announced chunks. */
  end(root: Hash): void {
    if (this.announced !== this.chunks || this.#endRoot !== null) {
      throw new TransferError("protocol", `Refused: "${this.name}" ended after ${this.announced} chunks`);
    }
    if (!equalBytes(this.#root.root(), root)) {
      throw new TransferError("integrity", `The content root of "${this.name}" is not that of its chunks`);
    }
    this.#endRoot = root;
  }

  /** Nothing is missing and nothing is under way: it may be put in place. */
  get isWhole(): boolean {
    return this.#endRoot !== null && this.#outstanding === 0 && this.#wanted.size === 0;
  }

  get isIdle(): boolean {
    return this.#outstanding === 0;
  }

  get root(): Hash {
    return this.#root.root();
  }

  get name(): string {
    return printableName(this.entry.path);
  }
}

const MAX_ATTEMPTS = 3;
/** About 10 MB of memory; 16 GiB of a file. */
const MAX_WANTED = 65_536;
