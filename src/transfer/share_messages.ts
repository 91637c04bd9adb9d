/**
 * The messages of a share stream (docs/transfers.md has their grammar): a client asks for chunks of a content by
 * its root, the server answers each in order with the chunk and its proof.
 *
 * @module
 */

import { CborError, type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { chunkCount, chunkLength, HASH_LENGTH, maxProofLength } from "./content_tree.ts";
import { MAX_FILE_BYTES } from "./messages.ts";
import { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** "Give me chunk `index` of the content named `root`." */
export interface ChunkRequest {
  readonly root: Hash;
  readonly index: number;
}

/** What comes back: the head of a chunk whose bytes follow, or that there is none. */
export type ChunkAnswer =
  | {
    readonly kind: "chunk";
    /** Of the whole content. A claim, like everything else, until the proof has been checked. */
    readonly sizeBytes: number;
    readonly index: number;
    /** Of the chunk that follows. */
    readonly length: number;
    readonly proof: readonly Hash[];
  }
  | { readonly kind: "none" };

export function encodeRequest({ root, index }: ChunkRequest): Uint8Array<ArrayBuffer> {
  return encodeCbor([root, index]);
}

/** @throws {TransferError} `protocol`. */
export function decodeRequest(frame: Uint8Array): ChunkRequest {
  const fields = arrayOf(frame);
  const [root, index] = fields;
  if (fields.length !== 2 || !isHash(root) || !isCount(index)) throw malformed();
  return { root, index };
}

export function encodeAnswer(answer: ChunkAnswer): Uint8Array<ArrayBuffer> {
  return encodeCbor(answer.kind === "none" ? [] : [answer.sizeBytes, answer.index, ...answer.proof]);
}

/** @throws {TransferError} `protocol`. */
export function decodeAnswer(frame: Uint8Array): ChunkAnswer {
  const fields = arrayOf(frame);
  if (fields.length === 0) return { kind: "none" };
  const [sizeBytes, index, ...proof] = fields;
  if (!isCount(sizeBytes) || !isCount(index) || sizeBytes > MAX_FILE_BYTES) throw malformed();
  const chunks = chunkCount(sizeBytes);
  if (index >= chunks || proof.length > maxProofLength(chunks) || !proof.every(isHash)) throw malformed();
  return { kind: "chunk", sizeBytes, index, length: chunkLength(sizeBytes, index), proof };
}

function arrayOf(frame: Uint8Array): readonly CborValue[] {
  try {
    const value = decodeCbor(frame);
    if (Array.isArray(value)) return value;
  } catch (error) {
    if (!(error instanceof CborError)) throw error;
  }
  throw malformed();
}

function isHash(value: CborValue | undefined): value is Hash {
  return value instanceof Uint8Array && value.length === HASH_LENGTH;
}

function isCount(value: CborValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function malformed(): TransferError {
  return new TransferError("protocol", "Cannot read a message of a share: it is malformed");
}
