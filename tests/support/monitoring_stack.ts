/**
 * Prometheus, Alertmanager and VictoriaMetrics as processes, for tests that show real nodes to them.
 *
 * @module
 */

/** Asks `probe` until it answers something other than null. Throws with `what` after the limit. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null>,
  limitMs = 60_000,
): Promise<T> {
  const until = performance.now() + limitMs;
  let failure: unknown = null;
  while (performance.now() < until) {
    try {
      const answer = await probe();
      if (answer !== null) return answer;
    } catch (error) {
      failure = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within ${limitMs / 1000} s`, { cause: failure });
}

/** A port that nothing listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** One server of the stack; disposing ends it. */
export class StackServer implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;
  readonly url: string;

  private constructor(child: Deno.ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    this.#output = new Response(child.stderr).text();
  }

  /** Starts `program` and waits until `readyPath` answers 200. */
  static async start(
    program: string,
    args: readonly string[],
    port: number,
    readyPath: string,
  ): Promise<StackServer> {
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    })
      .spawn();
    const server = new StackServer(child, `http://127.0.0.1:${port}`);
    try {
      await eventually(`${program} is ready`, async () => {
        const response = await fetch(server.url + readyPath);
        await response.body?.cancel();
        return response.ok ? true : null;
      });
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw new Error(`${program} did not start: ${await server.#output}`, { cause: error });
    }
  }

  async json<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** The result of an instant query. */
  async query(expr: string): Promise<QueryResult[]> {
    const answer = await this.json<{ data: { result: QueryResult[] } }>(
      `/api/v1/query?query=${encodeURIComponent(expr)}`,
    );
    return answer.data.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
    await this.#child.status;
    await this.#output;
  }
}

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}
