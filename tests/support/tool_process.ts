/**
 * A program that runs until it is told to end, as `tcpdump` does.
 *
 * @module
 */

/** A started program; its standard error is read line by line. */
export class ToolProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #isEnded = false;

  constructor(words: readonly string[]) {
    const [command, ...args] = words;
    this.#child = new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
    this.#ended = this.#read(this.#child.stderr);
  }

  /** What it wrote on standard error so far. */
  get said(): string {
    return this.#lines.join("\n");
  }

  /** Waits until a line on standard error fits. @throws when it ends without one. */
  async waitFor(pattern: RegExp): Promise<void> {
    while (!this.#lines.some((line) => pattern.test(line))) {
      if (this.#isEnded) throw new Error(`ended without saying ${pattern}: ${this.said}`);
      await this.#changed.promise;
    }
  }

  /** Sends `signal` and waits for the end. @returns the exit code. */
  async end(signal: Deno.Signal): Promise<number> {
    this.#child.kill(signal);
    const { code } = await this.#child.status;
    await this.#ended;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isEnded) {
      try {
        this.#child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended already
      }
    }
    await this.#child.status;
    await this.#ended;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake();
    }
    this.#isEnded = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
