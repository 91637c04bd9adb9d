/**
 * What a packet costs inside the core: two endpoints in one process hand each other their runs, without a socket.
 * Reports time per packet for both ends together, and heap bytes that a packet leaves for the collector. These
 * are read between collections, which needs `--v8-flags=--expose-gc`.
 *
 * @module
 */

import type { Instant } from "../../src/clock.ts";
import type { CipherSuite } from "../../src/crypto/cipher_suite.ts";
import { signStaticKey } from "../../src/crypto/identity_binding.ts";
import { generateKeyPair } from "../../src/crypto/key_pair.ts";
import { randomBytes, seededEntropy, seededPrng } from "../../src/entropy.ts";
import { makeAddress } from "../../src/net/address.ts";
import { measuredSuites } from "../../src/node/benchmark/primitives.ts";
import { DEFAULT_ADMISSION } from "../../src/session/admission.ts";
import type { Connection } from "../../src/session/connection.ts";
import { Endpoint } from "../../src/session/endpoint.ts";
import { DEFAULT_SESSION_SETTINGS } from "../../src/session/session_settings.ts";
import { byEffort, type Section } from "./section.ts";

/** One measurement. */
interface HotPathRow {
  readonly suite: string;
  readonly datagramBytes: number;
  readonly packets: number;
  /** Sealing, sending, opening, acknowledging: both ends. */
  readonly microsecondsPerPacket: number;
  /** Null when the heap cannot be read between collections. */
  readonly heapBytesPerPacket: number | null;
}

const CLIENT = makeAddress("127.0.0.1", 1);
const SERVER = makeAddress("127.0.0.1", 2);
const LIMITS = { maxBytes: 65_507, maxSegments: 64 };

/** Moves `packets` full packets from one endpoint to another and measures the second half of them. */
function measureHotPath(suite: CipherSuite, datagramBytes: number, packets: number): HotPathRow {
  const pair = new EndpointPair(suite, datagramBytes);
  pair.move(packets);
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  const heapBefore = Deno.memoryUsage().heapUsed;
  const startedAt = performance.now();
  const moved = pair.move(packets);
  const elapsedMs = performance.now() - startedAt;
  const heapGrowth = Deno.memoryUsage().heapUsed - heapBefore;
  return {
    suite: suite.name,
    datagramBytes,
    packets: moved,
    microsecondsPerPacket: (elapsedMs * 1_000) / moved,
    // A collection in between makes the growth negative: then it says nothing.
    heapBytesPerPacket: collect === undefined || heapGrowth < 0 ? null : heapGrowth / moved,
  };
}

class EndpointPair {
  readonly #client: Endpoint;
  readonly #server: Endpoint;
  readonly #connection: Connection;
  readonly #stream: NonNullable<ReturnType<Connection["openStream"]>>;
  readonly #slab = new Uint8Array(65_536);
  readonly #chunk = new Uint8Array(65_536);
  #now = 1_000 as Instant;
  #serverConnection: Connection | null = null;

  constructor(suite: CipherSuite, datagramBytes: number) {
    this.#client = makeEndpoint(suite, 1, datagramBytes);
    this.#server = makeEndpoint(suite, 2, datagramBytes);
    this.#client.connect(this.#now, SERVER, null);
    let connection: Connection | null = null;
    while (connection === null || this.#serverConnection === null) {
      this.#exchange();
      for (let event = this.#client.pollEvent(); event !== null; event = this.#client.pollEvent()) {
        if (event.kind === "connected") connection = event.connection;
      }
      this.#drainServer();
    }
    this.#connection = connection;
    const stream = connection.openStream("bulk");
    if (stream === null) throw new Error("Invariant: a fresh session allows streams");
    this.#stream = stream;
  }

  /** Sends until the client has sent `packets` more. Returns how many it was. */
  move(packets: number): number {
    const start = this.#client.stats.packetsSent;
    while (this.#client.stats.packetsSent - start < packets) {
      this.#connection.write(this.#stream, this.#chunk);
      this.#client.wake(this.#connection);
      this.#exchange();
      this.#drainServer();
      while (this.#client.pollEvent() !== null);
    }
    return this.#client.stats.packetsSent - start;
  }

  #exchange(): void {
    this.#now = (this.#now + 0.1) as Instant;
    this.#client.handleTimeout(this.#now);
    this.#carry(this.#client, this.#server, CLIENT);
    this.#server.handleTimeout(this.#now);
    this.#carry(this.#server, this.#client, SERVER);
  }

  #carry(from: Endpoint, to: Endpoint, source: typeof CLIENT): void {
    for (;;) {
      const run = from.pollTransmit(this.#now, this.#slab, LIMITS);
      if (run === null) return;
      for (let at = 0; at < run.bytes; at += run.segmentBytes) {
        to.handleDatagram(this.#now, source, this.#slab, at, Math.min(run.segmentBytes, run.bytes - at));
      }
    }
  }

  #drainServer(): void {
    for (let event = this.#server.pollEvent(); event !== null; event = this.#server.pollEvent()) {
      if (event.kind === "connected") this.#serverConnection = event.connection;
      if (event.kind !== "connection" || event.event.kind !== "stream_readable") continue;
      const { connection } = event;
      const stream = connection.stream(event.event.streamId)!;
      while (connection.read(this.#now, stream, this.#chunk) > 0);
      this.#server.wake(connection);
    }
  }
}

function makeEndpoint(suite: CipherSuite, seed: number, datagramBytes: number): Endpoint {
  const entropy = seededEntropy(seed);
  const identitySeed = randomBytes(entropy, 32);
  const staticKeys = generateKeyPair(suite, entropy);
  return new Endpoint({
    suite,
    entropy,
    prng: seededPrng(seed),
    identity: {
      identityKey: suite.ed25519PublicKey(identitySeed),
      staticKeys,
      staticKeySignature: signStaticKey(suite, identitySeed, staticKeys.publicKey),
    },
    settings: { ...DEFAULT_SESSION_SETTINGS, maxDatagramBytes: datagramBytes },
    admission: DEFAULT_ADMISSION,
    maxSessions: 10,
    emit: () => {},
  });
}

/** Section `core`. */
export const core: Section = {
  name: "core",
  about: "a packet's way through the core, without sockets",
  run(context) {
    const mebibytes = byEffort(context, { quick: 4, normal: 32, full: 128 });
    const { suites, nativeUnavailable } = measuredSuites();
    if (nativeUnavailable !== null) context.skip(`native cryptography: ${nativeUnavailable}`);
    const rows: HotPathRow[] = [];
    for (const datagramBytes of [1_200, 1_452, 8_952, 65_487]) {
      for (const suite of suites) {
        const packets = Math.ceil(mebibytes * 2 ** 20 / datagramBytes);
        rows.push(measureHotPath(suite, datagramBytes, packets));
      }
    }
    return Promise.resolve([{
      name: "packets",
      caption:
        `Framed, sealed, opened and acknowledged: both ends of a session in one process, ${mebibytes} MiB.`,
      columns: [
        { key: "datagramBytes", heading: "datagram" },
        { key: "suite", heading: "suite" },
        { key: "microsecondsPerPacket", heading: "us per packet", digits: 2 },
        { key: "gbitPerSecond", heading: "Gbit/s", digits: 2 },
        { key: "heapBytesPerPacket", heading: "heap bytes per packet", digits: 0 },
      ],
      rows: rows.map((row) => ({
        ...row,
        gbitPerSecond: row.datagramBytes * 8 / row.microsecondsPerPacket / 1_000,
      })),
    }]);
  },
};
