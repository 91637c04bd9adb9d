/**
 * The hash that gives away a hole.
 *
 * @module
 */

import { CHUNK_BYTES, leafHash } from "./content_tree.ts";

/** The leaf hash of `length` zeros, at most one chunk. */
export function zeroLeaf(length: number): Uint8Array<ArrayBuffer> {
  const known = LEAVES.get(length);
  if (known !== undefined) return known;
  const leaf = leafHash(new Uint8Array(length));
  // Of other lengths there is one per file, and remembering them all would grow with the files.
  if (length === CHUNK_BYTES) LEAVES.set(length, leaf);
  return leaf;
}

const LEAVES = new Map<number, Uint8Array<ArrayBuffer>>();
