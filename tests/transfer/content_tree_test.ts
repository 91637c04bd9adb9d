import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  CHUNK_BYTES,
  chunkCount,
  chunkLength,
  ContentTree,
  leafHash,
  maxProofLength,
  merkleRoot,
  RootBuilder,
  verifyInclusion,
} from "../../src/transfer/content_tree.ts";
import { toHex } from "../../src/bytes.ts";
import { vectorTest } from "../support/vectors.ts";

type Hash = Uint8Array<ArrayBuffer>;

interface InclusionVector {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly desc: string;
  readonly wantErr: boolean;
}

vectorTest(
  "Inclusion proofs agree with another implementation's vectors",
  "merkle/inclusion.json",
  (document) => {
    const { vectors } = document as { vectors: InclusionVector[] };
    for (const vector of vectors) {
      const claim = {
        leaf: fromBase64(vector.leafHash),
        index: vector.leafIdx,
        leafCount: vector.treeSize,
        root: fromBase64(vector.root),
      };
      const holds = verifyInclusion(claim, (vector.proof ?? []).map(fromBase64));
      assert.equal(holds, !vector.wantErr, vector.desc);
    }
    return vectors.length;
  },
);

const SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 65, 200];

for (const size of SIZES) {
  Deno.test(`A tree of ${size} chunks has the root of the RFC's definition, built either way`, () => {
    const leaves = someLeaves(size);
    const expected = toHex(naiveRoot(leaves));
    assert.equal(toHex(merkleRoot(leaves)), expected);
    assert.equal(toHex(new ContentTree(leaves).root), expected);
  });

  Deno.test(`Every chunk of ${size} is proven, and no other in its place`, () => {
    const leaves = someLeaves(size);
    const tree = new ContentTree(leaves);
    for (let index = 0; index < size; index++) {
      const proof = tree.inclusionProof(index);
      const claim = { leaf: leaves[index], index, leafCount: size, root: tree.root };
      assert.ok(proof.length <= maxProofLength(size));
      assert.ok(verifyInclusion(claim, proof));
      assert.ok(!verifyInclusion({ ...claim, leaf: leafHash(new Uint8Array([7, 7, 7])) }, proof));
      assert.ok(!verifyInclusion({ ...claim, index: index + 1 }, proof));
      assert.ok(!verifyInclusion(claim, [...proof, tree.root]));
      if (proof.length > 0) assert.ok(!verifyInclusion(claim, proof.slice(1)));
    }
  });
}

Deno.test("A root builder's root does not depend on looking at it earlier", () => {
  const builder = new RootBuilder();
  const leaves = someLeaves(50);
  leaves.forEach((leaf, index) => {
    builder.add(leaf);
    assert.equal(toHex(builder.root()), toHex(naiveRoot(leaves.slice(0, index + 1))));
  });
});

Deno.test("A changed proof, root or leaf never verifies", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 70 }),
    fc.nat(),
    fc.nat(),
    fc.integer({ min: 1, max: 255 }),
    (size, at, bit, mask) => {
      const leaves = someLeaves(size);
      const tree = new ContentTree(leaves);
      const index = at % size;
      const parts = [leaves[index], tree.root, ...tree.inclusionProof(index)].map((part) => part.slice());
      parts[bit % parts.length][bit % 32] ^= mask;
      const [leaf, root, ...proof] = parts;
      assert.ok(!verifyInclusion({ leaf, index, leafCount: size, root }, proof));
    },
  ));
});

Deno.test("Malformed claims are false, not exceptions", () => {
  const [leaf] = someLeaves(1);
  for (const index of [-1, 1, 0.5, NaN, Infinity, 2 ** 64]) {
    assert.ok(!verifyInclusion({ leaf, index, leafCount: 1, root: leaf }, []));
  }
  assert.ok(!verifyInclusion({ leaf, index: 0, leafCount: 0, root: leaf }, []));
  assert.ok(!verifyInclusion({ leaf, index: 0, leafCount: 1, root: leaf.subarray(1) }, []));
  assert.throws(() => new ContentTree([]).inclusionProof(0), RangeError);
});

const LENGTHS: readonly [sizeBytes: number, chunks: number, last: number][] = [
  [0, 0, 0],
  [1, 1, 1],
  [CHUNK_BYTES - 1, 1, CHUNK_BYTES - 1],
  [CHUNK_BYTES, 1, CHUNK_BYTES],
  [CHUNK_BYTES + 1, 2, 1],
  [5 * 2 ** 30, 20_480, CHUNK_BYTES],
];

for (const [sizeBytes, chunks, last] of LENGTHS) {
  Deno.test(`A file of ${sizeBytes} bytes has ${chunks} chunks`, () => {
    assert.equal(chunkCount(sizeBytes), chunks);
    if (chunks > 0) assert.equal(chunkLength(sizeBytes, chunks - 1), last);
  });
}

/** RFC 9162 §2.1.1, word for word. */
function naiveRoot(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(new Uint8Array([1]), naiveRoot(leaves.slice(0, split)), naiveRoot(leaves.slice(split)));
}

function sha256(...parts: Uint8Array[]): Hash {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function someLeaves(count: number): Hash[] {
  return Array.from({ length: count }, (_, i) => leafHash(new Uint8Array([i, i >>> 8])));
}

function fromBase64(text: string): Hash {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
