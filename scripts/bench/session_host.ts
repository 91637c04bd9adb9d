/**
 * A bare session end for benchmarks: a socket, an endpoint and a driver, nothing above.
 *
 * As a process, `session_host.ts BACKEND` prints its address and takes sessions until standard input ends.
 *
 * @module
 */

import { systemClock } from "../../src/clock.ts";
import { signStaticKey } from "../../src/crypto/identity_binding.ts";
import { generateKeyPair } from "../../src/crypto/key_pair.ts";
import { selectSuite } from "../../src/crypto/select_suite.ts";
import { randomBytes, seededPrng, systemEntropy } from "../../src/entropy.ts";
import { openSocket } from "../../src/net/open_socket.ts";
import type { BenchBackend } from "../../src/node/benchmark/machine.ts";
import { Driver } from "../../src/node/driver.ts";
import { DEFAULT_ADMISSION } from "../../src/session/admission.ts";
import { Endpoint } from "../../src/session/endpoint.ts";
import { DEFAULT_SESSION_SETTINGS } from "../../src/session/session_settings.ts";
import type { PeerStream } from "../../src/transfer/peer_stream.ts";
import { sayLine } from "./line_child.ts";

/** A driver on a free port of a loopback address that lets one source start any number of sessions. */
export async function openBenchDriver(
  backend: BenchBackend,
  hostname = "127.0.0.1",
): Promise<{ readonly driver: Driver; readonly listen: string }> {
  const { suite } = selectSuite(backend);
  const socket = await openSocket({ hostname, port: 0 }, backend);
  const seed = randomBytes(systemEntropy, 32);
  const staticKeys = generateKeyPair(suite, systemEntropy);
  const endpoint = new Endpoint({
    suite,
    entropy: systemEntropy,
    prng: seededPrng(1),
    identity: {
      identityKey: suite.ed25519PublicKey(seed),
      staticKeys,
      staticKeySignature: signStaticKey(suite, seed, staticKeys.publicKey),
    },
    // An hour: idle sessions are to stay, not to be replaced by their keepalives.
    settings: { ...DEFAULT_SESSION_SETTINGS, maxDatagramBytes: 1_452, idleTimeoutMs: 3_600_000 },
    admission: {
      ...DEFAULT_ADMISSION,
      retry: "never",
      sourceHandshakesPerSecond: 1e6,
      sourceHandshakeBurst: 1e6,
    },
    maxSessions: 20_000,
    emit: () => {},
  });
  const listener = {
    onSession() {},
    onStream: (_session: unknown, stream: PeerStream) => void drain(stream),
    onDatagram() {},
    onSessionEnded() {},
  };
  const driver = new Driver({ endpoint, socket, clock: systemClock, listener });
  driver.start();
  return { driver, listen: socket.localAddress.text };
}

async function drain(stream: PeerStream): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  while (await stream.read(buffer) !== null);
  await stream.finish();
}

if (import.meta.main) {
  const [backend] = Deno.args;
  const { listen } = await openBenchDriver(backend as BenchBackend);
  sayLine(listen);
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}
