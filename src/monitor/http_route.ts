/**
 * What the monitoring listener serves beside its own pages: the status page and the event feed plug in here.
 *
 * @module
 */

/** One page under a path of its own. */
export interface MonitorRoute {
  /** Exact path (`/status`), or everything below one (`/status/*`). */
  readonly path: string;
  /** `token`: behind the bearer token where one is configured. `open`: never, so nothing private. */
  readonly access: "token" | "open";
  /**
   * Answers a GET or HEAD from memory; the body of a HEAD is dropped by the listener. A stream must end when
   * `stopping` aborts, and learns from its own `cancel` that the client went away. (Reading `request.signal`
   * makes Deno warn: there it also aborts after every successful answer.)
   */
  handle(request: Request, stopping: AbortSignal): Response | Promise<Response>;
}

/** Set on every answer that does not say otherwise. */
export const STRICT_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Whether `route` serves `path`. */
export function routeMatches(route: MonitorRoute, path: string): boolean {
  return route.path.endsWith("/*") ? path.startsWith(route.path.slice(0, -1)) : path === route.path;
}

/**
 * Whether the `Host` header names this machine's loopback. A page of the web can make a browser send
 * requests to a loopback port under the page's own host name (DNS rebinding); this tells them apart.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** Whether only this machine can reach a listener bound to `address`. */
export function isLoopbackBind(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127(\.\d{1,3}){3}$/.test(address);
}
