/**
 * A capture on its way to its files: only whole blocks are written, so that the file is valid wherever it ends, and
 * keys go to a file of their own.
 *
 * @module
 */

import { concatBytes } from "../bytes.ts";
import { BLOCK } from "../node/capture/pcapng.ts";

export class CaptureFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #keys: Deno.FsFile | null;
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #packets = 0;
  #lostBefore = 0;
  readonly #lost = new Map<number, number>();

  private constructor(file: Deno.FsFile, keys: Deno.FsFile | null) {
    this.#file = file;
    this.#keys = keys;
  }

  /** Begins the file at `path` anew and appends to the one at `keysPath`, both for the owner alone. */
  static async open(path: string, keysPath: string | null): Promise<CaptureFile> {
    using undo = new DisposableStack();
    const file = undo.use(
      await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 }),
    );
    const keys = keysPath === null
      ? null
      : undo.use(await Deno.open(keysPath, { append: true, create: true, mode: 0o600 }));
    // A file that was there already keeps its mode otherwise.
    if (keysPath !== null && Deno.build.os !== "windows") await Deno.chmod(keysPath, 0o600);
    undo.move();
    return new CaptureFile(file, keys);
  }

  /** Packets written. */
  get packets(): number {
    return this.#packets;
  }

  /** Packets that the node could not keep for us, as far as it has told. */
  get dropped(): number {
    const told = [...this.#lost.values()].reduce((sum, count) => sum + count, 0);
    return Math.max(told, this.#lostBefore);
  }

  /** Writes the blocks that `chunk` completes. */
  async take(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    const bytes = this.#rest.length === 0 ? chunk : concatBytes(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let [written, at] = [0, 0];
    while (bytes.length - at >= 8) {
      const length = view.getUint32(at + 4, true);
      if (bytes.length - at < length) break;
      const type = view.getUint32(at, true);
      if (type === BLOCK.secrets) {
        await writeAll(this.#file, bytes.subarray(written, at));
        if (this.#keys !== null) await writeAll(this.#keys, secretsOf(bytes, view, at));
        written = at + length;
      } else this.#count(type, view, at, length);
      at += length;
    }
    await writeAll(this.#file, bytes.subarray(written, at));
    this.#rest = bytes.slice(at);
  }

  [Symbol.dispose](): void {
    this.#file.close();
    this.#keys?.close();
  }

  #count(type: number, view: DataView, at: number, length: number): void {
    if (type === BLOCK.packet) {
      this.#packets++;
      this.#lostBefore += dropCount(view, at, length);
    } else if (type === BLOCK.statistics) {
      const dropped = optionAt(view, at + 20, at + length - 4, 5);
      if (dropped !== null) {
        this.#lost.set(view.getUint32(at + 8, true), Number(view.getBigUint64(dropped, true)));
      }
    }
  }
}

/** epb_dropcount of the packet block at `at`. */
function dropCount(view: DataView, at: number, length: number): number {
  const kept = view.getUint32(at + 20, true);
  const value = optionAt(view, at + 28 + ((kept + 3) & ~3), at + length - 4, 4);
  return value === null ? 0 : Number(view.getBigUint64(value, true));
}

/** Where the value of option `code` begins; null without it. */
function optionAt(view: DataView, at: number, end: number, code: number): number | null {
  while (at + 4 <= end) {
    const found = view.getUint16(at, true);
    if (found === code) return at + 4;
    at += 4 + ((view.getUint16(at + 2, true) + 3) & ~3);
  }
  return null;
}

function secretsOf(bytes: Uint8Array<ArrayBuffer>, view: DataView, at: number): Uint8Array<ArrayBuffer> {
  return bytes.subarray(at + 16, at + 16 + view.getUint32(at + 12, true));
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}
