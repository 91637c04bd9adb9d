/**
 * The ends of the section `cores`, as processes: `cores_peer.ts serve THREADS HASH` and
 * `cores_peer.ts send PORT HASH MIB`. Each says at its end what CPU time it took: all threads, then the main one.
 *
 * @module
 */

import { createHash } from "node:crypto";
import process from "node:process";
import type { AeadKey } from "../../src/crypto/cipher_suite.ts";
import { loadNativeSuite } from "../../src/crypto/native_suite.ts";
import { type Address, makeAddress } from "../../src/net/address.ts";
import type { DatagramSocket } from "../../src/net/datagram_socket.ts";
import { openSocket } from "../../src/net/open_socket.ts";
import { sayLine } from "./line_child.ts";

/** Where chunks are hashed: nowhere, on the thread that receives, or on the runtime's pool. */
export type HashPlace = "none" | "main" | "pool";

const PACKET_BYTES = 1452;
const HEADER_BYTES = 16;
const PAYLOAD_BYTES = PACKET_BYTES - HEADER_BYTES - 16;
const CHUNK_BYTES = 256 * 1024;
const WINDOW_PACKETS = 1024;
const HASHES_IN_FLIGHT = 8;

/** Hashes a stream of payloads in chunks, here or on the runtime's thread pool. */
class ChunkHasher {
  readonly #place: HashPlace;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #filled = 0;
  readonly #underWay = new Set<Promise<void>>();

  constructor(place: HashPlace) {
    this.#place = place;
  }

  /** Takes a payload; a promise where the caller has to wait for the pool. */
  add(payload: Uint8Array): Promise<void> | null {
    if (this.#place === "none") return null;
    const head = payload.subarray(0, CHUNK_BYTES - this.#filled);
    this.#chunk.set(head, this.#filled);
    this.#filled += head.length;
    if (this.#filled < CHUNK_BYTES) return null;
    this.#digest();
    this.#chunk.set(payload.subarray(head.length));
    this.#filled = payload.length - head.length;
    return this.#underWay.size < HASHES_IN_FLIGHT ? null : Promise.race(this.#underWay);
  }

  #digest(): void {
    if (this.#place === "main") {
      createHash("sha256").update(this.#chunk).digest();
      return;
    }
    const digesting: Promise<void> = crypto.subtle.digest("SHA-256", this.#chunk).then(() => {
      this.#underWay.delete(digesting);
    });
    // Web Crypto takes its copy before it returns, so the chunk is free again.
    this.#underWay.add(digesting);
  }
}

async function send(port: number, hash: HashPlace, mebibytes: number): Promise<void> {
  const socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, "native");
  const to = makeAddress("127.0.0.1", port);
  const total = Math.ceil(mebibytes * 1_048_576 / PAYLOAD_BYTES);
  const key = newKey();
  const hasher = new ChunkHasher(hash);
  const perRun = Math.min(socket.maxRunSegments, Math.floor(socket.maxRunBytes / PACKET_BYTES));
  const run = new Uint8Array(perRun * PACKET_BYTES);
  const view = new DataView(run.buffer);
  const before = cpuSeconds();
  let arrived = 0, givenUp = 0, sent = 0;
  let onAck = () => {};
  const acks = followAcks(socket, (count) => {
    arrived = count;
    onAck();
  });
  while (arrived < total) {
    while (arrived < total && sent - arrived - givenUp + perRun > WINDOW_PACKETS) {
      const isLost = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(true), 50);
        onAck = () => {
          clearTimeout(timer);
          resolve(false);
        };
      });
      if (isLost) givenUp = sent - arrived;
    }
    for (let i = 0; i < perRun; i++, sent++) {
      const start = i * PACKET_BYTES;
      const payload = run.subarray(start + HEADER_BYTES, start + HEADER_BYTES + PAYLOAD_BYTES);
      const hashing = hasher.add(payload);
      if (hashing !== null) await hashing;
      view.setUint32(start + 12, sent);
      key.seal(sent, run, start, HEADER_BYTES, PAYLOAD_BYTES);
    }
    const sending = socket.send(to, run, 0, run.length, PACKET_BYTES);
    if (sending !== null) await sending;
  }
  sayLine(`cpu ${cpuSeconds() - before} 0`);
  socket.close();
  await acks;
}

