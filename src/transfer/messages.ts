/**
 * The messages of a transfer stream (docs/transfers.md has their grammar): a type number and its fields in one
 * CBOR array. What comes out of {@link decodeMessage} has every field checked for type and range.
 *
 * @module
 */

import type { TransferFailureReason } from "../observe/events.ts";
import { CborError, type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { chunkCount, HASH_LENGTH } from "./content_tree.ts";
import { failureReasonOf, TransferError } from "./transfer_error.ts";

/** Bytes of an encoded message, at most. */
export const MAX_MESSAGE_BYTES = 65_536;
/** Leaf hashes in one KEEP, at most. */
export const MAX_KEEP_LEAVES = 1_024;
/** Numbers in one HAVE (two per range), at most. */
export const MAX_HAVE_NUMBERS = 4_096;
/** The largest file: its chunks can still be counted in 32 bits. */
export const MAX_FILE_BYTES = 2 ** 46;

type Hash = Uint8Array<ArrayBuffer>;

/** What the sender proposes, before any name or byte of it. */
export interface OfferMessage {
  readonly type: "offer";
  /** 16 bytes, fresh for every attempt. */
  readonly id: Hash;
  /** For people: the file's name, or the first one's and how many more. */
  readonly name: string;
  /** Entries to follow in ENTRIES messages: files and directories. */
  readonly entries: number;
  readonly files: number;
  /** Bytes of all files. */
  readonly bytes: number;
  /** W3C trace context, from senders that were told to share theirs. */
  readonly traceparent?: string;
}

/** One file or directory of an offer. Names are relative, parts joined by `/`. */
export interface ManifestEntry {
  readonly path: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  /** Permission bits, at most 0o777. */
  readonly mode: number;
  /** Milliseconds since the Unix epoch, possibly negative. */
  readonly mtimeMs: number;
}

/** A run of chunks of one file. */
export interface ChunkRun {
  readonly first: number;
  readonly count: number;
}

export type Message =
  | OfferMessage
  | { readonly type: "entries"; readonly entries: readonly ManifestEntry[] }
  | { readonly type: "have"; readonly file: number; readonly runs: readonly ChunkRun[] }
  | { readonly type: "accept" }
  | { readonly type: "reject"; readonly reason: TransferFailureReason; readonly message: string }
  | { readonly type: "chunk"; readonly file: number; readonly index: number; readonly leaf: Hash }
  | { readonly type: "keep"; readonly file: number; readonly first: number; readonly leaves: readonly Hash[] }
  | { readonly type: "hole"; readonly file: number; readonly first: number; readonly count: number }
  | { readonly type: "file_end"; readonly file: number; readonly root: Hash }
  | {
    readonly type: "file_failed";
    readonly file: number;
    readonly reason: TransferFailureReason;
    readonly message: string;
  }
  | { readonly type: "want"; readonly file: number; readonly first: number; readonly count: number }
  | { readonly type: "saved"; readonly bytes: number }
  | { readonly type: "receipt"; readonly file: number; readonly root: Hash }
  | { readonly type: "complete"; readonly delivered: number; readonly failed: number }
  | { readonly type: "pause"; readonly paused: boolean }
  | { readonly type: "abort"; readonly reason: TransferFailureReason; readonly message: string };

/** The type numbers on the wire. */
const TYPES = {
  offer: 0,
  entries: 1,
  have: 2,
  accept: 3,
  reject: 4,
  chunk: 5,
  keep: 6,
  hole: 7,
  file_end: 8,
  file_failed: 9,
  want: 10,
  saved: 11,
  receipt: 12,
  complete: 13,
  pause: 14,
  abort: 15,
} as const satisfies Record<Message["type"], number>;

const NAMES = Object.keys(TYPES) as Message["type"][];

/** `message` as bytes, without its length. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  return encodeCbor([TYPES[message.type], ...fieldsOf(message)]);
}

function fieldsOf(message: Message): CborValue[] {
  switch (message.type) {
    case "offer":
      return [offerMap(message)];
    case "entries":
      return message.entries.map(entryFields);
    case "have":
      return [message.file, ...message.runs.flatMap((run) => [run.first, run.count])];
    case "accept":
      return [];
    case "reject":
    case "abort":
      return [message.reason, message.message];
    case "chunk":
      return [message.file, message.index, message.leaf];
    case "keep":
      return [message.file, message.first, ...message.leaves];
    case "hole":
    case "want":
      return [message.file, message.first, message.count];
    case "file_end":
    case "receipt":
      return [message.file, message.root];
    case "file_failed":
      return [message.file, message.reason, message.message];
    case "saved":
      return [message.bytes];
    case "complete":
      return [message.delivered, message.failed];
    case "pause":
      return [message.paused];
  }
}

function offerMap(offer: OfferMessage): ReadonlyMap<string, CborValue> {
  const map = new Map<string, CborValue>([
    ["id", offer.id],
    ["name", offer.name],
    ["entries", offer.entries],
    ["files", offer.files],
    ["bytes", offer.bytes],
  ]);
  if (offer.traceparent !== undefined) map.set("traceparent", offer.traceparent);
  return map;
}

function entryFields(entry: ManifestEntry): CborValue[] {
  const common = [entry.path, entry.mode, entry.mtimeMs];
  return entry.isDirectory ? common : [...common, entry.sizeBytes];
}

/**
 * The message that `bytes` encode. Nothing in it refers to `bytes`.
 *
 * @throws {TransferError} `protocol`, when they are no message of this version.
 */
export function decodeMessage(bytes: Uint8Array): Message {
  let value: CborValue;
  try {
    value = decodeCbor(bytes);
  } catch (cause) {
    if (!(cause instanceof CborError)) throw cause;
    throw new TransferError("protocol", `Cannot read a message: ${cause.message}`, { cause });
  }
  if (!Array.isArray(value)) throw malformed("a message that is no array");
  const [number, ...fields] = value;
  const type = typeof number === "number" ? NAMES[number] : undefined;
  if (type === undefined) throw malformed(`a message of unknown type ${String(number)}`);
  return messageOf(type, new Fields(type, fields));
}

function messageOf(type: Message["type"], fields: Fields): Message {
  switch (type) {
    case "offer":
      return fields.done({ type, ...readOffer(fields.map()) });
    case "entries":
      return { type, entries: fields.rest(1, 4_096).map(readEntry) };
    case "have":
      return { type, file: fields.count(), runs: readRuns(fields.rest(2, MAX_HAVE_NUMBERS)) };
    case "accept":
      return fields.done({ type });
    case "reject":
    case "abort":
      return fields.done({ type, reason: failureReasonOf(fields.text(64)), message: fields.text(1_024) });
    case "chunk":
      return fields.done({ type, file: fields.count(), index: fields.count(), leaf: fields.hash() });
    case "keep": {
      const [file, first] = [fields.count(), fields.count()];
      return { type, file, first, leaves: fields.rest(1, MAX_KEEP_LEAVES).map(asHash) };
    }
    case "hole":
    case "want":
      return fields.done({ type, file: fields.count(), first: fields.count(), count: fields.positive() });
    case "file_end":
    case "receipt":
      return fields.done({ type, file: fields.count(), root: fields.hash() });
    case "file_failed":
      return fields.done({
        type,
        file: fields.count(),
        reason: failureReasonOf(fields.text(64)),
        message: fields.text(1_024),
      });
    case "saved":
      return fields.done({ type, bytes: fields.count() });
    case "complete":
      return fields.done({ type, delivered: fields.count(), failed: fields.count() });
    case "pause":
      return fields.done({ type, paused: fields.flag() });
  }
}

function readOffer(map: ReadonlyMap<number | string, CborValue>): Omit<OfferMessage, "type"> {
  // Keys that this version does not know are left for later ones.
  const field = (key: string) => new Fields(`offer.${key}`, [map.get(key) ?? null]);
  const traceparent = map.get("traceparent");
  const offer = {
    id: field("id").bytes(16),
    name: field("name").text(4_096),
    entries: field("entries").count(),
    files: field("files").count(),
    bytes: field("bytes").count(),
    ...(traceparent === undefined ? {} : { traceparent: field("traceparent").text(128) }),
  };
  if (offer.files > offer.entries) throw malformed("an offer of more files than entries");
  return offer;
}

function readEntry(value: CborValue): ManifestEntry {
  if (!Array.isArray(value)) throw malformed("an entry that is no array");
  const fields = new Fields("entry", value);
  const path = fields.text(4_096);
  const mode = fields.count();
  const mtimeMs = fields.integer();
  const isDirectory = value.length === 3;
  const sizeBytes = isDirectory ? 0 : fields.count();
  if (mode > 0o777) throw malformed("an entry with mode bits beyond permissions");
  if (sizeBytes > MAX_FILE_BYTES) throw malformed(`a file of more than ${MAX_FILE_BYTES} bytes`);
  // What JavaScript's dates hold; the file systems' own ranges are smaller.
  if (Math.abs(mtimeMs) > 8.64e15) throw malformed("an entry with a time out of range");
  return fields.done({ path, isDirectory, sizeBytes, mode, mtimeMs });
}

/** Runs in ascending order that neither touch nor overlap. */
function readRuns(numbers: readonly CborValue[]): ChunkRun[] {
  if (numbers.length % 2 !== 0) throw malformed("a run without a length");
  const fields = new Fields("have", numbers);
  const runs: ChunkRun[] = [];
  let end = -1;
  for (let i = 0; i < numbers.length; i += 2) {
    const run = { first: fields.count(), count: fields.positive() };
    if (run.first <= end) throw malformed("runs out of order");
    end = run.first + run.count;
    runs.push(run);
  }
  return runs;
}

/** Splits `entries` into messages that fit {@link MAX_MESSAGE_BYTES}. */
export function* entryPages(entries: Iterable<ManifestEntry>): Generator<readonly ManifestEntry[]> {
  let page: ManifestEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    // Heads and numbers of one entry take at most 32 bytes; UTF-16 units at most 3 bytes each.
    const worst = 32 + 3 * entry.path.length;
    if (page.length > 0 && (bytes + worst > MAX_MESSAGE_BYTES - 16 || page.length === MAX_PAGE_ENTRIES)) {
      yield page;
      page = [];
      bytes = 0;
    }
    page.push(entry);
    bytes += worst;
  }
  if (page.length > 0) yield page;
}

