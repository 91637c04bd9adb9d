/**
 * A disk in memory that can fail, fill up, and lose power: then everything that was not synced is gone.
 *
 * @module
 */

import {
  type FileFacts,
  type OpenMode,
  type Storage,
  StorageError,
  type StoredFile,
} from "../../src/transfer/storage.ts";

type Kind = FileFacts["kind"];

interface Node {
  readonly number: number;
  readonly kind: Kind;
  bytes: Uint8Array<ArrayBuffer>;
  durable: Uint8Array<ArrayBuffer>;
  target: string;
  mode: number;
  mtimeMs: number;
  ctimeMs: number;
}

/** Names of one directory: as they are, and as they would be after a power cut. */
interface Tree {
  readonly entries: Map<string, Node>;
}

/** A storage whose every operation can be watched and failed. */
export class MemoryStorage implements Storage {
  platform: "posix" | "windows" = "posix";
  readonly #now: Tree = { entries: new Map() };
  readonly #durable: Tree = { entries: new Map() };
  #numbers = 0;
  #time = 1_000_000;
  /** Called before each operation; what it throws, the operation throws. */
  onOperation: (operation: string, path: string) => void = () => {};
  /** What may still be written, or null for no limit. */
  capacityBytes: number | null = null;
  /** As on macOS or Windows: names that differ in case only are one. */
  ignoresCase = false;
  openFiles = 0;
  operations = 0;

  constructor() {
    for (const tree of [this.#now, this.#durable]) tree.entries.set("/", this.#node("directory"));
  }

  #node(kind: Kind): Node {
    return {
      number: ++this.#numbers,
      kind,
      bytes: new Uint8Array(0),
      durable: new Uint8Array(0),
      target: "",
      mode: 0o755,
      mtimeMs: ++this.#time,
      ctimeMs: this.#time,
    };
  }

  /** Loses what was not synced. */
  losePower(): void {
    this.#now.entries.clear();
    for (const [path, node] of this.#durable.entries) {
      // A name is found only when the directories on the way to it are.
      if (!parentsOf(path).every((parent) => this.#durable.entries.has(parent))) continue;
      node.bytes = node.durable.slice();
      this.#now.entries.set(path, node);
    }
    this.openFiles = 0;
  }

  /** Puts a durable file there, with its directories. */
  put(path: string, bytes: Uint8Array, mode = 0o644, mtimeMs = 1_600_000_000_000): void {
    this.putDirectory(path.slice(0, path.lastIndexOf("/")));
    const node = this.#node("file");
    node.bytes = new Uint8Array(bytes);
    node.durable = new Uint8Array(bytes);
    node.mode = mode;
    node.mtimeMs = mtimeMs;
    this.#now.entries.set(this.#key(path), node);
    this.#durable.entries.set(this.#key(path), node);
  }

  putDirectory(path: string): void {
    if (path === "" || this.#now.entries.has(this.#key(path))) return;
    this.putDirectory(path.slice(0, path.lastIndexOf("/")));
    const node = this.#node("directory");
    this.#now.entries.set(this.#key(path), node);
    this.#durable.entries.set(this.#key(path), node);
  }

  putLink(path: string, target: string): void {
    const node = this.#node("symlink");
    node.target = target;
    this.#now.entries.set(this.#key(path), node);
    this.#durable.entries.set(this.#key(path), node);
  }

  /** The content at `path`, or null. */
  read(path: string): Uint8Array | null {
    const node = this.#now.entries.get(this.#key(path));
    return node?.kind === "file" ? node.bytes : null;
  }

  /** Changes a file in place without leaving a trace in its times. */
  corrupt(path: string, change: (bytes: Uint8Array) => void): void {
    change(this.#now.entries.get(this.#key(path))!.bytes);
  }

  /** Every path with a file, sorted. */
  files(below = "/"): string[] {
    return [...this.#now.entries].filter(([path, node]) => node.kind === "file" && path.startsWith(below))
      .map(([path]) => path).sort();
  }

  open(path: string, mode: OpenMode): Promise<StoredFile> {
    return this.#operate(`open:${mode}`, path, () => {
      const found = this.#follow(path);
      if (mode === "create") {
        if (this.#now.entries.has(this.#key(path))) throw fault("EEXIST", path);
        this.#requireParent(path);
        const node = this.#node("file");
        node.mode = 0o600;
        this.#now.entries.set(this.#key(path), node);
        return new MemoryFile(this, path, node, true);
      }
      if (found === null) throw fault("ENOENT", path);
      if (found.kind === "directory") throw fault("EISDIR", path);
      return new MemoryFile(this, path, found, mode === "update");
    });
  }

  lstat(path: string): Promise<FileFacts | null> {
    return this.#operate("lstat", path, () => {
      const node = this.#now.entries.get(this.#key(path));
      return node === undefined ? null : factsOf(node);
    });
  }

  stat(path: string): Promise<FileFacts | null> {
    return this.#operate("stat", path, () => {
      const node = this.#follow(path);
      return node === null ? null : factsOf(node);
    });
  }

  async *list(path: string): AsyncGenerator<{ readonly name: string; readonly kind: Kind }> {
    const children = await this.#operate("list", path, () => {
      if (!this.#now.entries.has(this.#key(path))) throw fault("ENOENT", path);
      const prefix = `${this.#key(path)}/`;
      return [...this.#now.entries].filter(([each]) => each.startsWith(prefix))
        .map(([each, node]) => ({ name: each.slice(prefix.length), kind: node.kind }))
        .filter(({ name }) => !name.includes("/"));
    });
    yield* children;
  }

  makeDirectory(path: string): Promise<boolean> {
    return this.#operate("makeDirectory", path, () => {
      if (this.#now.entries.has(this.#key(path))) return false;
      this.#requireParent(path);
      this.#now.entries.set(this.#key(path), this.#node("directory"));
      return true;
    });
  }

