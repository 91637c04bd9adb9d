/**
 * The sending end of one transfer, from the offer to the last receipt.
 *
 * @module
 */

import { equalBytes } from "../bytes.ts";
import type { ChunkPool } from "./chunk_pool.ts";
import { CHUNK_BYTES, chunkLength } from "./content_tree.ts";
import { ChunkSet } from "./chunk_set.ts";
import { asTransferError, type Link } from "./link.ts";
import type { MessageReader } from "./message_reader.ts";
import type { MessageWriter } from "./message_writer.ts";
import { entryPages, type Message, type OfferMessage, runsWithin } from "./messages.ts";
import { OutgoingFile, type ReadChunk } from "./outgoing_file.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import { SendPlan, type Step } from "./send_plan.ts";
import type { SourceScan } from "./source_scan.ts";
import type { Storage } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";
import type { TransferRecord } from "./transfer_record.ts";
import { zeroLeaf } from "./zero_leaf.ts";

type Hash = Uint8Array<ArrayBuffer>;

export interface SenderOptions {
  readonly storage: Storage;
  readonly scan: SourceScan;
  /** 16 bytes. */
  readonly id: Hash;
  readonly traceparent?: string;
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  readonly link: Link;
  /** Buffers of `RUN_BYTES`. */
  readonly pool: ChunkPool;
  readonly limiter: RateLimiter;
  readonly record: TransferRecord;
}

