/**
 * Chooses the implementation behind a socket.
 *
 * @module
 */

import { SocketError } from "./bind_error.ts";
import type { DatagramSocket, SocketOptions } from "./datagram_socket.ts";
import { openDenoSocket } from "./deno_socket.ts";
import { type Libc, openLibc } from "./linux_ffi.ts";
import { openLinuxSocket } from "./linux_socket.ts";
import { proveSocket } from "./self_test.ts";

/** Which implementation to take: the fast one if it works here, or one of the two for sure. */
export type SocketBackend = "auto" | "portable" | "native";

/** Whether the native sockets work here, and if not, why: one line for people. */
export type NativeSockets = { readonly libc: Libc } | { readonly unavailable: string };

/**
 * Binds a UDP socket. `auto` takes the native implementation when it has passed a self-test over loopback, and
 * the portable one with a notice otherwise.
 *
 * @throws {SocketError} with one line for people when the address cannot be bound, or when `native` is asked for
 * and not to be had.
 */
export async function openSocket(options: SocketOptions, backend: SocketBackend): Promise<DatagramSocket> {
  if (backend === "portable") return openDenoSocket(options);
  const native = await probeNativeSockets();
  if ("libc" in native) return openLinuxSocket(options, native.libc);
  if (backend === "native") {
    throw new SocketError(
      "unsupported",
      `Cannot open a native socket: ${native.unavailable} (network.backend = "auto" takes the portable one then)`,
    );
  }
  options.onNotice?.(`portable sockets: ${native.unavailable}`);
  return openDenoSocket(options);
}

/** Tries the native sockets once per process; later calls get the same answer. */
export function probeNativeSockets(): Promise<NativeSockets> {
  return probe ??= runProbe();
}

let probe: Promise<NativeSockets> | undefined;

async function runProbe(): Promise<NativeSockets> {
  try {
    const libc = openLibc();
    await proveSocket((options) => openLinuxSocket(options, libc));
    return { libc };
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) };
  }
}
