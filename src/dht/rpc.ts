/**
 * Questions and answers of the DHT, one DATAGRAM frame each. docs/dht.md has the layout.
 *
 * The session says who speaks, so a message carries no identity and no signature of its own.
 *
 * @module
 */

import { toHex } from "../bytes.ts";
import { peerIdOf } from "../crypto/peer_id.ts";
import { DATAGRAM_TYPES } from "../wire/codes.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { ByteReader, encodeVarint, varintLength } from "../wire/varint.ts";
import type { PeerAddress } from "./contact.ts";
import { decodeAddress, encodeAddress, MAX_ADDRESS_BYTES } from "./endpoint_address.ts";
import type { NodeId } from "./node_id.ts";
import { MAX_RECORD_BYTES, type RecordKind } from "./record.ts";

export type DhtRequest =
  | { readonly kind: "ping" }
  | { readonly kind: "find_node"; readonly target: NodeId }
  | { readonly kind: "find_value"; readonly target: NodeId; readonly of: RecordKind }
  | { readonly kind: "store"; readonly record: Uint8Array }
  /** The sender is about to go. Has no answer. */
  | { readonly kind: "leave" };

/** What became of a STORE, in the words of `dht.refused` where it was refused. */
export type StoreStatus = typeof STORE_STATUSES[number];
export const STORE_STATUSES = [
  "stored",
  "known",
  "stale",
  "full",
  "too_large",
  "malformed",
  "bad_signature",
  "expired",
] as const;

export type DhtAnswer =
  /** The asker's own address as the answerer sees it. */
  | { readonly kind: "ping"; readonly observed: string }
  | FoundAnswer
  | { readonly kind: "store"; readonly status: StoreStatus };

/** One of up to {@link MAX_PARTS} datagrams that answer a question together; each is of use by itself. */
export interface FoundAnswer {
  readonly kind: "find_node" | "find_value";
  readonly part: number;
  readonly parts: number;
  readonly contacts: readonly PeerAddress[];
  /** Views into the message: borrowed. */
  readonly records: readonly Uint8Array[];
}

interface MessageHead {
  readonly requestId: number;
  /** The sender cannot be reached by others: it asks, but is no contact. */
  readonly isClient: boolean;
}

export type DhtMessage =
  | (MessageHead & { readonly is: "request"; readonly request: DhtRequest })
  | (MessageHead & { readonly is: "answer"; readonly answer: DhtAnswer });

/** The most bytes a message may have, so that it fits a session's smallest packet with room to spare. */
export const MAX_MESSAGE_BYTES = 1150;
/** The most contacts in one answer: k. Twenty IPv6 contacts take 1020 bytes. */
export const MAX_ANSWER_CONTACTS = 20;
/** The most datagrams of one answer. */
export const MAX_PARTS = 4;

/** A question's bytes, in a new array. @throws {RangeError} when a record to store is too large. */
export function encodeRequest(head: MessageHead, request: DhtRequest): Uint8Array<ArrayBuffer> {
  const writer = new MessageWriter(KINDS[request.kind], head);
  if (request.kind === "find_node") writer.point(request.target);
  if (request.kind === "find_value") {
    writer.byte(RECORD_KINDS.indexOf(request.of));
    writer.point(request.target);
  }
  if (request.kind === "store") {
    if (request.record.length > MAX_RECORD_BYTES) {
      throw new RangeError(
        `Cannot store record: at most ${MAX_RECORD_BYTES} bytes, got ${request.record.length}`,
      );
    }
    writer.record(request.record);
  }
  return writer.finish();
}

/** The bytes of an answer to PING or STORE. */
export function encodeAnswer(
  head: MessageHead,
  answer: Exclude<DhtAnswer, FoundAnswer>,
): Uint8Array<ArrayBuffer> {
  const writer = new MessageWriter(KINDS[answer.kind] | ANSWER_BIT, head);
  if (answer.kind === "ping") writer.address(answer.observed);
  else writer.byte(STORE_STATUSES.indexOf(answer.status));
  return writer.finish();
}

/**
 * The datagrams of an answer to FIND_NODE or FIND_VALUE: the contacts in the first, the records where there is room.
 * Records beyond {@link MAX_PARTS} datagrams are left out.
 */
export function encodeFound(
  head: MessageHead,
  kind: FoundAnswer["kind"],
  contacts: readonly PeerAddress[],
  records: readonly Uint8Array[],
): Uint8Array<ArrayBuffer>[] {
  const parts = partition(contacts.slice(0, MAX_ANSWER_CONTACTS), records);
  return parts.map(({ contacts, records }, part) => {
    const writer = new MessageWriter(KINDS[kind] | ANSWER_BIT, head);
    writer.byte(part);
    writer.byte(parts.length);
    writer.byte(contacts.length);
    for (const contact of contacts) writer.contact(contact);
    writer.byte(records.length);
    for (const record of records) writer.record(record);
    return writer.finish();
  });
}

/** Reads one message. Records in it are borrowed from `bytes`. @throws {DecodeError} */
export function decodeMessage(bytes: Uint8Array): DhtMessage {
  if (bytes.length > MAX_MESSAGE_BYTES) throw new DecodeError("DHT message too large");
  const reader = new ByteReader().reset(bytes);
  if (reader.byte() !== DATAGRAM_TYPES.dht) throw new DecodeError("Not a DHT message");
  const code = reader.byte();
  const flags = reader.byte();
  if ((flags & ~CLIENT_FLAG) !== 0) throw new DecodeError("Unknown DHT flags");
  const head = { requestId: reader.uint32(), isClient: (flags & CLIENT_FLAG) !== 0 };
  const kind = KIND_NAMES[code & ~ANSWER_BIT];
  if (kind === undefined) throw new DecodeError(`Unknown DHT message ${code}`);
  const message: DhtMessage = (code & ANSWER_BIT) === 0
    ? { is: "request", ...head, request: decodeRequest(reader, kind) }
    : { is: "answer", ...head, answer: decodeAnswer(reader, kind) };
  if (reader.remaining > 0) throw new DecodeError("Bytes after a DHT message");
  return message;
}

