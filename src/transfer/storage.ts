/**
 * The disk, as transfers see it: the few operations they need, so that tests can put a disk in their place that
 * fails, fills up or loses power at any moment.
 *
 * Paths are absolute. Nothing here follows a symbolic link in the last part of a path unless it says so.
 *
 * @module
 */

/** What lies at a path. */
export interface FileFacts {
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly sizeBytes: number;
  /** Permission bits; 0 where the platform has none. */
  readonly mode: number;
  /** Milliseconds since the Unix epoch. */
  readonly mtimeMs: number;
  /** Changes with content, mode and name, and cannot be set back; 0 where the platform has none. */
  readonly ctimeMs: number;
  /** Device and inode: equal texts are one file. Empty where the platform has none. */
  readonly identity: string;
}

/** An open file. Operations may overlap; each happens whole. */
export interface StoredFile {
  /** Reads from `positionBytes` until `into` is full or the file ends. Returns how many bytes it read. */
  readAt(positionBytes: number, into: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Writes all of `bytes`; they are the caller's again when the promise resolves. */
  writeAt(positionBytes: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  facts(): Promise<FileFacts>;
  setModified(mtimeMs: number): Promise<void>;
  /** Resolves when content and size would survive a power cut. */
  sync(): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** How a file is opened: to read; to write a new one, failing if there is one; to read and write an old one. */
export type OpenMode = "read" | "create" | "update";

/** @throws {StorageError} from every method. */
export interface Storage {
  readonly platform: "posix" | "windows";
  open(path: string, mode: OpenMode): Promise<StoredFile>;
  /** What lies at `path` itself, or null when nothing does. */
  lstat(path: string): Promise<FileFacts | null>;
  /** What `path` leads to, through symbolic links, or null when nothing does. */
  stat(path: string): Promise<FileFacts | null>;
  /** Names and kinds in the directory at `path`, in no particular order. */
  list(path: string): AsyncIterable<{ readonly name: string; readonly kind: FileFacts["kind"] }>;
  /** Makes one directory. False when something is there already. */
  makeDirectory(path: string): Promise<boolean>;
  /**
   * Moves a file to `to` unless something is there: false then, with both left as they were. Atomic where the
   * file system has hard links.
   */
  moveToFree(from: string, to: string): Promise<boolean>;
  /** Moves a file to `to`, replacing a file there atomically. */
  replace(from: string, to: string): Promise<void>;
  /** Removes a file or an empty directory. False when there was none. */
  remove(path: string): Promise<boolean>;
  setMode(path: string, mode: number): Promise<void>;
  setModified(path: string, mtimeMs: number): Promise<void>;
  /** Resolves when the names in the directory at `path` would survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that may still be written below `path`, or null where that cannot be known. */
  freeBytes(path: string): Promise<number | null>;
}

/** What went wrong on the disk: `code` is the system's own name, e.g. `ENOSPC`. */
export class StorageError extends Error {
  override readonly name = "StorageError";

  constructor(readonly code: string, readonly path: string, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** `error` in words that say what to do, for the codes that people meet. */
export function explainStorage(error: unknown): string {
  if (!(error instanceof StorageError)) return error instanceof Error ? error.message : String(error);
  const advice = ADVICE[error.code];
  // The message itself names local paths, which are no business of a peer.
  return advice === undefined ? `the system reports ${error.code}` : `${advice.fact}: ${advice.remedy}`;
}

const ADVICE: Readonly<Record<string, { readonly fact: string; readonly remedy: string }>> = {
  ENOSPC: { fact: "the disk is full", remedy: "free some space and send again" },
  EDQUOT: { fact: "the disk quota is used up", remedy: "free some space and send again" },
  EACCES: { fact: "permission denied", remedy: "check its owner and mode" },
  EPERM: { fact: "the operation is not permitted", remedy: "check its owner and mode" },
  EROFS: { fact: "the file system is read-only", remedy: "choose another directory" },
  ENOENT: { fact: "it does not exist", remedy: "it may have been removed meanwhile; send again" },
  ENOTDIR: { fact: "a part of its path is not a directory", remedy: "move what is in the way" },
  EISDIR: { fact: "it is a directory", remedy: "move what is in the way" },
  ENAMETOOLONG: { fact: "its name is too long for this file system", remedy: "shorten the name" },
  EMFILE: { fact: "too many files are open", remedy: "raise the limit on open files (ulimit -n)" },
  ENFILE: { fact: "too many files are open", remedy: "raise the system's limit on open files" },
  EIO: { fact: "the disk reports an error", remedy: "check the disk" },
  EFBIG: { fact: "the file is too large for this file system", remedy: "choose another directory" },
};
