/**
 * What each cryptographic primitive costs, by every suite that this machine has, in one run.
 *
 * `deno run -A scripts/bench/crypto.ts [--json]`, or as a part of `deno task bench`.
 *
 * @module
 */

import type { CipherSuite } from "../../src/crypto/cipher_suite.ts";
import { signStaticKey, verifyStaticKey } from "../../src/crypto/identity_binding.ts";
import { generateKeyPair } from "../../src/crypto/key_pair.ts";
import { loadNativeSuite } from "../../src/crypto/native_suite.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { HandshakeState, XX } from "../../src/crypto/noise/mod.ts";
import { runtimeSuite } from "../../src/crypto/runtime_suite.ts";
import { systemEntropy } from "../../src/entropy.ts";

/** One primitive by one suite. */
export interface BenchRow {
  readonly suite: string;
  /** E.g. `seal 1200 bytes`. */
  readonly operation: string;
  /** Microseconds of one operation, in the best of many rounds. */
  readonly us: number;
  /** Bytes that one operation goes through, where that means something. */
  readonly bytes: number | null;
}

/** The suites that this machine has, portable first. */
export function benchedSuites(): CipherSuite[] {
  const suites: CipherSuite[] = [nobleSuite, runtimeSuite()];
  try {
    suites.push(loadNativeSuite().suite);
  } catch (error) {
    say(`no native suite: ${error instanceof Error ? error.message : error}`);
  }
  return suites;
}

/** Measures everything, each operation in `rounds` rounds of about `roundMs`. */
export function cryptoBench(
  suites: readonly CipherSuite[] = benchedSuites(),
  { rounds = 100, roundMs = 2 } = {},
): BenchRow[] {
  return suites.flatMap((suite) =>
    operationsOf(suite).map(({ operation, bytes, run }) => ({
      suite: suite.name,
      operation,
      us: bestUs(run, rounds, roundMs),
      bytes,
    }))
  );
}

/** The rows as a table: an operation per line, a suite per column, and the last column against the first. */
export function benchTable(rows: readonly BenchRow[]): string {
  const suites = [...new Set(rows.map((row) => row.suite))];
  const operations = [...new Set(rows.map((row) => row.operation))];
  const lines = operations.map((operation) => {
    const cells = suites.map((suite) =>
      rows.find((row) => row.suite === suite && row.operation === operation)
    );
    const [first, last] = [cells[0], cells.at(-1)];
    const ratio = first && last ? `${(first.us / last.us).toFixed(1)}x` : "";
    return [operation, ...cells.map((cell) => cell === undefined ? "-" : cellText(cell)), ratio];
  });
  const table = [["us per operation", ...suites, "gain"], ...lines];
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  return table.map((line) =>
    line.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join(
      "  ",
    )
  ).join("\n");
}

function cellText({ us, bytes }: BenchRow): string {
  const rate = bytes === null ? "" : ` (${(bytes / us).toFixed(0)} MB/s)`;
  return `${us.toPrecision(3)}${rate}`;
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
    ...[64, 1_200, 262_144].map((length) => {
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
function bestUs(run: (count: number) => unknown, rounds: number, roundMs: number): number {
  let batch = 1;
  let counter = 0;
  const timed = (): number => {
    const start = performance.now();
    for (let i = 0; i < batch; i++) run(counter++);
    return performance.now() - start;
  };
  while (timed() < roundMs) batch *= 2;
  let best = Infinity;
  for (let round = 0; round < rounds; round++) best = Math.min(best, timed());
  return best / batch * 1_000;
}

/** Through Deno.stderr, because the rows go to stdout. */
function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

const HEADER_LENGTH = 16;
/** The datagram sizes of the wire: the smallest, an Ethernet's, a jumbo frame's. */
const PACKET_LENGTHS = [1_200, 1_452, 8_952];

if (import.meta.main) {
  const rows = cryptoBench();
  const text = Deno.args.includes("--json") ? JSON.stringify(rows) : benchTable(rows);
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
