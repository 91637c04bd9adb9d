/**
 * Chooses the implementation behind a socket.
 *
 * @module
 */

import type { DatagramSocket, SocketOptions } from "./datagram_socket.ts";
import { openDenoSocket } from "./deno_socket.ts";

/** Which implementation to take: the fast one if it works here, or one of the two for sure. */
export type SocketBackend = "auto" | "portable" | "native";

/**
 * Binds a UDP socket.
 *
 * @throws {SocketError} with one line for people when the address cannot be bound.
 */
// deno-lint-ignore require-await -- the native backend has to prove itself first
export async function openSocket(options: SocketOptions, _backend: SocketBackend): Promise<DatagramSocket> {
  return openDenoSocket(options);
}
