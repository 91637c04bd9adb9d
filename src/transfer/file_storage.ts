/**
 * The real disk, through Deno.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { type FileFacts, type OpenMode, type Storage, StorageError, type StoredFile } from "./storage.ts";

/** Where a node's files really are. */
export class FileStorage implements Storage {
  readonly platform = Deno.build.os === "windows" ? "windows" : "posix";

  async open(path: string, mode: OpenMode): Promise<StoredFile> {
    // Private until it has its final mode: nobody else reads half a file.
    const file = await attempt("open", path, () => Deno.open(path, { ...OPEN_OPTIONS[mode] }));
    return new OpenFile(path, file);
  }

  lstat(path: string): Promise<FileFacts | null> {
    return factsOrNull(path, () => Deno.lstat(path));
  }

  stat(path: string): Promise<FileFacts | null> {
    return factsOrNull(path, () => Deno.stat(path));
  }

  async *list(path: string): AsyncGenerator<{ readonly name: string; readonly kind: FileFacts["kind"] }> {
    try {
      for await (const entry of Deno.readDir(path)) yield { name: entry.name, kind: kindOf(entry) };
    } catch (error) {
      throw storageError("list", path, error);
    }
  }

  async makeDirectory(path: string): Promise<boolean> {
    try {
      await Deno.mkdir(path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw storageError("make directory", path, error);
    }
  }

  async moveToFree(from: string, to: string): Promise<boolean> {
    try {
      await Deno.link(from, to);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      if (!NO_LINKS.has(codeOf(error))) throw storageError("place", to, error);
      // FAT and some network file systems have no hard links: looking first is the best there is.
      if (await this.lstat(to) !== null) return false;
      await this.replace(from, to);
      return true;
    }
    await attempt("remove", from, () => Deno.remove(from));
    return true;
  }

  async replace(from: string, to: string): Promise<void> {
    await attempt("place", to, () => Deno.rename(from, to));
  }

  async remove(path: string): Promise<boolean> {
    try {
      await Deno.remove(path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw storageError("remove", path, error);
    }
  }

  async setMode(path: string, mode: number): Promise<void> {
    if (this.platform === "windows") return;
    await attempt("set the mode of", path, () => Deno.chmod(path, mode));
  }

  async setModified(path: string, mtimeMs: number): Promise<void> {
    const time = new Date(mtimeMs);
    await attempt("set the time of", path, () => Deno.utime(path, time, time));
  }

  async syncDirectory(path: string): Promise<void> {
    // Windows has no such operation: NTFS journals names by itself.
    if (this.platform === "windows") return;
    const directory = await attempt("open", path, () => Deno.open(path));
    try {
      await attempt("sync", path, () => directory.sync());
    } finally {
      directory.close();
    }
  }

  async freeBytes(path: string): Promise<number | null> {
    try {
      const facts = await statfs(path);
      return facts.bavail * facts.bsize;
    } catch {
      return null;
    }
  }
}

/** Deno's files have one position, so the operations on one file take turns. */
class OpenFile implements StoredFile {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #position = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(path: string, file: Deno.FsFile) {
    this.#path = path;
    this.#file = file;
  }

  readAt(positionBytes: number, into: Uint8Array<ArrayBuffer>): Promise<number> {
    return this.#inTurn("read", async () => {
      await this.#moveTo(positionBytes);
      let filled = 0;
      while (filled < into.length) {
        const read = await this.#file.read(into.subarray(filled));
        if (read === null) break;
        filled += read;
        this.#position += read;
      }
      return filled;
    });
  }

  writeAt(positionBytes: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#inTurn("write", async () => {
      await this.#moveTo(positionBytes);
      for (let written = 0; written < bytes.length;) {
        const count = await this.#file.write(bytes.subarray(written));
        written += count;
        this.#position += count;
      }
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#inTurn("truncate", () => this.#file.truncate(sizeBytes));
  }

  facts(): Promise<FileFacts> {
    // Synchronous: the inode of an open file is in memory, and a thread of the runtime costs ten times the call.
    // deno-lint-ignore require-await
    return this.#inTurn("look at", async () => factsOf(this.#file.statSync()));
  }

  setModified(mtimeMs: number): Promise<void> {
    const time = new Date(mtimeMs);
    // As above.
    // deno-lint-ignore require-await
    return this.#inTurn("set the time of", async () => this.#file.utimeSync(time, time));
  }

  sync(): Promise<void> {
    return this.#inTurn("sync", () => this.#file.sync());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // An operation under way keeps the file until it is done.
    void this.#turn.then(() => this.#file.close());
  }

  async #moveTo(positionBytes: number): Promise<void> {
    if (this.#position === positionBytes) return;
    await this.#file.seek(positionBytes, Deno.SeekMode.Start);
    this.#position = positionBytes;
  }

  #inTurn<T>(action: string, step: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(() => attempt(action, this.#path, step));
    this.#turn = done.catch(() => {
      // Where the system left the position is unknown now.
      this.#position = -1;
    });
    return done;
  }
}

async function attempt<T>(action: string, path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw storageError(action, path, error);
  }
}

async function factsOrNull(path: string, look: () => Promise<Deno.FileInfo>): Promise<FileFacts | null> {
  try {
    return factsOf(await look());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw storageError("look at", path, error);
  }
}

function factsOf(info: Deno.FileInfo): FileFacts {
  return {
    kind: kindOf(info),
    sizeBytes: info.size,
    mode: (info.mode ?? 0) & 0o777,
    mtimeMs: info.mtime?.getTime() ?? 0,
    ctimeMs: info.ctime?.getTime() ?? 0,
    identity: info.ino === null ? "" : `${info.dev}:${info.ino}`,
  };
}

function kindOf(entry: { isFile: boolean; isDirectory: boolean; isSymlink: boolean }): FileFacts["kind"] {
  if (entry.isSymlink) return "symlink";
  if (entry.isDirectory) return "directory";
  return entry.isFile ? "file" : "other";
}

function storageError(action: string, path: string, error: unknown): StorageError {
  const message = error instanceof Error ? error.message : String(error);
  return new StorageError(codeOf(error), path, `Cannot ${action} ${path}: ${message}`, { cause: error });
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "EIO";
}

const OPEN_OPTIONS: Readonly<Record<OpenMode, Deno.OpenOptions>> = {
  read: { read: true },
  create: { read: true, write: true, createNew: true, mode: 0o600 },
  update: { read: true, write: true },
};

/** What `link` answers where the file system cannot. */
const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);
