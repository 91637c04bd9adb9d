/**
 * What a share consists of: a list of its files with their content roots. The root of the list is the link, so
 * whoever has the link can check every name, size and byte that a stranger sends.
 *
 * @module
 */

import { fromHex, toHex } from "../bytes.ts";
import { CborError, type CborLimits, type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { HASH_LENGTH } from "./content_tree.ts";
import { MAX_FILE_BYTES } from "./messages.ts";
import { OfferedPaths } from "./path_safety.ts";
import { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** A file or directory of a share. */
export interface SharedEntry {
  readonly path: string;
  readonly mode: number;
  readonly mtimeMs: number;
  /** Null for a directory. */
  readonly content: { readonly sizeBytes: number; readonly root: Hash } | null;
}

/** Bytes of an encoded manifest, at most: some 100,000 files. */
export const MAX_MANIFEST_BYTES = 32 * 2 ** 20;

/** `wraith:` and the root in hexadecimal. */
export function linkOf(root: Uint8Array): string {
  return `${LINK_PREFIX}${toHex(root)}`;
}

/** The root that `link` names, or null when it is no link. */
export function parseLink(link: string): Hash | null {
  const match = /^wraith:([0-9a-fA-F]{64})$/.exec(link.trim());
  return match ? fromHex(match[1]) : null;
}

export function encodeManifest(entries: readonly SharedEntry[]): Uint8Array<ArrayBuffer> {
  return encodeCbor([
    FORMAT,
    entries.map(({ path, mode, mtimeMs, content }) =>
      content === null ? [path, mode, mtimeMs] : [path, mode, mtimeMs, content.sizeBytes, content.root]
    ),
  ]);
}

/**
 * The entries of a manifest from a stranger, every name checked.
 *
 * @throws {TransferError} `refused_name`, or `protocol` when it is no manifest.
 */
export function decodeManifest(bytes: Uint8Array, platform: "posix" | "windows"): SharedEntry[] {
  let value: CborValue;
  try {
    value = decodeCbor(bytes, LIMITS);
  } catch (cause) {
    if (!(cause instanceof CborError)) throw cause;
    throw malformed(cause.message);
  }
  if (!Array.isArray(value) || value.length !== 2 || value[0] !== FORMAT || !Array.isArray(value[1])) {
    throw malformed("it is no list of files of this version");
  }
  const paths = new OfferedPaths(platform);
  return value[1].map((each: CborValue) => {
    const entry = entryOf(each);
    paths.add({ path: entry.path, isDirectory: entry.content === null });
    return entry;
  });
}

function entryOf(value: CborValue): SharedEntry {
  if (!Array.isArray(value) || (value.length !== 3 && value.length !== 5)) {
    throw malformed("an entry is malformed");
  }
  const [path, mode, mtimeMs, sizeBytes, root] = value;
  const isSound = typeof path === "string" && isWithin(mode, 0, 0o777) &&
    isWithin(mtimeMs, -8.64e15, 8.64e15);
  if (!isSound) throw malformed("an entry is malformed");
  if (value.length === 3) return { path, mode, mtimeMs, content: null };
  if (
    !isWithin(sizeBytes, 0, MAX_FILE_BYTES) || !(root instanceof Uint8Array) || root.length !== HASH_LENGTH
  ) {
    throw malformed("an entry is malformed");
  }
  return { path, mode, mtimeMs, content: { sizeBytes, root: root as Hash } };
}

function isWithin(value: CborValue | undefined, min: number, max: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
}

function malformed(why: string): TransferError {
  return new TransferError("protocol", `Cannot read the share: ${why}`);
}

const LINK_PREFIX = "wraith:";
const FORMAT = "wraith share 1";
const LIMITS: CborLimits = { maxBytes: MAX_MANIFEST_BYTES, maxDepth: 3, maxItems: 600_008 };
