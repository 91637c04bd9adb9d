/**
 * Content trees: the Merkle tree of RFC 9162 §2.1 over a file's 256 KiB chunks. The root names the content.
 *
 * Entry `i` of the tree is chunk `i` itself, so a chunk's leaf hash is SHA-256(0x00 || chunk) and any RFC 9162
 * implementation can check a file against its root.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { equalBytes } from "../bytes.ts";

/** Bytes of every chunk but a file's last. Fixed by the protocol: another size gives other roots. */
export const CHUNK_BYTES = 262_144;
/** Bytes of leaf hashes and roots. */
export const HASH_LENGTH = 32;

type Hash = Uint8Array<ArrayBuffer>;

/** How many chunks a file of `sizeBytes` has: none when it is empty. */
export function chunkCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / CHUNK_BYTES);
}

/** The length of chunk `index` of a file of `sizeBytes`. */
export function chunkLength(sizeBytes: number, index: number): number {
  return Math.min(CHUNK_BYTES, sizeBytes - index * CHUNK_BYTES);
}

/**
 * The leaf hash of a chunk.
 *
 * Synchronous on purpose: for 256 KiB, one call of OpenSSL keeps the thread for 0.15 ms, and handing the same
 * bytes to Web Crypto keeps it just as long for the copy and costs twice the CPU time over all threads.
 */
export function leafHash(chunk: Uint8Array): Hash {
  return toHash(createHash("sha256").update(LEAF_PREFIX).update(chunk).digest());
}

/** The hash of an inner node. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Hash {
  return toHash(createHash("sha256").update(NODE_PREFIX).update(left).update(right).digest());
}

/** The root of a tree without entries: SHA-256 of nothing (RFC 9162 §2.1.1). */
export function emptyRoot(): Hash {
  return toHash(createHash("sha256").digest());
}

/**
 * A root that grows leaf by leaf, in order, holding one hash per level: 20 of them for a file of 256 GiB.
 */
export class RootBuilder {
  // Roots of the perfect subtrees so far, largest first; their sizes are the set bits of the leaf count.
  readonly #peaks: Hash[] = [];
  #leaves = 0;

  /** How many leaves were added. */
  get leaves(): number {
    return this.#leaves;
  }

  /** Adds the leaf hash of the next chunk; it is kept, not copied. */
  add(leaf: Hash): void {
    let joined = leaf;
    for (let carry = this.#leaves; carry % 2 === 1; carry = Math.floor(carry / 2)) {
      joined = nodeHash(this.#peaks.pop()!, joined);
    }
    this.#peaks.push(joined);
    this.#leaves++;
  }

  /** The root over all leaves so far. More may be added afterwards. */
  root(): Hash {
    if (this.#leaves === 0) return emptyRoot();
    return this.#peaks.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** The root over `leaves`, the leaf hashes of all chunks in order. */
export function merkleRoot(leaves: Iterable<Hash>): Hash {
  const builder = new RootBuilder();
  for (const leaf of leaves) builder.add(leaf);
  return builder.root();
}

/**
 * Every inner hash of a tree whose leaves are known, for those who prove many chunks: 64 bytes per chunk of
 * memory buy proofs without hashing.
 */
export class ContentTree {
  // Level 0 holds the leaves; each next level their pairs, an odd one moving up as it is.
  readonly #levels: Hash[][];

  constructor(leaves: readonly Hash[]) {
    this.#levels = [[...leaves]];
    for (let level = this.#levels[0]; level.length > 1; level = this.#levels[this.#levels.length - 1]) {
      this.#levels.push(pairUp(level));
    }
  }

  get leafCount(): number {
    return this.#levels[0].length;
  }

  get root(): Hash {
    return this.#levels[this.#levels.length - 1][0] ?? emptyRoot();
  }

  /** The leaf hash of chunk `index`. */
  leaf(index: number): Hash {
    return this.#levels[0][index];
  }

  /**
   * The hashes that, with its leaf, lead from chunk `index` to the root (RFC 9162 §2.1.3.1), lowest first.
   *
   * @throws {RangeError} when there is no such chunk.
   */
  inclusionProof(index: number): Hash[] {
    if (!Number.isInteger(index) || index < 0 || index >= this.leafCount) {
      throw new RangeError(`Cannot prove a chunk: index must be below ${this.leafCount}, got ${index}`);
    }
    const proof: Hash[] = [];
    let position = index;
    for (const level of this.#levels) {
      const sibling = level[position ^ 1];
      if (sibling !== undefined) proof.push(sibling);
      position >>>= 1;
    }
    return proof;
  }
}

/** What an inclusion proof claims. */
export interface InclusionClaim {
  readonly leaf: Uint8Array;
  readonly index: number;
  /** Chunks of the whole file. */
  readonly leafCount: number;
  readonly root: Uint8Array;
}

/** Whether `proof` shows that `claim` is true (RFC 9162 §2.1.3.2). Malformed claims are false. */
export function verifyInclusion(claim: InclusionClaim, proof: readonly Uint8Array[]): boolean {
  const { index, leafCount } = claim;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(leafCount)) return false;
  if (index < 0 || index >= leafCount || claim.leaf.length !== HASH_LENGTH) return false;
  let position = index;
  let last = leafCount - 1;
  let hash = claim.leaf;
  for (const sibling of proof) {
    if (last === 0 || sibling.length !== HASH_LENGTH) return false;
    if (position % 2 === 1 || position === last) {
      hash = nodeHash(sibling, hash);
      // An odd one out has no sibling on the levels that it merely moves up through.
      while (position % 2 === 0 && position !== 0) {
        position = Math.floor(position / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equalBytes(hash, claim.root);
}

/** The most hashes an inclusion proof for a tree of `leafCount` leaves can have. */
export function maxProofLength(leafCount: number): number {
  return leafCount <= 1 ? 0 : Math.ceil(Math.log2(leafCount));
}

function pairUp(level: readonly Hash[]): Hash[] {
  const above: Hash[] = [];
  for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeHash(level[i], level[i + 1]));
  if (level.length % 2 === 1) above.push(level[level.length - 1]);
  return above;
}

/** The digest without its pooled backing store, which would otherwise live as long as the hash. */
function toHash(digest: Uint8Array): Hash {
  return new Uint8Array(digest);
}

const LEAF_PREFIX = new Uint8Array([0]);
const NODE_PREFIX = new Uint8Array([1]);