  moveToFree(from: string, to: string): Promise<boolean> {
    return this.#operate("moveToFree", to, () => {
      if (this.#now.entries.has(this.#key(to))) return false;
      this.#requireParent(to);
      this.#move(from, to);
      return true;
    });
  }

  replace(from: string, to: string): Promise<void> {
    return this.#operate("replace", to, () => this.#move(from, to));
  }

  remove(path: string): Promise<boolean> {
    return this.#operate("remove", path, () => this.#now.entries.delete(this.#key(path)));
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#operate("setMode", path, () => {
      this.#existing(path).mode = mode;
    });
  }

  setModified(path: string, mtimeMs: number): Promise<void> {
    return this.#operate("setModified", path, () => {
      this.#existing(path).mtimeMs = mtimeMs;
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#operate("syncDirectory", path, () => {
      if (!this.#now.entries.has(this.#key(path))) throw fault("ENOENT", path);
      const isChild = (each: string) =>
        each.slice(0, Math.max(1, each.lastIndexOf("/"))) === this.#key(path) && each !== "/";
      for (const each of [...this.#durable.entries.keys()]) {
        if (isChild(each) && !this.#now.entries.has(each)) this.#durable.entries.delete(each);
      }
      for (const [each, node] of this.#now.entries) if (isChild(each)) this.#durable.entries.set(each, node);
    });
  }

  freeBytes(): Promise<number | null> {
    return Promise.resolve(this.capacityBytes);
  }

  /** @internal */
  operate<T>(operation: string, path: string, step: () => T): Promise<T> {
    return this.#operate(operation, path, step);
  }

  /** @internal */
  charge(path: string, bytes: number): void {
    if (this.capacityBytes === null) return;
    if (bytes > this.capacityBytes) throw fault("ENOSPC", path);
    this.capacityBytes -= bytes;
  }

  async #operate<T>(operation: string, path: string, step: () => T): Promise<T> {
    // A real disk never answers within the same turn.
    await Promise.resolve();
    this.operations++;
    this.onOperation(operation, path);
    return step();
  }

  #key(path: string): string {
    return this.ignoresCase ? path.toLowerCase() : path;
  }

  #move(from: string, to: string): void {
    const node = this.#existing(from);
    this.#now.entries.delete(this.#key(from));
    this.#now.entries.set(this.#key(to), node);
  }

  #existing(path: string): Node {
    const node = this.#now.entries.get(this.#key(path));
    if (node === undefined) throw fault("ENOENT", path);
    return node;
  }

  #follow(path: string): Node | null {
    const node = this.#now.entries.get(this.#key(path));
    if (node?.kind === "symlink") return this.#follow(node.target);
    return node ?? null;
  }

  #requireParent(path: string): void {
    const parent = path.slice(0, path.lastIndexOf("/")) || "/";
    const node = this.#follow(parent);
    if (node === null) throw fault("ENOENT", path);
    if (node.kind !== "directory") throw fault("ENOTDIR", path);
  }
}