/** Sends the files of one scan. */
export class Sender {
  readonly #options: SenderOptions;
  readonly #files: (OutgoingFile | null)[];
  readonly #have = new Map<number, ChunkSet>();
  readonly #wanted: { readonly file: OutgoingFile; readonly index: number }[] = [];
  readonly #roots = new Map<OutgoingFile, Hash>();
  readonly #plan: SendPlan;
  #accepted = false;
  #complete = false;
  #firstFailure: TransferError | null = null;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#files = options.scan.entries.map((source, index) =>
      source.entry.isDirectory ? null : new OutgoingFile(options.storage, index, source)
    );
    this.#plan = new SendPlan({ files: this.#files, have: this.#have, pool: options.pool });
  }

  /**
   * Offers, sends, and waits until the receiver has confirmed every content root.
   *
   * @throws {TransferError} with the reason why not all was delivered.
   */
  async run(): Promise<void> {
    const { link, writer } = this.#options;
    const listening = this.#listen();
    try {
      await this.#offer();
      await link.waitUntil(() => this.#accepted);
      this.#options.record.started();
      await this.#sendAll();
      await this.#sendWanted();
    } catch (error) {
      // The other side's reason, where there is one, arrives by the listener.
      if (link.failure === null && !this.#complete) await this.#failBy(error, listening);
    }
    await listening;
    this.#closeAll();
    link.signal.throwIfAborted();
    if (this.#firstFailure !== null) throw this.#summary(this.#firstFailure);
    await writer.flush().catch(() => {});
  }

  /** A broken stream may still hold the receiver's reason: that one is the better. */
  async #failBy(error: unknown, listening: Promise<void>): Promise<void> {
    const { link } = this.#options;
    const failure = asTransferError(error);
    if (failure.reason === "network") {
      link.letGoSoon();
      await listening;
    }
    link.fail(failure);
  }

  async #offer(): Promise<void> {
    const { writer, scan, id, record, traceparent } = this.#options;
    const offer: OfferMessage = {
      type: "offer",
      id,
      name: scan.name,
      entries: scan.entries.length,
      files: scan.files,
      bytes: scan.bytes,
      ...(traceparent === undefined ? {} : { traceparent }),
    };
    record.offered(traceparent);
    await writer.queue(offer);
    for (const page of entryPages(scan.entries.map((source) => source.entry))) {
      await writer.queue({ type: "entries", entries: page });
    }
    await writer.flush();
  }

  async #sendAll(): Promise<void> {
    const { writer } = this.#options;
    try {
      for (let step = this.#plan.next(); step !== null; step = this.#plan.next()) {
        await this.#send(await step);
        await this.#sendWantedSoFar();
      }
      await writer.flush();
    } finally {
      this.#plan.discard();
    }
  }

  async #send(step: Step): Promise<void> {
    const { link, pool, writer } = this.#options;
    try {
      if (link.paused) await this.#waitWhilePaused();
      link.signal.throwIfAborted();
      if (step.kind === "nothing" || step.file.settled) return;
      switch (step.kind) {
        case "chunks":
          return await this.#sendRun(step.file, step.first, step.run.chunks);
        case "keep":
          for (const leaf of step.leaves) step.file.root.add(leaf);
          return await writer.queue({
            type: "keep",
            file: step.file.index,
            first: step.first,
            leaves: step.leaves,
          });
        case "end":
          return await this.#sendEnd(step.file);
        case "failed":
          return await this.#sendFailure(step.file, step.failure);
      }
    } finally {
      if (step.kind === "chunks") pool.give(step.run.buffer);
    }
  }

  async #sendRun(file: OutgoingFile, first: number, chunks: readonly ReadChunk[]): Promise<void> {
    const { link } = this.#options;
    for (const [offset, chunk] of chunks.entries()) {
      if (link.paused) await this.#waitWhilePaused();
      link.signal.throwIfAborted();
      if (file.settled) return;
      file.root.add(chunk.leaf);
      await this.#sendChunk(file, first + offset, chunk);
    }
  }

  async #sendChunk(file: OutgoingFile, index: number, { bytes, leaf }: ReadChunk): Promise<void> {
    const { limiter, writer, link, record } = this.#options;
    // A hole's hash is known beforehand, so finding one costs a comparison.
    if (bytes.length === CHUNK_BYTES && equalBytes(leaf, zeroLeaf(CHUNK_BYTES))) {
      return await writer.queue({ type: "hole", file: file.index, first: index, count: 1 });
    }
    await limiter.take(bytes.length, link.signal);
    await writer.queue({ type: "chunk", file: file.index, index, leaf }, bytes);
    record.bytesTransferred += bytes.length;
    record.chunksDone++;
    record.current = {
      path: file.path,
      sizeBytes: file.sizeBytes,
      bytesDone: index * CHUNK_BYTES + bytes.length,
    };
  }

  async #sendEnd(file: OutgoingFile): Promise<void> {
    const root = file.root.root();
    this.#roots.set(file, root);
    file.close();
    await this.#options.writer.queue({ type: "file_end", file: file.index, root });
  }

  async #sendFailure(file: OutgoingFile, failure: TransferError): Promise<void> {
    this.#settle(file, failure);
    const { reason, message } = failure;
    await this.#options.writer.send({ type: "file_failed", file: file.index, reason, message });
  }

  /** After the last file: serves what is asked for again, until the receiver says that all is settled. */
  async #sendWanted(): Promise<void> {
    const { link, writer, record } = this.#options;
    if (!this.#complete) record.verifying();
    while (!this.#complete) {
      await this.#sendWantedSoFar();
      await writer.flush();
      await link.waitUntil(() => this.#complete || this.#wanted.length > 0);
    }
    record.verified();
  }

  async #sendWantedSoFar(): Promise<void> {
    for (let want = this.#wanted.shift(); want !== undefined; want = this.#wanted.shift()) {
      const step = await this.#plan.readRun(want.file, want.index, 1);
      if (step.kind !== "chunks") {
        await this.#send(step);
        continue;
      }
      try {
        if (!want.file.settled) await this.#resend(want.file, want.index, step.run.chunks[0]);
      } finally {
        this.#options.pool.give(step.run.buffer);
        if (this.#roots.has(want.file)) want.file.close();
      }
    }
  }

  async #resend(file: OutgoingFile, index: number, { bytes, leaf }: ReadChunk): Promise<void> {
    const { limiter, writer, link, record } = this.#options;
    await limiter.take(bytes.length, link.signal);
    await writer.queue({ type: "chunk", file: file.index, index, leaf }, bytes);
    record.bytesTransferred += bytes.length;
  }

  async #waitWhilePaused(): Promise<void> {
    const { link, writer } = this.#options;
    await writer.flush();
    await link.waitUntil(() => !link.paused);
  }

  async #listen(): Promise<void> {
    const { reader, link } = this.#options;
    try {
      for (;;) {
        const message = await reader.next();
        if (message === null) throw new TransferError("network", "The receiver ended before it was done");
        this.#handle(message);
        if (this.#complete || link.failure !== null) return;
      }
    } catch (error) {
      const failure = asTransferError(error);
      if (failure.reason === "protocol") link.fail(failure);
      else link.onPeerFailed(failure);
    }
  }

  #handle(message: Message): void {
    const { link, record } = this.#options;
    switch (message.type) {
      case "have":
        return this.#onHave(message);
      case "accept":
        if (this.#accepted) throw unexpected(message);
        this.#accepted = true;
        return link.changed();
      case "reject":
      case "abort":
        return link.onPeerFailed(new TransferError(message.reason, message.message));
      case "want":
        return this.#onWant(message);
      case "saved":
        record.bytesDone = Math.min(message.bytes, record.facts.bytesTotal);
        return record.moved();
      case "receipt":
        return this.#onReceipt(message.file, message.root);
      case "file_failed": {
        const failure = new TransferError(message.reason, message.message);
        return this.#settle(this.#fileAt(message.file), failure);
      }
      case "complete":
        return this.#onComplete(message.delivered, message.failed);
      case "pause":
        link.onPeerPaused(message.paused);
        if (link.paused) record.paused();
        else record.resumed();
        return;
      default:
        throw unexpected(message);
    }
  }

  #onHave(message: Message & { type: "have" }): void {
    const file = this.#fileAt(message.file);
    if (this.#accepted || !runsWithin(message.runs, file.sizeBytes)) throw unexpected(message);
    const set = this.#have.get(file.index) ?? new ChunkSet();
    this.#have.set(file.index, set);
    for (const run of message.runs) {
      for (let index = run.first; index < run.first + run.count; index++) {
        if (!set.has(index)) this.#options.record.bytesResumed += chunkLength(file.sizeBytes, index);
        set.add(index);
      }
    }
  }

  #onWant(message: Message & { type: "want" }): void {
    const file = this.#fileAt(message.file);
    const end = message.first + message.count;
    if (!this.#accepted || end > file.chunks || this.#wanted.length + message.count > MAX_WANTED) {
      throw unexpected(message);
    }
    for (let index = message.first; index < end; index++) this.#wanted.push({ file, index });
    this.#options.link.changed();
  }

  #onReceipt(index: number, root: Hash): void {
    const file = this.#fileAt(index);
    const sent = this.#roots.get(file);
    if (sent === undefined || !equalBytes(sent, root)) {
      throw new TransferError(
        "integrity",
        `The receiver confirmed another content root for "${file.path}" than was sent`,
      );
    }
    if (file.settled) return;
    file.settled = true;
    this.#options.record.filesDone++;
  }

  #settle(file: OutgoingFile, failure: TransferError): void {
    if (file.settled) return;
    file.settled = true;
    file.close();
    this.#firstFailure ??= failure;
    this.#options.record.fileFailed(file.path, failure);
  }

  #onComplete(delivered: number, failed: number): void {
    const { record, link } = this.#options;
    if (delivered !== record.filesDone || failed !== record.filesFailed) {
      throw new TransferError("protocol", "The receiver ended without confirming every file");
    }
    if (delivered + failed !== record.facts.files) {
      throw new TransferError("protocol", "The receiver ended before every file was settled");
    }
    this.#complete = true;
    link.changed();
  }

  #fileAt(index: number): OutgoingFile {
    const file = this.#files[index];
    if (file) return file;
    throw new TransferError("protocol", `The receiver speaks of file ${index}, which was not offered`);
  }

  #closeAll(): void {
    for (const file of this.#files) file?.close();
  }

  #summary(first: TransferError): TransferError {
    const { filesDone, filesFailed } = this.#options.record;
    const total = filesDone + filesFailed;
    if (total === 1) return first;
    const text = `${filesFailed} of ${total} files were not delivered, the first because: ${first.message}`;
    return new TransferError(first.reason, text, { cause: first });
  }
}

function unexpected(message: Message): TransferError {
  return new TransferError("protocol", `The receiver sent an unexpected ${message.type} message`);
}

const MAX_WANTED = 131_072;
