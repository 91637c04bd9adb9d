/**
 * A script of ours as a second process that talks in lines: one on stdout for each on stdin.
 *
 * @module
 */

/** Runs until it is disposed of: its standard input ends then, and it is to end with it. */
export class LineChild implements AsyncDisposable {
  /** What it said first. */
  readonly greeting: string;
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess, lines: Lines, greeting: string) {
    this.#child = child;
    this.#lines = lines;
    this.#input = child.stdin.getWriter();
    this.greeting = greeting;
    this.pid = child.pid;
  }

  /** Starts `script`, a file URL, and waits for its first line. */
  static async start(script: string, args: readonly string[]): Promise<LineChild> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", "--unstable-net", script, ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = new Lines(child.stdout);
    return new LineChild(child, lines, await lines.next());
  }

  /** Asks for the next line. */
  async ask(question = ""): Promise<string> {
    await this.#input.write(new TextEncoder().encode(`${question}\n`));
    return await this.#lines.next();
  }

  /** Waits for a line that comes by itself. */
  next(): Promise<string> {
    return this.#lines.next();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {}); // it has ended already
    await this.#lines.cancel();
    await this.#child.status;
  }
}

class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("the second process ended too early");
      this.#rest += value;
    }
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** For the script: writes one line. */
export function sayLine(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
