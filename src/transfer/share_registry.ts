/**
 * What this node shares, kept in the data directory: manifests, where their files lie, and the leaf hashes that
 * proofs are made of.
 *
 * @module
 */

import { equalBytes, toHex } from "../bytes.ts";
import { CborError, type CborLimits, type CborValue, decodeCbor, encodeCbor } from "./cbor.ts";
import { CHUNK_BYTES, chunkCount, chunkLength, ContentTree, HASH_LENGTH, leafHash } from "./content_tree.ts";
import { encodeManifest, linkOf, type SharedEntry } from "./share_manifest.ts";
import type { SourceScan } from "./source_scan.ts";
import type { FileFacts, Storage } from "./storage.ts";
import { TransferError } from "./transfer_error.ts";

type Hash = Uint8Array<ArrayBuffer>;

/** One share, for lists. */
export interface Share {
  readonly link: string;
  readonly root: Hash;
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
}

/** A chunk ready to be sent, with what proves it. */
export interface ProvenChunk {
  readonly sizeBytes: number;
  readonly length: number;
  readonly proof: readonly Hash[];
}

/** Where one content lies: a file, or the bytes of a manifest. */
interface Content {
  readonly root: Hash;
  readonly sizeBytes: number;
  readonly source: { readonly path: string; readonly mtimeMs: number; readonly identity: string } | Hash;
}

/** The contents that this node can serve. */
export class ShareRegistry {
  readonly #storage: Storage;
  readonly #folder: string;
  readonly #shares = new Map<string, Share & { readonly contents: readonly string[] }>();
  readonly #contents = new Map<string, Content>();
  readonly #trees = new Map<string, ContentTree>();

  /** @param folder absolute; made when first needed. */
  constructor(storage: Storage, folder: string) {
    this.#storage = storage;
    this.#folder = folder;
  }