async function followAcks(socket: DatagramSocket, onCount: (count: number) => void): Promise<void> {
  for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
    onCount(new DataView(batch.slab.buffer).getUint32(batch.offsets[batch.count - 1]));
  }
}

/** Opens and hashes what any number of senders send, and tells each how many of its packets arrived. */
async function receive(socket: DatagramSocket, hash: HashPlace): Promise<void> {
  const sessions = new Map<Address, { key: AeadKey; hasher: ChunkHasher; arrived: number }>();
  const ack = new Uint8Array(4);
  for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
    const { slab, offsets, lengths, sources } = batch;
    const view = new DataView(slab.buffer);
    const count = batch.count;
    for (let i = 0; i < count; i++) {
      let session = sessions.get(sources[i]);
      if (session === undefined) {
        sessions.set(sources[i], session = { key: newKey(), hasher: new ChunkHasher(hash), arrived: 0 });
      }
      const start = offsets[i];
      const number = view.getUint32(start + 12);
      if (session.key.open(number, slab, start, HEADER_BYTES, lengths[i] - HEADER_BYTES) < 0) {
        throw new Error(`packet ${number} does not open`);
      }
      const hashing = session.hasher.add(
        slab.subarray(start + HEADER_BYTES, start + HEADER_BYTES + PAYLOAD_BYTES),
      );
      if (hashing !== null) await hashing;
      session.arrived++;
      if (i + 1 < count && sources[i + 1] === sources[i]) continue;
      new DataView(ack.buffer).setUint32(0, session.arrived);
      const sending = socket.send(sources[i], ack, 0, 4, 4);
      if (sending !== null) await sending;
    }
  }
}

function newKey(): AeadKey {
  return loadNativeSuite().suite.aead(new Uint8Array(32).fill(7));
}

/** The receiving process: one socket here, or one in each of two workers. Prints the ports. */
async function serve(threads: number, hash: HashPlace): Promise<void> {
  const workers: Worker[] = [];
  const ports: number[] = [];
  let socket: DatagramSocket | null = null;
  if (threads === 1) {
    socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, "native");
    ports.push(socket.localAddress.port);
    receive(socket, hash);
  }
  for (let i = 0; threads > 1 && i < threads; i++) {
    const worker = new Worker(import.meta.url, { type: "module" });
    workers.push(worker);
    worker.postMessage(hash);
    ports.push(await new Promise<number>((resolve) => worker.onmessage = (event) => resolve(event.data)));
  }
  const before = [cpuSeconds(), mainThreadSeconds()];
  sayLine(ports.join(","));
  // The first line asks for the figures.
  for await (const _ of Deno.stdin.readable) break;
  sayLine(`cpu ${cpuSeconds() - before[0]} ${mainThreadSeconds() - before[1]}`);
  socket?.close();
  Deno.exit(0);
}

function serveAsWorker(): void {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent) => void;
    postMessage(port: number): void;
  };
  scope.onmessage = async (event) => {
    const socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, "native");
    scope.postMessage(socket.localAddress.port);
    await receive(socket, event.data);
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Linux only, like the native socket: nanoseconds on a processor come first. */
function mainThreadSeconds(): number {
  return Number(Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/schedstat`).split(" ")[0]) / 1e9;
}

if ("WorkerGlobalScope" in self) {
  serveAsWorker();
} else if (import.meta.main) {
  const [role, number, hash, mebibytes] = Deno.args;
  if (role === "serve") await serve(Number(number), hash as HashPlace);
  else await send(Number(number), hash as HashPlace, Number(mebibytes));
  Deno.exit(0);
}