class MemoryFile implements StoredFile {
  readonly #storage: MemoryStorage;
  readonly #path: string;
  readonly #node: Node;
  readonly #mayWrite: boolean;
  #closed = false;

  constructor(storage: MemoryStorage, path: string, node: Node, mayWrite: boolean) {
    this.#storage = storage;
    this.#path = path;
    this.#node = node;
    this.#mayWrite = mayWrite;
    storage.openFiles++;
  }

  readAt(positionBytes: number, into: Uint8Array<ArrayBuffer>): Promise<number> {
    return this.#operate("read", () => {
      const part = this.#node.bytes.subarray(positionBytes, positionBytes + into.length);
      into.set(part);
      return part.length;
    });
  }

  writeAt(positionBytes: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#operate("write", () => {
      if (!this.#mayWrite) throw fault("EBADF", this.#path);
      this.#storage.charge(this.#path, bytes.length);
      const end = positionBytes + bytes.length;
      if (end > this.#node.bytes.length) this.#resize(end);
      this.#node.bytes.set(bytes, positionBytes);
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#operate("truncate", () => this.#resize(sizeBytes));
  }

  facts(): Promise<FileFacts> {
    return this.#operate("facts", () => factsOf(this.#node));
  }

  setModified(mtimeMs: number): Promise<void> {
    return this.#operate("setModified", () => {
      this.#node.mtimeMs = mtimeMs;
    });
  }

  sync(): Promise<void> {
    return this.#operate("sync", () => {
      this.#node.durable = this.#node.bytes.slice();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#storage.openFiles--;
  }

  #resize(sizeBytes: number): void {
    const { buffer, length } = this.#node.bytes;
    if (sizeBytes <= buffer.byteLength && sizeBytes >= length) {
      this.#node.bytes = new Uint8Array(buffer, 0, sizeBytes).fill(0, length);
      return;
    }
    // Room to grow, so that a file written in order is not copied for every chunk.
    const bytes = new Uint8Array(sizeBytes > length ? 2 * sizeBytes : sizeBytes);
    bytes.set(this.#node.bytes.subarray(0, sizeBytes));
    this.#node.bytes = bytes.subarray(0, sizeBytes);
  }

  #operate<T>(operation: string, step: () => T): Promise<T> {
    return this.#storage.operate(operation, this.#path, () => {
      if (this.#closed) throw fault("EBADF", this.#path);
      return step();
    });
  }
}

/** An error as the real storage throws it. */
export function fault(code: string, path: string): StorageError {
  return new StorageError(code, path, `Cannot use ${path}: ${code}`);
}

function parentsOf(path: string): string[] {
  const names = path.split("/").slice(1, -1);
  return names.map((_, depth) => `/${names.slice(0, depth + 1).join("/")}`);
}

function factsOf(node: Node): FileFacts {
  return {
    kind: node.kind,
    sizeBytes: node.bytes.length,
    mode: node.mode,
    mtimeMs: node.mtimeMs,
    ctimeMs: node.ctimeMs,
    identity: `1:${node.number}`,
  };
}