/** Whether every chunk of `runs` exists in a file of `sizeBytes`. */
export function runsWithin(runs: readonly ChunkRun[], sizeBytes: number): boolean {
  const last = runs.at(-1);
  return last === undefined || last.first + last.count <= chunkCount(sizeBytes);
}

/** The fields of one array, taken in order, each checked. */
class Fields {
  readonly #where: string;
  readonly #values: readonly CborValue[];
  #next = 0;

  constructor(where: string, values: readonly CborValue[]) {
    this.#where = where;
    this.#values = values;
  }

  integer(): number {
    const value = this.#take();
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw this.#wrong("an integer");
    return value;
  }

  count(): number {
    const value = this.integer();
    if (value < 0) throw this.#wrong("no negative number");
    return value;
  }

  positive(): number {
    const value = this.count();
    if (value === 0) throw this.#wrong("a positive number");
    return value;
  }

  flag(): boolean {
    const value = this.#take();
    if (typeof value !== "boolean") throw this.#wrong("true or false");
    return value;
  }

  text(maxLength: number): string {
    const value = this.#take();
    if (typeof value !== "string" || value.length > maxLength) {
      throw this.#wrong(`text of at most ${maxLength} characters`);
    }
    return value;
  }

  bytes(length: number): Hash {
    const value = this.#take();
    if (!(value instanceof Uint8Array) || value.length !== length) throw this.#wrong(`${length} bytes`);
    return value as Hash;
  }

  hash(): Hash {
    return this.bytes(HASH_LENGTH);
  }

  map(): ReadonlyMap<number | string, CborValue> {
    const value = this.#take();
    if (!(value instanceof Map)) throw this.#wrong("a map");
    return value;
  }

  /** All fields that are left. */
  rest(min: number, max: number): readonly CborValue[] {
    const rest = this.#values.slice(this.#next);
    if (rest.length < min || rest.length > max) throw this.#wrong(`${min} to ${max} elements`);
    return rest;
  }

  /** `message`, when no field is left over. */
  done<T>(message: T): T {
    if (this.#next !== this.#values.length) throw this.#wrong("fewer fields");
    return message;
  }

  #take(): CborValue | undefined {
    return this.#values[this.#next++];
  }

  #wrong(expected: string): TransferError {
    return malformed(`${this.#where}: expected ${expected}`);
  }
}

function asHash(value: CborValue): Hash {
  return new Fields("keep", [value]).hash();
}

function malformed(what: string): TransferError {
  return new TransferError("protocol", `Cannot read a message: ${what}`);
}

const MAX_PAGE_ENTRIES = 512;
