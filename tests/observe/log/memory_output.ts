import type { LineOutput } from "../../../src/observe/log/line_output.ts";

/** Keeps what is written, and refuses while it is told to. */
export class MemoryOutput implements LineOutput {
  readonly name = "memory";
  /** What every write throws, while set. */
  refusal: Error | null = null;
  /** The most bytes one write takes. */
  maxWriteBytes = Infinity;
  text = "";
  // Streaming: a short write may cut a character in two.
  readonly #decoder = new TextDecoder();

  async open(): Promise<void> {}
  async reopen(): Promise<void> {}
  async close(): Promise<void> {}

  // deno-lint-ignore require-await
  async write(lines: Uint8Array<ArrayBuffer>, from: number): Promise<number> {
    if (this.refusal) throw this.refusal;
    const end = Math.min(lines.length, from + this.maxWriteBytes);
    this.text += this.#decoder.decode(lines.subarray(from, end), { stream: true });
    return end;
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }
}
