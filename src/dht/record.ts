/**
 * What the DHT stores: statements that a peer signs about itself. A record proves its own origin, so it does not
 * matter who hands it over, and nobody can make one for somebody else.
 *
 * On the wire a record is a deterministic CBOR array `[body, signature]`. The body is a byte string holding another
 * array, `[version, kind, identity key, sequence, expiry, ...]`; the signature is the subject's Ed25519 over
 * `"wraith dht record v1"` and exactly those bytes.
 *
 * @module
 */

import { decode, encode, rfc8949EncodeOptions } from "cborg";
import { concatBytes, equalBytes, fromHex } from "../bytes.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { SIGNATURE_LENGTH } from "../crypto/cipher_suite.ts";
import { identityKeyOf, type PeerId, peerIdOf } from "../crypto/peer_id.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { ByteReader } from "../wire/varint.ts";
import type { PeerAddress } from "./contact.ts";
import { decodeAddress, encodeAddress, MAX_ADDRESS_BYTES } from "./endpoint_address.ts";
import { type NodeId, nodeIdOf, pointOf } from "./node_id.ts";

interface RecordFacts {
  /** Who signed, and whom it is about. */
  readonly subject: PeerId;
  /** Milliseconds since the Unix epoch when it was issued; of two records on one matter the higher one holds. */
  readonly sequence: number;
  /** Seconds since the Unix epoch after which it says nothing. */
  readonly expiresAtS: number;
  /** Where the subject is reached directly, best first. */
  readonly addresses: readonly string[];
}

/** Where a peer is. */
export interface PeerRecord extends RecordFacts {
  readonly kind: "peer";
  /** Peers that hold a session with the subject and will introduce others to it. */
  readonly introducers: readonly PeerAddress[];
}

/** Who has a content. */
export interface ProviderRecord extends RecordFacts {
  readonly kind: "provider";
  /** The content's root. */
  readonly root: NodeId;
}

export type DhtRecord = PeerRecord | ProviderRecord;
export type RecordKind = DhtRecord["kind"];