  shares(): Share[] {
    return [...this.#shares.values()];
  }

  /** Reads what earlier runs of the node shared. Damaged records are left out. */
  async load(): Promise<void> {
    if (await this.#storage.lstat(this.#folder) === null) return;
    for await (const { name, kind } of this.#storage.list(this.#folder)) {
      if (kind !== "file" || !name.endsWith(RECORD_SUFFIX)) continue;
      const record = parseRecord(await this.#readFile(`${this.#folder}/${name}`));
      if (record !== null) this.#add(record);
    }
  }

  /**
   * Hashes the files of `scan` and keeps them as one share.
   *
   * @throws {TransferError} `source_changed` when a file changes while it is hashed.
   * @throws {StorageError}
   */
  async share(scan: SourceScan): Promise<Share> {
    await this.#makeFolder();
    const entries: SharedEntry[] = [];
    const contents: Content[] = [];
    for (const { entry, path, facts } of scan.entries) {
      if (entry.isDirectory) {
        entries.push({ path: entry.path, mode: entry.mode, mtimeMs: entry.mtimeMs, content: null });
        continue;
      }
      const leaves = await this.#hashFile(path, facts);
      const { root } = new ContentTree(leaves);
      await this.#writeFile(`${toHex(root)}${LEAVES_SUFFIX}`, concatHashes(leaves));
      const { sizeBytes, mtimeMs, identity } = facts;
      contents.push({ root, sizeBytes, source: { path, mtimeMs, identity } });
      entries.push({
        path: entry.path,
        mode: entry.mode,
        mtimeMs: entry.mtimeMs,
        content: { sizeBytes, root },
      });
    }
    const manifest = encodeManifest(entries);
    const { root } = treeOf(manifest);
    const record: ShareRecord = {
      root,
      name: scan.name,
      files: scan.files,
      bytes: scan.bytes,
      manifest,
      contents,
    };
    await this.#writeFile(`${toHex(root)}${RECORD_SUFFIX}`, encodeRecord(record));
    return this.#add(record);
  }

  /** Forgets a share. False when there is none. */
  async unshare(root: Uint8Array): Promise<boolean> {
    const key = toHex(root);
    const share = this.#shares.get(key);
    if (share === undefined) return false;
    this.#shares.delete(key);
    const stillUsed = new Set([...this.#shares.values()].flatMap((other) => other.contents));
    for (const content of share.contents.filter((each) => !stillUsed.has(each))) {
      this.#contents.delete(content);
      this.#trees.delete(content);
      await this.#storage.remove(`${this.#folder}/${content}${LEAVES_SUFFIX}`);
    }
    return await this.#storage.remove(`${this.#folder}/${key}${RECORD_SUFFIX}`);
  }

  /**
   * Reads chunk `index` of the content `root` into `buffer`. Null when it is not, or no longer, shared.
   *
   * @throws {StorageError}
   */
  async readChunk(root: Uint8Array, index: number, buffer: Hash): Promise<ProvenChunk | null> {
    const key = toHex(root);
    const content = this.#contents.get(key);
    if (content === undefined || index >= chunkCount(content.sizeBytes)) return null;
    const length = chunkLength(content.sizeBytes, index);
    if (!await this.#fill(content, index, buffer.subarray(0, length))) return null;
    const tree = await this.#treeFor(key, content);
    if (tree === null || !equalBytes(tree.leaf(index), leafHash(buffer.subarray(0, length)))) return null;
    return { sizeBytes: content.sizeBytes, length, proof: tree.inclusionProof(index) };
  }

  /** False when the file is not the one that was shared any more. */
  async #fill(content: Content, index: number, into: Hash): Promise<boolean> {
    const { source } = content;
    if (source instanceof Uint8Array) {
      into.set(source.subarray(index * CHUNK_BYTES, index * CHUNK_BYTES + into.length));
      return true;
    }
    const facts = await this.#storage.stat(source.path);
    if (facts === null || facts.sizeBytes !== content.sizeBytes || facts.mtimeMs !== source.mtimeMs) {
      return false;
    }
    const file = await this.#storage.open(source.path, "read");
    try {
      return await file.readAt(index * CHUNK_BYTES, into) === into.length;
    } finally {
      file.close();
    }
  }

  async #treeFor(key: string, content: Content): Promise<ContentTree | null> {
    let tree = this.#trees.get(key);
    if (tree !== undefined) {
      // Again at the end of the line: the one asked for longest ago goes first.
      this.#trees.delete(key);
    } else if (content.source instanceof Uint8Array) {
      tree = treeOf(content.source);
    } else {
      const bytes = await this.#readFile(`${this.#folder}/${key}${LEAVES_SUFFIX}`);
      if (bytes.length !== HASH_LENGTH * chunkCount(content.sizeBytes)) return null;
      tree = new ContentTree(splitHashes(bytes));
      if (!equalBytes(tree.root, content.root)) return null;
    }
    this.#trees.set(key, tree);
    if (this.#trees.size > MAX_TREES) this.#trees.delete(this.#trees.keys().next().value!);
    return tree;
  }

  async #hashFile(path: string, before: FileFacts): Promise<Hash[]> {
    const file = await this.#storage.open(path, "read");
    try {
      const buffer = new Uint8Array(CHUNK_BYTES);
      const leaves: Hash[] = [];
      for (let index = 0; index < chunkCount(before.sizeBytes); index++) {
        const bytes = buffer.subarray(0, chunkLength(before.sizeBytes, index));
        if (await file.readAt(index * CHUNK_BYTES, bytes) !== bytes.length) throw changed(path);
        leaves.push(leafHash(bytes));
      }
      const after = await file.facts();
      if (after.sizeBytes !== before.sizeBytes || after.mtimeMs !== before.mtimeMs) throw changed(path);
      return leaves;
    } finally {
      file.close();
    }
  }

  #add(record: ShareRecord): Share {
    const { root, name, files, bytes, manifest, contents } = record;
    const all: Content[] = [...contents, { root, sizeBytes: manifest.length, source: manifest }];
    for (const content of all) this.#contents.set(toHex(content.root), content);
    const share = {
      link: linkOf(root),
      root,
      name,
      files,
      bytes,
      contents: all.map((each) => toHex(each.root)),
    };
    this.#shares.set(toHex(root), share);
    return share;
  }

  async #makeFolder(): Promise<void> {
    await this.#storage.makeDirectory(this.#folder);
  }

  /** Whole or not at all, also after a crash. */
  async #writeFile(name: string, bytes: Hash): Promise<void> {
    const draft = `${this.#folder}/${name}.new`;
    await this.#storage.remove(draft);
    const file = await this.#storage.open(draft, "create");
    try {
      await file.writeAt(0, bytes);
      await file.sync();
    } finally {
      file.close();
    }
    await this.#storage.replace(draft, `${this.#folder}/${name}`);
    await this.#storage.syncDirectory(this.#folder);
  }

  async #readFile(path: string): Promise<Hash> {
    const file = await this.#storage.open(path, "read");
    try {
      const bytes = new Uint8Array((await file.facts()).sizeBytes);
      return bytes.subarray(0, await file.readAt(0, bytes));
    } finally {
      file.close();
    }
  }
}

