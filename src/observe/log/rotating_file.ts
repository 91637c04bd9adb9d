/**
 * A file of lines that is rotated, by us or by someone else, without losing or tearing a line.
 *
 * Ours: at `maxSizeBytes` the file is renamed and a new one opened; a rename keeps readers that follow the
 * inode on their file, a truncation would not. Someone else's (logrotate): SIGHUP says so, and once a
 * second, before a write, the path is compared with the open file anyway.
 *
 * @module
 */

import { dirname } from "node:path";
import type { Clock, Instant } from "../../clock.ts";
import { listBackups, nextBackupPath, tidyBackups } from "./backups.ts";
import type { LineOutput } from "./line_output.ts";

export interface RotatingFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Rotate before the file would grow beyond this; 0: never, something else does it. */
  readonly maxSizeBytes: number;
  /** Rotated files kept. 0: a rotation discards the old file. */
  readonly maxBackups: number;
  /** Gzip rotated files, the newest excepted. */
  readonly compress: boolean;
  /** Permission bits of a new file. Default: 0640. */
  readonly mode?: number;
  /** Whether each write reaches the disk before it counts as done. Default: false. */
  readonly durable?: boolean;
  /** Called for what an operator should know: rotation failing, two rotators on one file. */
  readonly onNotice?: (message: string) => void;
}

/** Cumulative. */
export interface RotationStats {
  rotations: number;
  rotationFailures: number;
  /** Openings after the first one that were no rotation of ours. */
  reopens: number;
}

export class RotatingFile implements LineOutput {
  readonly name: string;
  readonly stats: RotationStats = { rotations: 0, rotationFailures: 0, reopens: 0 };
  readonly #options: RotatingFileOptions;
  #open: OpenFile | null = null;
  /** Nothing was written yet to the file that is open now. */
  #fresh = true;
  #checkedAt: Instant;
  #rotateAgainAt: Instant;
  #tidying: Promise<void> = Promise.resolve();
  #noticed = new Set<string>();

  constructor(options: RotatingFileOptions) {
    this.name = options.path;
    this.#options = options;
    this.#checkedAt = options.clock.now();
    this.#rotateAgainAt = this.#checkedAt;
  }

  async open(): Promise<void> {
    await Deno.mkdir(dirname(this.name), { recursive: true });
    this.#open = await this.#openPath();
    this.#tidyInBackground();
  }

