/**
 * One line of the audit trail, and the hash that ties it to the line before.
 *
 * A line is one JSON object whose last member is `hash`: SHA-256 over every byte of the line before
 * `,"hash"`. One of its members is `prev`, the hash of the line before, so that each hash stands for the whole
 * history. A checkpoint also has `signature`, over everything before it.
 *
 * The bytes are hashed as they stand in the file; nothing depends on how a JSON library orders or spells.
 *
 * @module
 */

import { concatBytes, toHex } from "../../bytes.ts";
import { escapeDeceptive } from "../log/hostile_text.ts";

/** Computes SHA-256 and Ed25519: the node's cipher suite fits. */
export interface AuditCrypto {
  sha256(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer>;
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** What a record says, before it is part of a chain. */
export interface AuditBody {
  readonly timestamp: string;
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A record as read back. */
export interface AuditRecord extends AuditBody {
  readonly seq: number;
  readonly prev: string;
  readonly signature?: string;
  readonly hash: string;
}

/** Where a chain stands: its last record. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first record. */
export const GENESIS: ChainHead = { seq: 0, hash: "0".repeat(64) };

export const CHECKPOINT_EVENT = "audit.checkpoint";
export const BEGIN_EVENT = "audit.begin";

/** The finished line of the record that follows `previous`. `sign` makes it a checkpoint. */
export function sealRecord(
  body: AuditBody,
  previous: ChainHead,
  crypto: Pick<AuditCrypto, "sha256">,
  sign?: (message: Uint8Array) => Uint8Array,
): { readonly line: string; readonly head: ChainHead } {
  const seq = previous.seq + 1;
  let text = escapeDeceptive(JSON.stringify({
    seq,
    timestamp: body.timestamp,
    event: body.event,
    message: body.message,
    fields: body.fields,
    prev: previous.hash,
  })).slice(0, -1);
  if (sign) text += `,"signature":"${toHex(sign(checkpointMessage(text, crypto)))}"`;
  const hash = hashOf(text, crypto);
  return { line: `${text},"hash":"${hash}"}`, head: { seq, hash } };
}

/** A line taken apart: the record, and whether the line's own hash is right. Null: it is no record. */
export function openRecord(
  line: string,
  crypto: Pick<AuditCrypto, "sha256">,
): { readonly record: AuditRecord; readonly isIntact: boolean; readonly signedText: string } | null {
  if (!/,"hash":"[0-9a-f]{64}"\}$/.test(line)) return null;
  const text = line.slice(0, line.length - HASH_MEMBER_LENGTH);
  try {
    const record: unknown = JSON.parse(line);
    if (!isRecord(record)) return null;
    const signature = text.lastIndexOf(',"signature":"');
    return {
      record,
      isIntact: hashOf(text, crypto) === record.hash,
      signedText: record.signature === undefined ? "" : text.slice(0, signature),
    };
  } catch {
    return null;
  }
}

/** What a checkpoint's signature is over. */
export function checkpointMessage(
  text: string,
  crypto: Pick<AuditCrypto, "sha256">,
): Uint8Array<ArrayBuffer> {
  return concatBytes(CHECKPOINT_CONTEXT, crypto.sha256([encoder.encode(text)]));
}

function hashOf(text: string, crypto: Pick<AuditCrypto, "sha256">): string {
  return toHex(crypto.sha256([encoder.encode(text)]));
}

function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  return Number.isSafeInteger(record.seq) && (record.seq as number) > 0 &&
    typeof record.timestamp === "string" && typeof record.event === "string" &&
    typeof record.message === "string" && typeof record.fields === "object" && record.fields !== null &&
    typeof record.prev === "string" && typeof record.hash === "string" &&
    (record.signature === undefined || typeof record.signature === "string");
}

const encoder = new TextEncoder();
const CHECKPOINT_CONTEXT = encoder.encode("wraith audit checkpoint v1");
const HASH_MEMBER_LENGTH = ',"hash":""}'.length + 64;