/** What is kept of one share on the disk. */
interface ShareRecord {
  readonly root: Hash;
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
  readonly manifest: Hash;
  readonly contents: readonly Content[];
}

function encodeRecord(record: ShareRecord): Hash {
  const contents = record.contents.flatMap(({ root, sizeBytes, source }) =>
    source instanceof Uint8Array ? [] : [[root, sizeBytes, source.path, source.mtimeMs, source.identity]]
  );
  return encodeCbor([RECORD_VERSION, record.name, record.files, record.bytes, record.manifest, contents]);
}

function parseRecord(bytes: Hash): ShareRecord | null {
  let value: CborValue;
  try {
    value = decodeCbor(bytes, RECORD_LIMITS);
  } catch (error) {
    if (error instanceof CborError) return null;
    throw error;
  }
  if (!Array.isArray(value) || value[0] !== RECORD_VERSION || !Array.isArray(value[5])) return null;
  const [, name, files, total, manifest, contents] = value;
  return {
    root: treeOf(manifest as Hash).root,
    name,
    files,
    bytes: total,
    manifest,
    contents: contents.map(([root, sizeBytes, path, mtimeMs, identity]: readonly CborValue[]) => ({
      root: root as Hash,
      sizeBytes: sizeBytes as number,
      source: { path: path as string, mtimeMs: mtimeMs as number, identity: identity as string },
    })),
  };
}

function treeOf(bytes: Hash): ContentTree {
  const leaves = Array.from(
    { length: chunkCount(bytes.length) },
    (_, index) => leafHash(bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)),
  );
  return new ContentTree(leaves);
}

function concatHashes(hashes: readonly Hash[]): Hash {
  const bytes = new Uint8Array(HASH_LENGTH * hashes.length);
  hashes.forEach((hash, i) => bytes.set(hash, HASH_LENGTH * i));
  return bytes;
}

function splitHashes(bytes: Hash): Hash[] {
  return Array.from(
    { length: bytes.length / HASH_LENGTH },
    (_, i) => bytes.slice(HASH_LENGTH * i, HASH_LENGTH * (i + 1)),
  );
}

function changed(path: string): TransferError {
  return new TransferError(
    "source_changed",
    `Cannot share ${path}: it changed while it was read; share it again`,
  );
}

const RECORD_SUFFIX = ".share";
const LEAVES_SUFFIX = ".leaves";
const RECORD_VERSION = 1;
const RECORD_LIMITS: CborLimits = { maxBytes: 128 * 2 ** 20, maxDepth: 4, maxItems: 1_000_000 };
/** Trees kept in memory: 64 bytes per chunk of each. */
const MAX_TREES = 64;
