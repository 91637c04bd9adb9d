/**
 * One clear line for a socket that could not be bound.
 *
 * @module
 */

import { formatHostPort } from "./address.ts";

/** Why a socket could not be opened. */
export type SocketErrorCode = "in_use" | "not_available" | "forbidden" | "unsupported" | "failed";

/** A socket that could not be opened. `code` is stable, the message is one line for people. */
export class SocketError extends Error {
  override readonly name = "SocketError";
  constructor(readonly code: SocketErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** The error for a bind that the runtime refused with `error`. */
export function bindError(where: Where, error: unknown): SocketError {
  const detail = error instanceof Error ? error.message : String(error);
  return refusedBind(where, classify(error), detail, { cause: error });
}

/** The error for a bind refused for a known reason. `detail` is shown where the reason has no words of its own. */
export function refusedBind(
  where: Where,
  code: SocketErrorCode,
  detail: string,
  options?: ErrorOptions,
): SocketError {
  const text = formatHostPort(where.hostname, where.port);
  return new SocketError(code, `Cannot listen on udp ${text}: ${ADVICE[code] ?? detail}`, options);
}

interface Where {
  readonly hostname: string;
  readonly port: number;
}

function classify(error: unknown): SocketErrorCode {
  if (error instanceof Deno.errors.AddrInUse) return "in_use";
  if (error instanceof Deno.errors.AddrNotAvailable) return "not_available";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "forbidden";
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EAFNOSUPPORT" ? "unsupported" : "failed";
}

const ADVICE: Partial<Record<SocketErrorCode, string>> = {
  in_use:
    "the port is already in use, by another node perhaps: stop that one, or set network.listen to another port",
  not_available:
    "this machine has no such address: set network.listen to one it has, or to 0.0.0.0 for all of them",
  forbidden: "not permitted: choose a port above 1023, or allow it (and run with --allow-net)",
  unsupported: "the system does not speak this address family: set network.listen to an IPv4 address",
};
