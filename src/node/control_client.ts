/**
 * The other end of the control API: what commands use to talk to the running node.
 *
 * @module
 */

import { join } from "node:path";

/** Where a node that keeps its state in `dataDir` listens. */
export function controlSocketPath(dataDir: string): string {
  return join(dataDir, "control.sock");
}

/** No node answers on the socket. */
export class NodeNotRunningError extends Error {
  override readonly name = "NodeNotRunningError";
}

/** The node refused or failed; the message is its own one line, `code` is stable. */
export class ControlRequestError extends Error {
  override readonly name = "ControlRequestError";

  constructor(readonly code: string, message: string) {
    super(message);
  }
}

/** A connection to the node that runs in one data directory. Dispose it when done. */
export class ControlClient implements Disposable {
  readonly #dataDir: string;
  readonly #client: Deno.HttpClient;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#client = Deno.createHttpClient({ proxy: { transport: "unix", path: controlSocketPath(dataDir) } });
  }

  /**
   * Asks and returns the answer's document.
   *
   * @throws {NodeNotRunningError} when nobody answers. @throws {ControlRequestError} when the node refuses.
   */
  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return await (await this.#request("GET", path, undefined, signal)).json();
  }

  /** {@link get} for what changes the node. */
  async post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return await (await this.#request("POST", path, body, signal)).json();
  }

  /** An answer that is no JSON, as it is. Throws as {@link get} does. */
  async text(path: string, signal?: AbortSignal): Promise<string> {
    return await (await this.#request("GET", path, undefined, signal)).text();
  }

  /**
   * Asks for something that takes a while and yields its events. Leaving the loop early, or aborting `signal`,
   * tells the node to stop.
   *
   * @throws as {@link get} does, {@link ControlRequestError} also when the operation fails later on.
   */
  async *stream<T>(path: string, body: unknown, signal: AbortSignal): AsyncGenerator<T, void, void> {
    const response = await this.#request("POST", path, body, signal);
    for await (const line of linesOf(response.body!)) {
      const event = JSON.parse(line);
      if (event.error) throw new ControlRequestError(event.error.code, event.error.message);
      yield event;
    }
  }

  /** Asks for something that goes on, and returns the answer as it arrives. Throws as {@link get} does. */
  async bytes(
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
    return (await this.#request("POST", path, body, signal)).body!;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #request(method: string, path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
    const response = await this.#send(path, {
      method,
      client: this.#client,
      ...body === undefined ? {} : { body: JSON.stringify(body) },
      ...signal ? { signal } : {},
    });
    if (response.ok) return response;
    const { error } = await response.json();
    throw new ControlRequestError(error.code, error.message);
  }

  async #send(path: string, init: RequestInit & { client: Deno.HttpClient }): Promise<Response> {
    try {
      // The name is never resolved: the client's "proxy" is the socket.
      return await fetch(new URL(path, "http://node.wraith"), init);
    } catch (error) {
      init.signal?.throwIfAborted();
      throw await this.#unreachable(error);
    }
  }

  /** What is wrong with the socket: fetch only says that it failed. */
  async #unreachable(cause: unknown): Promise<Error> {
    const path = controlSocketPath(this.#dataDir);
    try {
      (await Deno.connect({ transport: "unix", path })).close();
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) {
        return new NodeNotRunningError(`cannot open ${path}: it belongs to another user`, { cause });
      }
      return new NodeNotRunningError(
        `no node is running in ${this.#dataDir}: start one with wraith, or name its folder with --data-dir`,
        { cause },
      );
    }
    return new NodeNotRunningError(`the node in ${this.#dataDir} ended before it answered`, { cause });
  }
}

/** The lines of a body, without their ends. */
async function* linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
