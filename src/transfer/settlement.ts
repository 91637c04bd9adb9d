/**
 * Counts the files of one reception until each is delivered or failed, and tells the sender.
 *
 * @module
 */

import { type Destination, guarded } from "./destination.ts";
import type { IncomingFile } from "./incoming_file.ts";
import type { Manifest } from "./incoming_offer.ts";
import type { Journal } from "./journal.ts";
import { asTransferError, type Link } from "./link.ts";
import type { MessageWriter } from "./message_writer.ts";
import type { Storage } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";
import type { TransferRecord } from "./transfer_record.ts";

export interface SettlementOptions {
  readonly storage: Storage;
  readonly destination: Destination;
  readonly journal: Journal;
  readonly manifest: Manifest;
  readonly writer: MessageWriter;
  readonly link: Link;
  readonly record: TransferRecord;
}

/** How the files of one reception end. */
export class Settlement {
  readonly #options: SettlementOptions;
  #unsettled: number;
  #firstFailure: TransferError | null = null;
  #completed = false;
  #said = false;

  constructor(options: SettlementOptions) {
    this.#options = options;
    this.#unsettled = options.manifest.entries.filter((entry) => !entry.isDirectory).length;
  }

  /** Whether the sender was told that all is settled. */
  get isSaid(): boolean {
    return this.#said;
  }

  /** @throws {TransferError} when a file failed, for the first reason one did. */
  throwIfAnyFailed(): void {
    if (this.#firstFailure === null) return;
    const first = this.#firstFailure;
    const { filesDone, filesFailed } = this.#options.record;
    const total = filesDone + filesFailed;
    if (total === 1) throw first;
    const text = `${filesFailed} of ${total} files were not delivered, the first because: ${first.message}`;
    throw new TransferError(first.reason, text, { cause: first });
  }

  /** `files` are durable under their final names. */
  async delivered(files: readonly IncomingFile[]): Promise<void> {
    const { writer, record } = this.#options;
    for (const file of files) {
      record.filesDone++;
      this.#unsettled--;
      await writer.queue({ type: "receipt", file: file.index, root: file.root });
    }
    await writer.flush();
    await this.conclude();
  }

  /**
   * `file` cannot be delivered. False when it was settled before.
   *
   * @param isOurs whether the sender has to be told.
   */
  failed(file: IncomingFile, failure: TransferError, isOurs: boolean): boolean {
    if (file.settled === "delivered" || file.settled === "failed") return false;
    file.settled = "failed";
    const { record, journal, link, writer } = this.#options;
    this.#firstFailure ??= failure;
    record.fileFailed(file.entry.path, failure);
    record.bytesDone -= file.bytesSaved;
    // What is damaged is of no use to a next attempt.
    if (failure.reason === "integrity") journal.noteFile(file.entry.path, file.entry.sizeBytes);
    if (isOurs) {
      const { reason, message } = failure;
      writer.send({ type: "file_failed", file: file.index, reason, message: message.slice(0, 1_024) })
        .catch(() => {
          // The stream is gone: whoever reads it ends the transfer.
        });
    }
    this.#unsettled--;
    this.conclude().catch((error) => link.fail(asTransferError(error)));
    return true;
  }

  /** When every file is delivered or failed: directories get their modes and times, and the sender the word. */
  async conclude(): Promise<void> {
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
}

function deepestFirst(a: { readonly path: string }, b: { readonly path: string }): number {
  return b.path.split("/").length - a.path.split("/").length;
}
