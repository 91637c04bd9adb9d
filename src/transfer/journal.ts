/**
 * What an interrupted transfer leaves behind: an append-only file of small checksummed records, so that a crash
 * in the middle of a write costs the records being written and nothing before them.
 *
 * The journal is a list of claims, not of truths: every chunk it names is hashed again before it counts. So
 * chunks are noted without waiting for the disk, and a lost tail only means that some are sent again. Only the
 * note that files are about to get their final names is waited for.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { concatBytes } from "../bytes.ts";
import { CborError, type CborLimits, type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { ChunkSet } from "./chunk_set.ts";
import { type Storage, StorageError, type StoredFile } from "./storage.ts";

/** What is known of one file of an earlier attempt. */
export interface JournaledFile {
  readonly number: number;
  readonly sizeBytes: number;
  /** Chunks in the partial file. */
  readonly saved: ChunkSet;
  /** Where it was put, or was about to be put when the record was written. */
  placed: { readonly path: string; readonly mtimeMs: number } | null;
}

/** What the claims of a journal add up to. */
export interface JournalContent {
  readonly peerId: string;
  /** Final names of top-level entries that this transfer made, by offered name. */
  readonly topNames: Map<string, string>;
  readonly files: Map<string, JournaledFile>;
}

/** The journal of one transfer. Records are gathered; {@link flush} writes them in one go. */
export class Journal {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #file: StoredFile;
  readonly #content: JournalContent;
  #end: number;
  #numbers: number;
  #pending: Uint8Array<ArrayBuffer>[] = [];
  #run: { number: number; first: number; count: number } | null = null;
  #turn: Promise<void> = Promise.resolve();

  private constructor(
    storage: Storage,
    path: string,
    file: StoredFile,
    content: JournalContent,
    end: number,
  ) {
    this.#storage = storage;
    this.#path = path;
    this.#file = file;
    this.#content = content;
    this.#end = end;
    this.#numbers = [...content.files.values()].reduce((next, each) => Math.max(next, each.number + 1), 0);
  }