  async reopen(): Promise<void> {
    if (await this.#pathIsOurs()) return;
    await this.#replaceBy(await this.#openPath());
    this.stats.reopens++;
  }

  async write(lines: Uint8Array<ArrayBuffer>, from: number): Promise<number> {
    await this.#reopenIfMoved();
    // What is left of a line that was begun in a file now gone is written whole into this one.
    if (this.#fresh && lineStart(lines, from) !== from) return lineStart(lines, from);
    let end = this.#writableEnd(lines, from);
    if (end === from) {
      if (await this.#rotate()) return from;
      end = lines.length;
    }
    const open = this.#openFile();
    if (open.torn) await this.#endTornLine(open);
    const written = await open.file.write(lines.subarray(from, end));
    if (this.#options.durable) await open.file.syncData();
    open.size += written;
    this.#fresh = false;
    return from + written;
  }

  async close(): Promise<void> {
    await this.#tidying;
    this.#open?.file.close();
    this.#open = null;
  }

  /** Once a second: has the path become another file? */
  async #reopenIfMoved(): Promise<void> {
    const now = this.#options.clock.now();
    if (this.#open !== null && now - this.#checkedAt < CHECK_INTERVAL_MS) return;
    this.#checkedAt = now;
    if (this.#open !== null && await this.#pathIsOurs()) return;
    const foreign = this.#open !== null && this.#options.maxSizeBytes > 0;
    await this.#replaceBy(await this.#openPath());
    this.stats.reopens++;
    if (foreign) {
      this.#noticeOnce(
        `${this.name} was moved by another program while logging.max_size rotates it too: ` +
          `set max_size = "0" to leave rotation to that program`,
      );
    }
  }

  /**
   * How far of `lines` may go into the open file: to the last line that fits, at least to the end of a line
   * already begun in it. A single line larger than a whole file gets a file to itself. `from` itself means
   * that the file is full.
   */
  #writableEnd(lines: Uint8Array, from: number): number {
    const { maxSizeBytes } = this.#options;
    const { size } = this.#openFile();
    if (maxSizeBytes === 0) return lines.length;
    const lineEnd = lines.indexOf(NEWLINE, from) + 1;
    const begun = lineStart(lines, from) !== from;
    const fitting = lines.lastIndexOf(NEWLINE, Math.min(lines.length, from + maxSizeBytes - size) - 1) + 1;
    if (fitting > from) return fitting;
    return begun || size === 0 ? lineEnd : from;
  }

  /** Moves the full file aside and opens a new one. On failure lines go on into the full one. */
  async #rotate(): Promise<boolean> {
    const { path, clock } = this.#options;
    if (clock.now() < this.#rotateAgainAt) return false;
    try {
      // Somebody else's rotation in the last second has made room already.
      if (!await this.#pathIsOurs()) {
        await this.#replaceBy(await this.#openPath());
        this.stats.reopens++;
        return true;
      }
      await Deno.rename(path, nextBackupPath(path, await listBackups(path), clock.epochMs()));
      await this.#replaceBy(await this.#openPath());
    } catch (error) {
      this.stats.rotationFailures++;
      this.#rotateAgainAt = (clock.now() + ROTATION_RETRY_MS) as Instant;
      this.#noticeOnce(
        `Cannot rotate ${path}: ${messageOf(error)}; it grows beyond its limit until that works`,
      );
      return false;
    }
    this.stats.rotations++;
    this.#tidyInBackground();
    return true;
  }

  #tidyInBackground(): void {
    const { path, maxBackups, compress } = this.#options;
    this.#tidying = this.#tidying.then(() => tidyBackups(path, maxBackups, compress)).catch((error) => {
      this.stats.rotationFailures++;
      this.#noticeOnce(`Cannot tidy the backups of ${path}: ${messageOf(error)}`);
    });
  }

  /** A crash in mid-write leaves a line without its end; the next line must not be glued to it. */
  async #endTornLine(open: OpenFile): Promise<void> {
    open.size += await open.file.write(Uint8Array.of(NEWLINE));
    open.torn = false;
  }

  async #openPath(): Promise<OpenFile> {
    const file = await Deno.open(this.name, {
      read: true,
      append: true,
      create: true,
      mode: this.#options.mode ?? 0o640,
    });
    try {
      const { size, dev, ino } = await file.stat();
      return { file, size, dev, ino, torn: await endsTorn(file, size) };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async #replaceBy(next: OpenFile): Promise<void> {
    const previous = this.#open;
    this.#open = next;
    this.#fresh = true;
    if (previous === null) return;
    if (this.#options.durable) await previous.file.syncData();
    previous.file.close();
  }

  /** Whether the path still names the open file. Also learns the size, should someone have truncated it. */
  async #pathIsOurs(): Promise<boolean> {
    const open = this.#open;
    if (open === null) return false;
    try {
      const there = await Deno.stat(this.name);
      if (there.dev !== open.dev || there.ino !== open.ino) return false;
      open.size = there.size;
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  #openFile(): OpenFile {
    if (this.#open === null) throw new Error(`${this.name} is not open`);
    return this.#open;
  }

  #noticeOnce(message: string): void {
    if (this.#noticed.has(message)) return;
    this.#noticed.add(message);
    this.#options.onNotice?.(message);
  }
}

interface OpenFile {
  readonly file: Deno.FsFile;
  readonly dev: number;
  /** Null on systems without inodes, where renaming an open file is not done either. */
  readonly ino: number | null;
  size: number;
  /** Its last line has no end. */
  torn: boolean;
}

async function endsTorn(file: Deno.FsFile, size: number): Promise<boolean> {
  if (size === 0) return false;
  const last = new Uint8Array(1);
  await file.seek(-1, Deno.SeekMode.End);
  return await file.read(last) === 1 && last[0] !== NEWLINE;
}

/** Where the line that holds `offset` begins; `offset` itself when it begins one. */
function lineStart(lines: Uint8Array, offset: number): number {
  return offset === 0 ? 0 : lines.lastIndexOf(NEWLINE, offset - 1) + 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const NEWLINE = 0x0a;
/** How long lines may go on into a file that was moved away without a word. */
const CHECK_INTERVAL_MS = 1000;
const ROTATION_RETRY_MS = 10_000;
