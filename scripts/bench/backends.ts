/**
 * The implementations that this machine has, for sections that measure both.
 *
 * @module
 */

import { probeNativeSockets } from "../../src/net/open_socket.ts";
import type { BenchBackend } from "../../src/node/benchmark/machine.ts";
import { measuredSuites } from "../../src/node/benchmark/primitives.ts";
import type { BenchContext } from "./section.ts";

/** Portable, and native where both cryptography and sockets are to be had; why not, the results say. */
export async function benchBackends(context: BenchContext): Promise<readonly BenchBackend[]> {
  const { nativeUnavailable } = measuredSuites();
  const sockets = await probeNativeSockets();
  const refusal = nativeUnavailable ?? ("unavailable" in sockets ? sockets.unavailable : null);
  if (refusal === null) return ["portable", "native"];
  context.skip(`native: ${refusal}`);
  return ["portable"];
}

/** The settings that make a node use `backend` for both. */
export function backendSettings(backend: BenchBackend): readonly string[] {
  return [`network.backend=${backend}`, `crypto.backend=${backend}`];
}