  /**
   * The journal at `path`: continued where there is one of the same peer, new otherwise. Reads what is there,
   * writes its sum to a new file and puts that in its place, so torn tails and old claims never pile up.
   *
   * @throws {StorageError}
   */
  static async open(storage: Storage, path: string, peerId: string): Promise<Journal> {
    const found = await readJournal(storage, path);
    const content = found?.peerId === peerId ? found : { peerId, topNames: new Map(), files: new Map() };
    const fresh = `${path}.new`;
    await storage.remove(fresh);
    const file = await storage.open(fresh, "create");
    try {
      const bytes = encodeContent(content);
      await file.writeAt(0, bytes);
      // On the disk before its name is: the old one stays until the new one is whole.
      await file.sync();
      await storage.replace(fresh, path);
      await storage.syncDirectory(path.slice(0, path.lastIndexOf("/")));
      return new Journal(storage, path, file, content, bytes.length);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Whether nothing would be lost without it. */
  get isEmpty(): boolean {
    return this.#content.files.size === 0 && this.#content.topNames.size === 0;
  }

  /** The final name that an earlier attempt gave the top-level entry `offered`, or null. */
  topName(offered: string): string | null {
    return this.#content.topNames.get(offered) ?? null;
  }

  noteTopName(offered: string, final: string): void {
    this.#content.topNames.set(offered, final);
    this.#append([RECORDS.topName, offered, final]);
  }

  /** The offered paths of all files it knows of. */
  get paths(): Iterable<string> {
    return this.#content.files.keys();
  }

  /** What an earlier attempt left of the file offered as `path`, or null. */
  file(path: string): JournaledFile | null {
    return this.#content.files.get(path) ?? null;
  }

  /** Starts the file over: claims about it so far are void. */
  noteFile(path: string, sizeBytes: number): void {
    const file = { number: this.#numbers++, sizeBytes, saved: new ChunkSet(), placed: null };
    this.#content.files.set(path, file);
    this.#append([RECORDS.file, file.number, path, sizeBytes]);
  }

  /** Claims that chunk `index` is in the partial file. */
  noteChunk(path: string, index: number): void {
    const file = this.#content.files.get(path)!;
    file.saved.add(index);
    if (this.#run?.number === file.number && this.#run.first + this.#run.count === index) {
      this.#run.count++;
      return;
    }
    this.#endRun();
    this.#run = { number: file.number, first: index, count: 1 };
  }

  /** Claims that the file is, or is about to be, complete at `final`. */
  notePlaced(path: string, final: string, mtimeMs: number): void {
    const file = this.#content.files.get(path)!;
    file.placed = { path: final, mtimeMs };
    this.#append([RECORDS.placed, file.number, final, mtimeMs]);
  }

  /** Writes what was gathered. @throws {StorageError} */
  flush(): Promise<void> {
    this.#endRun();
    if (this.#pending.length === 0) return this.#turn;
    const bytes = concatBytes(...this.#pending);
    this.#pending = [];
    const at = this.#end;
    this.#end += bytes.length;
    this.#turn = this.#turn.then(() => this.#file.writeAt(at, bytes));
    // Every later flush reports the failure as well; nobody else has to.
    this.#turn.catch(() => {});
    return this.#turn;
  }

  /** Writes what was gathered and resolves when it would survive a power cut. @throws {StorageError} */
  async sync(): Promise<void> {
    await this.flush();
    await this.#file.sync();
  }

  /** Writes what was gathered and lets go of the file. Idempotent. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      this.#file.close();
    }
  }

  /** Closes and removes the journal: the transfer is over. */
  async remove(): Promise<void> {
    this.#pending = [];
    this.#run = null;
    this.#file.close();
    await this.#storage.remove(this.#path);
  }

  #endRun(): void {
    if (this.#run === null) return;
    const { number, first, count } = this.#run;
    this.#run = null;
    this.#append([RECORDS.chunks, number, first, count]);
  }

  #append(record: CborValue): void {
    // Claims about chunks made before this record stay before it.
    this.#endRun();
    this.#pending.push(encodeRecord(record));
  }
}

/**
 * What the journal at `path` claims, up to its first damaged record; null when there is none, or not even its
 * first record is whole.
 *
 * @throws {StorageError} other than for a missing file.
 */
export async function readJournal(storage: Storage, path: string): Promise<JournalContent | null> {
  let file: StoredFile;
  try {
    file = await storage.open(path, "read");
  } catch (error) {
    if (error instanceof StorageError && error.code === "ENOENT") return null;
    throw error;
  }
  try {
    return await replay(file);
  } finally {
    file.close();
  }
}

async function replay(file: StoredFile): Promise<JournalContent | null> {
  let content: JournalContent | null = null;
  const byNumber = new Map<number, JournaledFile>();
  for await (const record of intactRecords(file)) {
    if (content === null) {
      const [type, version, peerId] = record;
      if (type !== RECORDS.header || version !== VERSION || typeof peerId !== "string") return null;
      content = { peerId, topNames: new Map(), files: new Map() };
    } else if (!apply(content, byNumber, record)) {
      break;
    }
  }
  return content;
}

/** Takes one record into the sum. False when it makes no sense, which ends the journal like a damaged one. */
function apply(
  content: JournalContent,
  byNumber: Map<number, JournaledFile>,
  record: readonly CborValue[],
): boolean {
  const [type, key, a, b] = record;
  if (type === RECORDS.topName && typeof key === "string" && typeof a === "string") {
    content.topNames.set(key, a);
    return true;
  }
  if (typeof key !== "number") return false;
  if (type === RECORDS.file && typeof a === "string" && typeof b === "number") {
    const file = { number: key, sizeBytes: b, saved: new ChunkSet(), placed: null };
    content.files.set(a, file);
    byNumber.set(key, file);
    return true;
  }
  const file = byNumber.get(key);
  if (file === undefined) return false;
  if (type === RECORDS.chunks && typeof a === "number" && typeof b === "number") {
    if (a + b > MAX_CHUNKS) return false;
    for (let index = a; index < a + b; index++) file.saved.add(index);
    return true;
  }
  if (type === RECORDS.placed && typeof a === "string" && typeof b === "number") {
    file.placed = { path: a, mtimeMs: b };
    return true;
  }
  return false;
}

function* recordsOf(content: JournalContent): Generator<CborValue> {
  yield [RECORDS.header, VERSION, content.peerId];
  for (const [offered, final] of content.topNames) yield [RECORDS.topName, offered, final];
  for (const [path, file] of content.files) {
    yield [RECORDS.file, file.number, path, file.sizeBytes];
    for (const run of file.saved.runs(Infinity)) yield [RECORDS.chunks, file.number, run.first, run.count];
    if (file.placed !== null) {
      yield [RECORDS.placed, file.number, file.placed.path, file.placed.mtimeMs];
    }
  }
}

/** The whole journal anew. Joined in slices, because a call takes only so many arguments. */
function encodeContent(content: JournalContent): Uint8Array<ArrayBuffer> {
  const slices: Uint8Array[] = [];
  const slice: Uint8Array[] = [];
  for (const record of recordsOf(content)) {
    if (slice.push(encodeRecord(record)) === 1_024) slices.push(concatBytes(...slice.splice(0)));
  }
  return concatBytes(...slices, ...slice);
}

/** One record: length and CRC-32 of the payload, four bytes each, then the payload. */
function encodeRecord(record: CborValue): Uint8Array<ArrayBuffer> {
  const payload = encodeCbor(record);
  const bytes = new Uint8Array(HEAD_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length);
  view.setUint32(4, crc32(payload));
  bytes.set(payload, HEAD_BYTES);
  return bytes;
}

/** The records from the start of `file` to the first that is cut short or damaged. */
async function* intactRecords(file: StoredFile): AsyncGenerator<readonly CborValue[]> {
  const buffer = new Uint8Array(READ_BYTES);
  let position = 0;
  for (;;) {
    const length = await file.readAt(position, buffer);
    let offset = 0;
    for (;;) {
      const record = recordAt(buffer, offset, length);
      if (record === null) break;
      yield record.value;
      offset = record.next;
    }
    // Nothing whole in a full buffer: damaged, for a record is much smaller.
    if (offset === 0 || length < buffer.length) return;
    position += offset;
  }
}

function recordAt(
  buffer: Uint8Array<ArrayBuffer>,
  offset: number,
  end: number,
): { value: readonly CborValue[]; next: number } | null {
  if (offset + HEAD_BYTES > end) return null;
  const view = new DataView(buffer.buffer, offset);
  const next = offset + HEAD_BYTES + view.getUint32(0);
  if (next > end) return null;
  const payload = buffer.subarray(offset + HEAD_BYTES, next);
  if (crc32(payload) !== view.getUint32(4)) return null;
  try {
    const value = decodeCbor(payload, RECORD_LIMITS);
    return Array.isArray(value) ? { value, next } : null;
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
    return null;
  }
}

const VERSION = 1;
const RECORDS = { header: 0, topName: 1, file: 2, chunks: 3, placed: 4 } as const;
const HEAD_BYTES = 8;
const READ_BYTES = 65_536;
const RECORD_LIMITS: CborLimits = { maxBytes: 16_384, maxDepth: 1, maxItems: 8 };
/** Chunks of the largest file. A record that claims more is damaged. */
const MAX_CHUNKS = 2 ** 28;