function decodeRequest(reader: ByteReader, kind: DhtRequest["kind"]): DhtRequest {
  switch (kind) {
    case "ping":
    case "leave":
      return { kind };
    case "find_node":
      return { kind, target: readPoint(reader) };
    case "find_value": {
      const of = RECORD_KINDS[reader.byte()];
      if (of === undefined) throw new DecodeError("Unknown record kind");
      return { kind, of, target: readPoint(reader) };
    }
    case "store":
      return { kind, record: readRecordBytes(reader) };
  }
}

function decodeAnswer(reader: ByteReader, kind: DhtRequest["kind"]): DhtAnswer {
  switch (kind) {
    case "ping":
      return { kind, observed: decodeAddress(reader) };
    case "find_node":
    case "find_value":
      return decodeFound(reader, kind);
    case "store": {
      const status = STORE_STATUSES[reader.byte()];
      if (status === undefined) throw new DecodeError("Unknown store status");
      return { kind, status };
    }
    case "leave":
      throw new DecodeError("LEAVE has no answer");
  }
}

function decodeFound(reader: ByteReader, kind: FoundAnswer["kind"]): FoundAnswer {
  const part = reader.byte();
  const parts = reader.byte();
  if (parts < 1 || parts > MAX_PARTS || part >= parts) throw new DecodeError("Impossible part of an answer");
  const contactCount = reader.byte();
  if (contactCount > MAX_ANSWER_CONTACTS) throw new DecodeError("Too many contacts in an answer");
  const contacts: PeerAddress[] = [];
  for (let i = 0; i < contactCount; i++) {
    contacts.push({ peerId: peerIdOf(reader.view(32)), address: decodeAddress(reader) });
  }
  const records: Uint8Array[] = [];
  for (let left = reader.byte(); left > 0; left--) records.push(readRecordBytes(reader));
  return { kind, part, parts, contacts, records };
}

function readPoint(reader: ByteReader): NodeId {
  return toHex(reader.view(32)) as NodeId;
}

/** A record's bytes; one that is too large is for the record's own check to refuse. */
function readRecordBytes(reader: ByteReader): Uint8Array {
  return reader.view(reader.varint());
}

interface Part {
  readonly contacts: readonly PeerAddress[];
  readonly records: Uint8Array[];
}

function partition(contacts: readonly PeerAddress[], records: readonly Uint8Array[]): Part[] {
  const parts: Part[] = [{ contacts, records: [] }];
  let used = FOUND_OVERHEAD + contacts.reduce((sum, contact) => sum + contactBytes(contact), 0);
  for (const record of records) {
    const size = varintLength(record.length) + record.length;
    if (used + size > MAX_MESSAGE_BYTES) {
      if (parts.length === MAX_PARTS) break;
      parts.push({ contacts: [], records: [] });
      used = FOUND_OVERHEAD;
    }
    parts[parts.length - 1].records.push(record);
    used += size;
  }
  return parts;
}

function contactBytes(contact: PeerAddress): number {
  return 32 + (contact.address.startsWith("[") ? MAX_ADDRESS_BYTES : 7);
}

/** Builds one message in a scratch buffer. One is alive at a time. */
class MessageWriter {
  #offset: number;

  constructor(code: number, head: MessageHead) {
    SCRATCH[0] = DATAGRAM_TYPES.dht;
    SCRATCH[1] = code;
    SCRATCH[2] = head.isClient ? CLIENT_FLAG : 0;
    new DataView(SCRATCH.buffer).setUint32(3, head.requestId);
    this.#offset = HEAD_BYTES;
  }

  byte(value: number): void {
    SCRATCH[this.#offset++] = value;
  }

  point(id: NodeId): void {
    this.#hex(id, 0);
  }

  address(text: string): void {
    this.#offset = encodeAddress(text, SCRATCH, this.#offset);
  }

  contact({ peerId, address }: PeerAddress): void {
    this.#hex(peerId, "ed25519:".length);
    this.address(address);
  }

  record(bytes: Uint8Array): void {
    this.#offset = encodeVarint(bytes.length, SCRATCH, this.#offset);
    this.#bytes(bytes);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return SCRATCH.slice(0, this.#offset);
  }

  /** The 32 bytes that `text` spells from `start`, without an array of their own: answers hold twenty of them. */
  #hex(text: string, start: number): void {
    for (let i = start; i < start + 64; i += 2) {
      SCRATCH[this.#offset++] = (nibble(text.charCodeAt(i)) << 4) | nibble(text.charCodeAt(i + 1));
    }
  }

  #bytes(bytes: Uint8Array): void {
    SCRATCH.set(bytes, this.#offset);
    this.#offset += bytes.length;
  }
}

/** The value of a lower-case hexadecimal digit's character code. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

const HEAD_BYTES = 7;
/** Head, part, parts, and the two counts. */
const FOUND_OVERHEAD = HEAD_BYTES + 4;
const ANSWER_BIT = 0x80;
const CLIENT_FLAG = 1;
const KINDS = { ping: 1, find_node: 2, find_value: 3, store: 4, leave: 5 } as const;
const KIND_NAMES: readonly (DhtRequest["kind"] | undefined)[] = [
  undefined,
  "ping",
  "find_node",
  "find_value",
  "store",
  "leave",
];
const RECORD_KINDS: readonly RecordKind[] = ["peer", "provider"];
const SCRATCH = new Uint8Array(MAX_MESSAGE_BYTES);
