/**
 * The node's control API: HTTP with JSON over a Unix socket that only the node's owner can open. Nothing that
 * changes the node is reachable any other way.
 *
 * @module
 */

import { join } from "node:path";
import { controlSocketPath } from "./control_client.ts";

/** One thing the node can be asked over its control socket. */
export interface ControlRoute {
  readonly method: "GET" | "POST";
  /** As in `URLPattern`: `/v1/transfers/:id/pause`. */
  readonly path: string;
  /** Answers, or throws a {@link ControlError}. */
  handle(request: ControlRequest): Response | Promise<Response>;
}

/** A request as a handler sees it. */
export interface ControlRequest {
  /** The named parts of the path, decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: URLSearchParams;
  /** The body. @throws {ControlError} when it is no JSON object or larger than a request may be. */
  json(): Promise<Readonly<Record<string, unknown>>>;
  /** Aborts when the server stops. A streamed answer has its own signal, see {@link streamEvents}. */
  readonly stopping: AbortSignal;
}

/** A refusal or failure with an HTTP status; `code` is stable, the message one line for people. */
export class ControlError extends Error {
  override readonly name = "ControlError";

  constructor(readonly status: 400 | 404 | 409 | 500 | 503, readonly code: string, message: string) {
    super(message);
  }
}

/** Why the socket could not be claimed; one line for people. */
export class ControlSocketError extends Error {
  override readonly name = "ControlSocketError";
}

/** A listening control API. */
export interface ControlServer {
  readonly path: string;
  /** Adds what can be asked. Until the first call every request is answered with "starting". */
  addRoutes(routes: readonly ControlRoute[]): void;
  /** Ends every stream, answers what is under way, and removes the socket. */
  close(): Promise<void>;
}

/**
 * Claims `dataDir` for this process by listening on its control socket. A socket that nobody answers on is left
 * over from a crash and is replaced.
 *
 * @throws {ControlSocketError} when another node runs in that folder, or the socket cannot be made.
 */
export async function serveControl(dataDir: string): Promise<ControlServer> {
  const path = controlSocketPath(dataDir);
  const dataDirBytes = new TextEncoder().encode(dataDir).length;
  if (dataDirBytes > MAX_DATA_DIR_BYTES) {
    throw new ControlSocketError(
      `cannot listen on ${path}: paths of sockets are short, so node.data_dir may have ${MAX_DATA_DIR_BYTES} bytes ` +
        `and has ${dataDirBytes}`,
    );
  }
  const stop = new AbortController();
  const routes: CompiledRoute[] = [];
  const server = await claim(dataDir, path, dispatcher(routes, stop.signal));
  return {
    path,
    addRoutes(added) {
      routes.push(...added.map((route) => ({ route, pattern: new URLPattern({ pathname: route.path }) })));
    },
    async close() {
      stop.abort();
      await server.shutdown();
      await Deno.remove(path);
    },
  };
}

type Handler = (request: Request) => Promise<Response>;
type CompiledRoute = { readonly route: ControlRoute; readonly pattern: URLPattern };

async function claim(dataDir: string, path: string, handler: Handler): Promise<Deno.HttpServer> {
  try {
    // Two nodes that start at the same moment must not both find the old socket dead and replace it.
    using gate = await Deno.open(join(dataDir, "control.lock"), { write: true, create: true, mode: 0o600 });
    await gate.lock(true);
    if (await isAnswered(path)) {
      throw new ControlSocketError(
        `a node is already running in ${dataDir}: stop it, or give this one another node.data_dir`,
      );
    }
    await refuseOther(path);
    return await listen(dataDir, path, handler);
  } catch (error) {
    if (error instanceof ControlSocketError) throw error;
    const reason = error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : (error as Error).message;
    throw new ControlSocketError(`cannot listen on ${path}: ${reason}`, { cause: error });
  }
}

/**
 * Listens in a folder that only its owner can enter and moves the socket to `path` once its mode is right, so that
 * it is not open to others for a moment. The move replaces a dead socket.
 */
async function listen(dataDir: string, path: string, handler: Handler): Promise<Deno.HttpServer> {
  const folder = await Deno.makeTempDir({ dir: dataDir, prefix: ".c" });
  try {
    const draft = join(folder, "s");
    const server = Deno.serve({ path: draft, onListen: () => {}, onError: failed }, handler);
    await Deno.chmod(draft, 0o600);
    await Deno.rename(draft, path);
    return server;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function isAnswered(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** Whatever is in the socket's place must be a socket to be replaced. */
async function refuseOther(path: string): Promise<void> {
  try {
    if ((await Deno.lstat(path)).isSocket) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new ControlSocketError(`cannot listen on ${path}: something else of that name is there`);
}

function dispatcher(routes: readonly CompiledRoute[], stopping: AbortSignal): Handler {
  return async (request) => {
    const url = new URL(request.url);
    if (routes.length === 0) return errorResponse(503, "starting", "the node is still starting");
    const matching = routes.filter(({ pattern }) => pattern.test(url));
    const chosen = matching.find(({ route }) => route.method === request.method);
    if (!chosen) {
      const status = matching.length > 0 ? 405 : 404;
      return errorResponse(
        status,
        "no_such_route",
        `this node does not know ${request.method} ${url.pathname}`,
      );
    }
    const params = chosen.pattern.exec(url)!.pathname.groups;
    try {
      return await chosen.route.handle({
        params: Object.fromEntries(
          Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value ?? "")]),
        ),
        query: url.searchParams,
        json: () => readObject(request),
        stopping,
      });
    } catch (error) {
      return failed(error);
    }
  };
}

function failed(error: unknown): Response {
  if (error instanceof ControlError) return errorResponse(error.status, error.code, error.message);
  return errorResponse(500, "internal", error instanceof Error ? error.message : String(error));
}

function errorResponse(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}

async function readObject(request: Request): Promise<Readonly<Record<string, unknown>>> {
  let length = 0;
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > MAX_REQUEST_BYTES) {
      throw new ControlError(400, "too_large", `a request may have ${MAX_REQUEST_BYTES} bytes at most`);
    }
    chunks.push(chunk);
  }
  const parsed = parseJson(await new Blob(chunks).text());
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ControlError(400, "bad_request", "the request's body is no JSON object");
  }
  return parsed as Readonly<Record<string, unknown>>;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** `sun_path` holds 103 bytes on macOS and the BSDs, 107 on Linux; {@link listen} appends up to 23. */
const MAX_DATA_DIR_BYTES = 80;
const MAX_REQUEST_BYTES = 1_048_576;
