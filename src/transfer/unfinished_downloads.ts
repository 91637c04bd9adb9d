/**
 * Where downloads were begun, kept in the data directory: they go into any directory, and what an interrupted one
 * left there must be found again to be reclaimed.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Destination, JOURNAL_PREFIX } from "./destination.ts";
import { Journal } from "./journal.ts";
import { type Storage, StorageError } from "./storage.ts";

/** One download that was begun. */
export interface BegunDownload {
  /** Tells its partial files from those of others. */
  readonly key: string;
  readonly link: string;
  /** Absolute. */
  readonly outputDir: string;
}

/** The downloads that were begun and not completed. */
export class UnfinishedDownloads {
  readonly #storage: Storage;
  readonly #folder: string;

  /** @param folder absolute; made when first needed, its parent exists. */
  constructor(storage: Storage, folder: string) {
    this.#storage = storage;
    this.#folder = folder;
  }

  /** @throws {StorageError} */
  async note(download: BegunDownload): Promise<void> {
    await this.#storage.makeDirectory(this.#folder);
    const path = this.#pathOf(download);
    await this.#storage.remove(path);
    const file = await this.#storage.open(path, "create");
    try {
      const { key, link, outputDir } = download;
      await file.writeAt(0, new TextEncoder().encode([key, link, outputDir].join("\n")));
    } finally {
      file.close();
    }
  }

  /** @throws {StorageError} */
  async forget(download: BegunDownload): Promise<void> {
    await this.#storage.remove(this.#pathOf(download));
  }

  /**
   * Removes the partial files of downloads that were not written to since `olderThanMs` (since the Unix epoch).
   * What cannot be looked at or removed stays for the next round.
   *
   * @returns how many files were removed.
   */
  async reclaim(olderThanMs: number, isActive: (download: BegunDownload) => boolean): Promise<number> {
    let removed = 0;
    for (const download of await this.#all()) {
      if (isActive(download)) continue;
      try {
        removed += await this.#reclaimOne(download, olderThanMs);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
      }
    }
    return removed;
  }

  async #reclaimOne(download: BegunDownload, olderThanMs: number): Promise<number> {
    const { key, link, outputDir } = download;
    const path = `${outputDir}/${JOURNAL_PREFIX}${key}`;
    const facts = await this.#storage.lstat(path);
    let removed = 0;
    if (facts !== null) {
      if (facts.kind !== "file" || Math.max(facts.mtimeMs, facts.ctimeMs) >= olderThanMs) return 0;
      const journal = await Journal.open(this.#storage, path, link);
      const parts = { storage: this.#storage, outputDir, overwrite: "never" as const, journal, key };
      const destination = new Destination(parts);
      try {
        for (const file of journal.paths) {
          if (await this.#storage.remove(destination.partialPathOf(file))) removed++;
        }
      } finally {
        await journal.close();
      }
      if (await this.#storage.remove(path)) removed++;
    }
    await this.forget(download);
    return removed;
  }

  async #all(): Promise<BegunDownload[]> {
    const found: BegunDownload[] = [];
    try {
      if (await this.#storage.lstat(this.#folder) === null) return [];
      for await (const { name, kind } of this.#storage.list(this.#folder)) {
        if (kind !== "file" || !name.endsWith(SUFFIX)) continue;
        const download = await this.#read(`${this.#folder}/${name}`);
        if (download !== null) found.push(download);
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
    return found;
  }

  async #read(path: string): Promise<BegunDownload | null> {
    const file = await this.#storage.open(path, "read");
    try {
      const bytes = new Uint8Array(MAX_BYTES);
      const text = new TextDecoder().decode(bytes.subarray(0, await file.readAt(0, bytes)));
      const match = /^([0-9a-f]{24})\n(wraith:[0-9a-f]{64})\n(\/[^]*|[A-Za-z]:[^]*)$/.exec(text);
      return match === null ? null : { key: match[1], link: match[2], outputDir: match[3] };
    } finally {
      file.close();
    }
  }

  #pathOf({ key, outputDir }: BegunDownload): string {
    const digest = createHash("sha256").update(`${key}\0${outputDir}`).digest("hex");
    return `${this.#folder}/${digest.slice(0, 24)}${SUFFIX}`;
  }
}

const SUFFIX = ".download";
/** More than any system's longest path. */
const MAX_BYTES = 65_536;
