/**
 * The monitoring listener: metrics, probes, service discovery, and whatever routes are added. It answers
 * from memory and changes nothing.
 *
 * @module
 */

import type { MonitoringConfig } from "../config/config.ts";
import { type BearerToken, readAccess, type TlsFiles } from "./http_access.ts";
import {
  isLoopbackBind,
  isLoopbackHost,
  type MonitorRoute,
  routeMatches,
  STRICT_HEADERS,
} from "./http_route.ts";

/** The listener could not be bound. The message is for the operator: what clashes and what to do. */
export class MonitorBindError extends Error {
  override readonly name = "MonitorBindError";
}

/** What the listener must know about the node at each answer. */
export interface ListenerState {
  /** Whether clients should let go of their connections now. */
  readonly isStopping: boolean;
}

/** One bound port. */
export class MonitorServer {
  readonly #config: MonitoringConfig;
  readonly #state: ListenerState;
  readonly #routes: MonitorRoute[] = [];
  readonly #token: BearerToken | null;
  readonly #tls: TlsFiles | null;
  readonly #stopped = new AbortController();
  readonly #abandon = new AbortController();
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;

  /** @throws {Error} when the token or certificate files cannot be used. */
  constructor(config: MonitoringConfig, state: ListenerState) {
    this.#config = config;
    this.#state = state;
    ({ token: this.#token, tls: this.#tls } = readAccess(config));
  }

  /** Adds a page. The first route that matches a path serves it. */
  addRoute(route: MonitorRoute): void {
    this.#routes.push(route);
  }

  /** Where it listens; null before {@link listen} succeeded. With port 0 the port that the system chose. */
  get url(): string | null {
    if (this.#server === null) return null;
    const { hostname, port } = this.#server.addr;
    return `${this.#tls ? "https" : "http"}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  /** The port it is bound to; null before {@link listen} succeeded. */
  get port(): number | null {
    return this.#server?.addr.port ?? null;
  }

  /** When the certificate expires, in milliseconds since the Unix epoch; null without TLS. */
  get certificateExpiresAtMs(): number | null {
    return this.#tls?.expiresAtMs ?? null;
  }

  /** What an operator should know about where it listens; null when only this machine can reach it. */
  get exposureWarning(): string | null {
    if (isLoopbackBind(this.#config.bind)) return null;
    const lacking = [...(this.#token ? [] : ["token_file"]), ...(this.#tls ? [] : ["tls_cert and tls_key"])];
    if (lacking.length === 0) return null;
    return `monitoring listens on ${this.#config.bind}, beyond this machine, without ${
      lacking.join(" or ")
    }: ` +
      "anyone who reaches it reads the metrics";
  }

  /** Binds the port. @throws {MonitorBindError} */
  listen(): void {
    const { bind, prometheusPort } = this.#config;
    try {
      this.#server = Deno.serve({
        hostname: bind,
        port: prometheusPort,
        ...(this.#tls ? { cert: this.#tls.cert, key: this.#tls.key } : {}),
        signal: this.#abandon.signal,
        onListen: () => {},
        onError: () => plain(500, "internal error"),
      }, (request) => this.#answer(request)) as Deno.HttpServer<Deno.NetAddr>;
    } catch (error) {
      throw new MonitorBindError(bindMessage(bind, prometheusPort, error), { cause: error });
    }
  }

  /** Ends open streams, lets answers under way finish for a moment, and closes the port. */
  async close(): Promise<void> {
    this.#stopped.abort();
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const patience = setTimeout(() => this.#abandon.abort(), CLOSE_PATIENCE_MS);
    await server.shutdown();
    clearTimeout(patience);
  }

  async #answer(request: Request): Promise<Response> {
    const response = await this.#dispatch(request);
    for (const [name, value] of Object.entries(STRICT_HEADERS)) {
      if (!response.headers.has(name)) response.headers.set(name, value);
    }
    if (this.#state.isStopping) response.headers.set("connection", "close");
    return request.method === "HEAD" ? await withoutBody(response) : response;
  }

  #dispatch(request: Request): Response | Promise<Response> {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return plain(405, "only GET and HEAD", { allow: "GET, HEAD" });
    }
    const path = new URL(request.url).pathname;
    const route = this.#routes.find((candidate) => routeMatches(candidate, path));
    if (!route) {
      return plain(
        404,
        `nothing at ${path}; there is ${this.#routes.map((r) => r.path).join(" ")}`,
      );
    }
    if (route.access === "token") {
      const refusal = this.#token
        ? this.#refuseWithoutToken(this.#token, request)
        : this.#refuseForeignHost(request);
      if (refusal) return refusal;
    }
    return route.handle(request, this.#stopped.signal);
  }

  #refuseWithoutToken(token: BearerToken, request: Request): Response | null {
    if (token.matches(request.headers.get("authorization"))) return null;
    return plain(401, "a bearer token is required", { "www-authenticate": 'Bearer realm="wraith"' });
  }

  #refuseForeignHost(request: Request): Response | null {
    // HTTP/2 (over TLS) has no Host header; there the URL carries what the client asked for.
    const host = request.headers.get("host") ?? new URL(request.url).host;
    if (!isLoopbackBind(this.#config.bind) || isLoopbackHost(host)) return null;
    return plain(
      421,
      "this listener serves this machine only: ask for localhost, or set monitoring.token_file",
    );
  }
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}

/** The same head with the length that the body would have had (RFC 9110 §9.3.2). */
async function withoutBody(response: Response): Promise<Response> {
  const headers = new Headers(response.headers);
  if (headers.get("content-type")?.startsWith("text/event-stream")) {
    await response.body?.cancel();
  } else {
    headers.set("content-length", String((await response.arrayBuffer()).byteLength));
  }
  return new Response(null, { status: response.status, headers });
}

function bindMessage(bind: string, port: number, error: unknown): string {
  const where = `Cannot serve metrics on ${bind}:${port}`;
  const instead = "set monitoring.prometheus_port (or WRAITH_MONITORING_PROMETHEUS_PORT) to a free port";
  if (error instanceof Deno.errors.AddrInUse) {
    const who = port === 9090
      ? "another program, perhaps Prometheus itself, whose default port this is"
      : "another program";
    return `${where}: the port is taken by ${who}; ${instead}`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `${where}: not allowed (ports below 1024 need a privilege); ${instead}`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${where}: this machine has no such address; set monitoring.bind to one it has`;
  }
  return `${where}: ${error instanceof Error ? error.message : error}`;
}

/** A client that reads slowly, or keeps its connection, must not hold up the end of the node. */
const CLOSE_PATIENCE_MS = 1_000;
