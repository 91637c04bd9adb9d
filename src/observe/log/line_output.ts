/**
 * Where lines end up, and the one that is a stream: standard output or standard error.
 *
 * @module
 */

/** One destination of lines. Its methods are called one at a time. */
export interface LineOutput {
  /** `stdout`, `stderr` or a path, for people. */
  readonly name: string;
  /** Makes it ready. @throws {Error} with one clear line, when it cannot be. */
  open(): Promise<void>;
  /** Opens its path again. What was open stays so until the new one is. */
  reopen(): Promise<void>;
  /**
   * Writes some of `lines` (whole lines, each with its newline) from `from` on.
   *
   * @returns from where to go on: usually further on, but back at the beginning of a line that was torn
   * when its file went away and must be written whole into the next one.
   * @throws when nothing could be written; a later call goes on at the same place.
   */
  write(lines: Uint8Array<ArrayBuffer>, from: number): Promise<number>;
  close(): Promise<void>;
}

/** A stream of this process. */
export class StreamOutput implements LineOutput {
  readonly name: "stdout" | "stderr";

  constructor(name: "stdout" | "stderr") {
    this.name = name;
  }

  async open(): Promise<void> {}

  async reopen(): Promise<void> {}

  async write(lines: Uint8Array<ArrayBuffer>, from: number): Promise<number> {
    const stream = this.name === "stdout" ? Deno.stdout : Deno.stderr;
    return from + await stream.write(lines.subarray(from));
  }

  /** The streams belong to the process. */
  async close(): Promise<void> {}
}
