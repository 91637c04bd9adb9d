/**
 * The program as a process: end-to-end tests and the demo start it, read what it says, and end it.
 *
 * @module
 */

import { join } from "node:path";
import type { StatusDocument } from "../../src/node/control_status.ts";

const ROOT = new URL("../../", import.meta.url);

/** How to start the program: the words in front of its own arguments. */
export type ProgramWords = readonly [string, ...string[]];

/** What is tested: `dist/wraith`, or what `WRAITH_PROGRAM` names. */
export function programUnderTest(): ProgramWords {
  const path = Deno.env.get("WRAITH_PROGRAM") ?? join(ROOT.pathname, "dist/wraith");
  try {
    Deno.statSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`${path} is missing: build it with ./scripts/deno task compile (--denort npm)`);
  }
  return [path];
}

/** How a run of the program ended. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and with what around it the program runs. */
export interface Surroundings {
  readonly program?: ProgramWords;
  readonly workingDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** How long a run may take; a minute by default. */
  readonly limitMs?: number;
}

/** Runs the program to its end. Ends it, and throws, when it takes too long. */
export async function runWraith(args: readonly string[], surroundings: Surroundings): Promise<RunResult> {
  const child = spawn(args, surroundings);
  const { code, stdout, stderr } = await within(
    surroundings.limitMs ?? 60_000,
    `wraith ${args.join(" ")}`,
    child.output(),
    () => {
      child.kill("SIGKILL");
    },
  );
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** A line of the JSON log. */
export interface LogLine {
  readonly timestamp: string;
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A running node. Disposing ends it. */
export class NodeProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #surroundings: Surroundings;
  readonly #log: LineLog;
  readonly #errors: LineLog;
  readonly dataDir: string;
  /** As the node itself says. */
  status!: StatusDocument;

  private constructor(child: Deno.ChildProcess, dataDir: string, surroundings: Surroundings) {
    this.#child = child;
    this.#surroundings = surroundings;
    this.dataDir = dataDir;
    this.#log = new LineLog(child.stdout);
    this.#errors = new LineLog(child.stderr);
  }

  /**
   * Starts a node with its state in `dataDir` and free ports on loopback, and waits until it says that it has
   * started. `settings` are `section.key=value`.
   */
  static async start(
    dataDir: string,
    settings: readonly string[],
    surroundings: Surroundings,
  ): Promise<NodeProcess> {
    const defaults = ["network.listen=127.0.0.1:0", "monitoring.prometheus_port=0", ...settings];
    const args = ["--data-dir", dataDir, ...defaults.flatMap((setting) => ["--set", setting])];
    const node = new NodeProcess(spawn(args, surroundings), dataDir, surroundings);
    try {
      await node.waitForLog((line) => line.message === "Node started");
      node.status = JSON.parse((await node.run("status", "--json")).stdout);
      return node;
    } catch (error) {
      await node[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** `ed25519:<hex>@127.0.0.1:<port>`: what `--to` takes. */
  get address(): string {
    return `${this.status.peer_id}@${this.status.listen}`;
  }

  /** What the node wrote on stdout so far, parsed. */
  get log(): readonly LogLine[] {
    return this.#log.lines.map((line) => JSON.parse(line));
  }

  /** What the node wrote on stderr so far. */
  get errors(): readonly string[] {
    return this.#errors.lines;
  }

  /** Runs a command against this node. */
  run(...words: string[]): Promise<RunResult> {
    return runWraith([...words, "--data-dir", this.dataDir], this.#surroundings);
  }

  /** Waits until a log line fits. Throws with what was said when none does within half a minute. */
  async waitForLog(fits: (line: LogLine) => boolean): Promise<LogLine> {
    const found = this.#log.find((line) => fits(JSON.parse(line)));
    const line = await within(30_000, "the awaited log line", found, () => {});
    if (line === null) {
      throw new Error(`the node ended: ${[...this.#log.lines, ...this.#errors.lines].join("\n")}`);
    }
    return JSON.parse(line);
  }

  /** One sample of the node's metrics, or null when the family has none with these labels. */
  async metric(series: string): Promise<number | null> {
    const text = await (await fetch(`${this.status.monitoring_url}/metrics`)).text();
    const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? null : Number(line.slice(series.length + 1));
  }

  signal(name: Deno.Signal): void {
    this.#child.kill(name);
  }

  /** Waits for the process to end. */
  async ended(): Promise<{ readonly code: number; readonly signal: Deno.Signal | null }> {
    const { code, signal } = await within(30_000, "the node's end", this.#child.status, () => {});
    await Promise.all([this.#log.ended, this.#errors.ended]);
    return { code, signal };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await within(10_000, "the node's end", this.#child.status, () => this.#child.kill("SIGKILL"));
    await Promise.all([this.#log.ended, this.#errors.ended]);
  }
}

/** Lines that arrive over time. */
class LineLog {
  readonly lines: string[] = [];
  readonly ended: Promise<void>;
  #isEnded = false;
  #changed = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.ended = this.#read(stream);
  }

  /** The first line that fits, past or future; null when the stream ends without one. */
  async find(fits: (line: string) => boolean): Promise<string | null> {
    for (let next = 0;;) {
      for (; next < this.lines.length; next++) if (fits(this.lines[next])) return this.lines[next];
      if (this.#isEnded) return null;
      await this.#changed.promise;
    }
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#wake();
    }
    if (rest !== "") this.lines.push(rest);
    this.#isEnded = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function spawn(args: readonly string[], surroundings: Surroundings): Deno.ChildProcess {
  const [command, ...words] = surroundings.program ?? programUnderTest();
  return new Deno.Command(command, {
    args: [...words, ...args],
    cwd: surroundings.workingDir,
    clearEnv: true,
    env: {
      HOME: surroundings.workingDir,
      PATH: Deno.env.get("PATH") ?? "",
      ...sharedDenoSettings(),
      ...surroundings.env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** A program run from source has a home of its own, but neither fetches its packages again nor distrusts the network. */
function sharedDenoSettings(): Record<string, string> {
  const shared: Record<string, string> = {};
  const store = Deno.env.get("DENO_TLS_CA_STORE");
  if (store !== undefined) shared.DENO_TLS_CA_STORE = store;
  const home = Deno.env.get("HOME") ?? "";
  const caches = Deno.build.os === "darwin" ? join(home, "Library/Caches") : join(home, ".cache");
  shared.DENO_DIR = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("XDG_CACHE_HOME") ?? caches, "deno");
  return shared;
}

/** `work`, or an error when it takes longer; `giveUp` is called first then. */
async function within<T>(limitMs: number, what: string, work: Promise<T>, giveUp: () => void): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    giveUp();
    reject(new Error(`${what} took longer than ${limitMs / 1_000} s`));
  }, limitMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