/** A record that has been verified, with the bytes that prove it. */
export interface SignedRecord<T extends DhtRecord = DhtRecord> {
  /** Under which point it is stored. */
  readonly key: NodeId;
  readonly record: T;
  /** The record's own bytes: not borrowed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Why a record is worth nothing, in the words of `dht.refused`. */
export type RecordFault = "too_large" | "malformed" | "bad_signature" | "expired";

export type Verdict =
  | { readonly ok: true; readonly signed: SignedRecord }
  | { readonly ok: false; readonly fault: RecordFault };

/** The primitives that records need. */
export type RecordSuite = Pick<CipherSuite, "ed25519Sign" | "ed25519Verify" | "sha256">;

/** The most bytes a record may have (protocol.md). */
export const MAX_RECORD_BYTES = 1000;
/** How long a record may live from now (protocol.md). */
export const RECORD_LIFETIME_MS = 24 * 3_600_000;
/** Clocks of peers may be this far ahead of ours. */
export const CLOCK_SKEW_MS = 10 * 60_000;
export const MAX_RECORD_ADDRESSES = 8;
export const MAX_RECORD_INTRODUCERS = 4;

/**
 * Signs `record` with the subject's 32-byte identity seed.
 *
 * @throws {RangeError} when it has more addresses or introducers than a record may hold.
 */
export function signRecord<T extends DhtRecord>(
  suite: RecordSuite,
  seed: Uint8Array,
  record: T,
): SignedRecord<T> {
  if (record.addresses.length > MAX_RECORD_ADDRESSES) {
    throw new RangeError(
      `Cannot sign record: at most ${MAX_RECORD_ADDRESSES} addresses, got ${record.addresses.length}`,
    );
  }
  if (record.kind === "peer" && record.introducers.length > MAX_RECORD_INTRODUCERS) {
    throw new RangeError(
      `Cannot sign record: at most ${MAX_RECORD_INTRODUCERS} introducers, got ${record.introducers.length}`,
    );
  }
  const body = encodeBody(record);
  const bytes = cbor([body, suite.ed25519Sign(seed, concatBytes(SIGNING_CONTEXT, body))]);
  return { key: keyOf(suite, record), record, bytes };
}

/**
 * Decides whether `bytes` are a record that holds at `epochMs`. Never throws, whatever the bytes. They are copied.
 */
export function verifyRecord(suite: RecordSuite, bytes: Uint8Array, epochMs: number): Verdict {
  if (bytes.length > MAX_RECORD_BYTES) return { ok: false, fault: "too_large" };
  const opened = openRecord(bytes);
  if (opened === null) return { ok: false, fault: "malformed" };
  const { record, body, signature } = opened;
  if (record.expiresAtS * 1000 <= epochMs) return { ok: false, fault: "expired" };
  if (record.expiresAtS * 1000 > epochMs + RECORD_LIFETIME_MS + CLOCK_SKEW_MS) {
    return { ok: false, fault: "malformed" };
  }
  // The costly check last: what is malformed or expired is refused without it.
  if (!suite.ed25519Verify(identityKeyOf(record.subject), concatBytes(SIGNING_CONTEXT, body), signature)) {
    return { ok: false, fault: "bad_signature" };
  }
  return { ok: true, signed: { key: keyOf(suite, record), record, bytes: new Uint8Array(bytes) } };
}

/** Reads a record that was verified before. @throws {DecodeError} */
export function readRecord(bytes: Uint8Array): DhtRecord {
  const opened = openRecord(bytes);
  if (opened === null) throw new DecodeError("Malformed record");
  return opened.record;
}

/** Under which point a record is stored: its subject's own, or its content's. */
export function keyOf(suite: Pick<CipherSuite, "sha256">, record: DhtRecord): NodeId {
  return record.kind === "peer" ? nodeIdOf(suite, record.subject) : record.root;
}

function encodeBody(record: DhtRecord): Uint8Array {
  const head = [
    VERSION,
    record.kind === "peer" ? KIND_PEER : KIND_PROVIDER,
    identityKeyOf(record.subject),
    record.sequence,
    record.expiresAtS,
    record.addresses.map(addressBytes),
  ];
  return cbor(
    record.kind === "peer"
      ? [...head, record.introducers.map((peer) => [identityKeyOf(peer.peerId), addressBytes(peer.address)])]
      : [...head, fromHex(record.root)],
  );
}

interface OpenedRecord {
  readonly record: DhtRecord;
  readonly body: Uint8Array;
  readonly signature: Uint8Array;
}

function openRecord(bytes: Uint8Array): OpenedRecord | null {
  try {
    const [body, signature] = tuple(decodeStrictly(bytes), 2);
    const record = decodeBody(bytesOf(body));
    return { record, body: bytesOf(body), signature: bytesOf(signature, SIGNATURE_LENGTH) };
  } catch (error) {
    if (error instanceof DecodeError) return null;
    throw error;
  }
}

function decodeBody(body: Uint8Array): DhtRecord {
  const [version, kind, key, sequence, expiresAtS, addresses, matter] = tuple(decodeStrictly(body), 7);
  if (version !== VERSION) throw new DecodeError("Unknown record version");
  const facts: RecordFacts = {
    subject: peerIdOf(bytesOf(key, 32)),
    sequence: count(sequence),
    expiresAtS: count(expiresAtS),
    addresses: list(addresses, MAX_RECORD_ADDRESSES).map(addressOf),
  };
  if (kind === KIND_PROVIDER) return { kind: "provider", ...facts, root: pointOf(bytesOf(matter, 32)) };
  if (kind !== KIND_PEER) throw new DecodeError("Unknown record kind");
  const introducers = list(matter, MAX_RECORD_INTRODUCERS).map((item): PeerAddress => {
    const [peer, address] = tuple(item, 2);
    return { peerId: peerIdOf(bytesOf(peer, 32)), address: addressOf(address) };
  });
  return { kind: "peer", ...facts, introducers };
}

/** Where `Buffer` exists the encoder returns one, whose `slice` shares its pool's memory: copied, not sliced. */
function cbor(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encode(value, rfc8949EncodeOptions));
}

/** Decodes, and accepts only the one deterministic spelling of the value (RFC 8949 §4.2). */
function decodeStrictly(bytes: Uint8Array): unknown {
  let value: unknown;
  let again: Uint8Array;
  try {
    value = decode(bytes, { allowIndefinite: false, allowUndefined: false, strict: true });
    again = encode(value, rfc8949EncodeOptions);
  } catch (error) {
    throw new DecodeError(`Malformed CBOR: ${error instanceof Error ? error.message : error}`);
  }
  if (!equalBytes(bytes, again)) throw new DecodeError("CBOR is not deterministic");
  return value;
}

function tuple(value: unknown, length: number): unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw new DecodeError(`Expected ${length} items`);
  return value;
}

function list(value: unknown, most: number): unknown[] {
  if (!Array.isArray(value) || value.length > most) throw new DecodeError(`Expected at most ${most} items`);
  return value;
}

function bytesOf(value: unknown, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new DecodeError("Expected bytes");
  if (length !== undefined && value.length !== length) throw new DecodeError(`Expected ${length} bytes`);
  return value;
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new DecodeError("Expected a count");
  return value as number;
}

function addressBytes(address: string): Uint8Array {
  const bytes = new Uint8Array(MAX_ADDRESS_BYTES);
  return bytes.subarray(0, encodeAddress(address, bytes, 0));
}

function addressOf(value: unknown): string {
  const reader = new ByteReader().reset(bytesOf(value));
  const address = decodeAddress(reader);
  if (reader.remaining > 0) throw new DecodeError("Bytes after an address");
  return address;
}

const VERSION = 1;
const KIND_PEER = 1;
const KIND_PROVIDER = 2;
const SIGNING_CONTEXT = new TextEncoder().encode("wraith dht record v1");
