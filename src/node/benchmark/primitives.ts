/**
 * What each cryptographic primitive costs, by every suite that this machine has, in one run.
 *
 * @module
 */

import type { CipherSuite } from "../../crypto/cipher_suite.ts";
import { signStaticKey, verifyStaticKey } from "../../crypto/identity_binding.ts";
import { generateKeyPair } from "../../crypto/key_pair.ts";
import { loadNativeSuite } from "../../crypto/native_suite.ts";
import { nobleSuite } from "../../crypto/noble_suite.ts";
import { HandshakeState, XX } from "../../crypto/noise/mod.ts";
import { runtimeSuite } from "../../crypto/runtime_suite.ts";
import { systemEntropy } from "../../entropy.ts";

/** One primitive by one suite. */
export interface PrimitiveFigures {
  readonly suite: string;
  /** E.g. `seal 1200 bytes`. */
  readonly operation: string;
  /** Microseconds of one operation, in the best of many rounds. */
  readonly us: number;
  /** Bytes that one operation goes through, where that means something. */
  readonly bytes: number | null;
}

/** The suites of this machine, portable first, and why the native one is not among them, if so. */
export interface MeasuredSuites {
  readonly suites: readonly CipherSuite[];
  readonly nativeUnavailable: string | null;
}

export function measuredSuites(): MeasuredSuites {
  const portable = [nobleSuite, runtimeSuite()];
  try {
    return { suites: [...portable, loadNativeSuite().suite], nativeUnavailable: null };
  } catch (error) {
    return { suites: portable, nativeUnavailable: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Measures everything, each operation in `rounds` rounds of about `roundMs`, or fewer where other work on the machine
 * makes them take longer than `limitMs`. Gives way between operations.
 */
export async function measurePrimitives(
  suites: readonly CipherSuite[],
  { rounds = 100, roundMs = 2, limitMs = Infinity, signal }: {
    readonly rounds?: number;
    readonly roundMs?: number;
    readonly limitMs?: number;
    readonly signal?: AbortSignal;
  } = {},
): Promise<PrimitiveFigures[]> {
  const figures: PrimitiveFigures[] = [];
  for (const suite of suites) {
    for (const { operation, bytes, run } of operationsOf(suite)) {
      figures.push({ suite: suite.name, operation, us: bestUs(run, rounds, roundMs, limitMs), bytes });
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    }
  }
  return figures;
}

interface Operation {
  readonly operation: string;
  readonly bytes: number | null;
  readonly run: (count: number) => unknown;
}

function operationsOf(suite: CipherSuite): Operation[] {
  const [secret, message] = [new Uint8Array(32).fill(1), new Uint8Array(52).fill(2)];
  const publicKey = suite.x25519PublicKey(new Uint8Array(32).fill(3));
  const [identityKey, signature] = [suite.ed25519PublicKey(secret), suite.ed25519Sign(secret, message)];
  const plain = (operation: string, run: () => unknown): Operation => ({ operation, bytes: null, run });
  return [
    ...PACKET_LENGTHS.flatMap((length) => [sealing(suite, length), opening(suite, length)]),
    ...HASHED_LENGTHS.map((length) => {
      const data = new Uint8Array(length);
      return { operation: `SHA-256 of ${length} bytes`, bytes: length, run: () => suite.sha256([data]) };
    }),
    plain("BLAKE2s of 64 bytes", () => suite.blake2s([message])),
    plain("HMAC-BLAKE2s of 64 bytes", () => suite.hmacBlake2s(secret, [message])),
    plain("X25519 public key", () => suite.x25519PublicKey(secret)),
    plain("X25519 shared secret", () => suite.x25519(secret, publicKey)),
    plain("Ed25519 sign", () => suite.ed25519Sign(secret, message)),
    plain("Ed25519 verify", () => suite.ed25519Verify(identityKey, message, signature)),
    plain("XX handshake, both ends", handshake(suite)),
  ];
}

function sealing(suite: CipherSuite, length: number): Operation {
  const [aead, slab] = [suite.aead(new Uint8Array(32).fill(4)), new Uint8Array(length)];
  const textLength = length - HEADER_LENGTH - 16;
  const run = (count: number) => aead.seal(count, slab, 0, HEADER_LENGTH, textLength);
  return { operation: `seal a packet of ${length}`, bytes: length, run };
}

/** Opens what was sealed beforehand, so that the time is of opening alone; the copy of the packet is in it. */
function opening(suite: CipherSuite, length: number): Operation {
  const [aead, sealed] = [suite.aead(new Uint8Array(32).fill(4)), new Uint8Array(length)];
  aead.seal(1, sealed, 0, HEADER_LENGTH, length - HEADER_LENGTH - 16);
  const slab = new Uint8Array(length);
  const run = () => {
    slab.set(sealed);
    if (aead.open(1, slab, 0, HEADER_LENGTH, length - HEADER_LENGTH) < 0) throw new Error("cannot open");
  };
  return { operation: `open a packet of ${length}`, bytes: length, run };
}

/** What two nodes compute for one session: the three messages, and each the other's identity. */
function handshake(suite: CipherSuite): () => void {
  const seed = new Uint8Array(32).fill(5);
  const identityKey = suite.ed25519PublicKey(seed);
  const s = generateKeyPair(suite, systemEntropy);
  const payload = signStaticKey(suite, seed, s.publicKey);
  const common = { suite, entropy: systemEntropy, pattern: XX, prologue: new Uint8Array(8), s };
  const out = new Uint8Array(1_200);
  const pass = (from: HandshakeState, to: HandshakeState) => {
    const result = to.readMessage(out.subarray(0, from.writeMessage(payload, out)));
    if (!result.ok) throw new Error(result.failure);
    const { remoteStatic } = to;
    if (remoteStatic !== null && !verifyStaticKey(suite, identityKey, remoteStatic, result.payload)) {
      throw new Error("the binding does not verify");
    }
  };
  return () => {
    const initiator = HandshakeState.initialize({ ...common, initiator: true });
    const responder = HandshakeState.initialize({ ...common, initiator: false });
    pass(initiator, responder);
    pass(responder, initiator);
    pass(initiator, responder);
    initiator.split().wipe();
    responder.split().wipe();
  };
}

/**
 * The best of many short rounds: what an operation costs when nothing else wants the processor. A median would
 * measure the neighbours on a shared machine, and the compiler that still works in the background.
 */
function bestUs(
  run: (count: number) => unknown,
  rounds: number,
  roundMs: number,
  limitMs: number,
): number {
  const began = performance.now();
  let batch = 1;
  let counter = 0;
  const timed = (): number => {
    const start = performance.now();
    for (let i = 0; i < batch; i++) run(counter++);
    return performance.now() - start;
  };
  while (timed() < roundMs) batch *= 2;
  let best = Infinity;
  for (let round = 0; round < rounds; round++) {
    best = Math.min(best, timed());
    if (performance.now() - began > limitMs) break;
  }
  return best / batch * 1_000;
}

const HEADER_LENGTH = 16;
/** The datagram sizes of the wire: the smallest, an Ethernet's, a jumbo frame's, loopback's. */
const PACKET_LENGTHS = [1_200, 1_452, 8_952, 65_487];
/** A short message, a packet, a chunk of a file. */
const HASHED_LENGTHS = [64, 1_200, 262_144];
