/**
 * Whether other cores pay: the whole packet path without the protocol (seal, send, receive, open, SHA-256 in
 * 256 KiB chunks at both ends), with the hashing and the sessions placed on different threads.
 *
 *   deno run -A scripts/bench/cores.ts [--mib 512] [--runs 3] [--json]
 *
 * Sender and receiver are processes of their own. Prints medians.
 */

import { createHash } from "node:crypto";
import process from "node:process";
import { parseArgs } from "node:util";
import { loadNativeSuite } from "../../src/crypto/native_suite.ts";
import type { AeadKey } from "../../src/crypto/cipher_suite.ts";
import { type Address, makeAddress } from "../../src/net/address.ts";
import type { DatagramSocket } from "../../src/net/datagram_socket.ts";
import { openSocket } from "../../src/net/open_socket.ts";

type HashPlace = "none" | "main" | "pool";

/** One arrangement. `threads` counts the receiver's: with 2, each session has a worker and a socket. */
interface Arrangement {
  readonly sessions: 1 | 2;
  readonly threads: 1 | 2;
  readonly hash: HashPlace;
}

interface Figures {
  readonly gbitPerSecond: number;
  /** Both ends together, all threads. */
  readonly cpuSecondsPerGigabyte: number;
  /** The receiving process's main thread alone: what bounds a node whose peer is another machine. */
  readonly mainThreadSecondsPerGigabyte: number;
}

const { values } = parseArgs({
  options: {
    mib: { type: "string", default: "512" },
    runs: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
    role: { type: "string" },
    port: { type: "string" },
    threads: { type: "string", default: "1" },
    hash: { type: "string", default: "none" },
  },
});

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

async function send(port: number, hash: HashPlace): Promise<void> {
  const socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, "native");
  const to = makeAddress("127.0.0.1", port);
  const total = Math.ceil(Number(values.mib) * 1_048_576 / PAYLOAD_BYTES);
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
  print(`cpu ${cpuSeconds() - before} 0`);
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
  print(ports.join(","));
  for await (const _ of Deno.stdin.readable);
  print(`cpu ${cpuSeconds() - before[0]} ${mainThreadSeconds() - before[1]}`);
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

async function measure({ sessions, threads, hash }: Arrangement): Promise<Figures> {
  const server = start("serve", "--threads", String(threads), "--hash", hash);
  const reader = server.stdout.getReader();
  const ports = decode((await reader.read()).value).split(",").map(Number);
  const began = performance.now();
  const senders = Array.from(
    { length: sessions },
    (_, i) => start("send", "--hash", hash, "--port", String(ports[i % ports.length])),
  );
  const outputs = await Promise.all(senders.map(async (sender) => {
    await sender.stdin.close();
    return decode((await sender.output()).stdout);
  }));
  const seconds = (performance.now() - began) / 1000;
  await server.stdin.close();
  outputs.push(decode((await reader.read()).value));
  await server.status;
  const [cpu, mainThread] = [1, 2].map((field) =>
    outputs.reduce((sum, line) => sum + Number(line.split(" ")[field]), 0)
  );
  const bytes = sessions * Number(values.mib) * 1_048_576;
  return {
    gbitPerSecond: bytes * 8 / seconds / 1e9,
    cpuSecondsPerGigabyte: cpu / (bytes / 1e9),
    mainThreadSecondsPerGigabyte: mainThread / (bytes / 1e9),
  };
}

function start(role: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, "--role", role, "--mib", values.mib, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
}

async function measureAll(): Promise<void> {
  const arrangements: Arrangement[] = [
    { sessions: 1, threads: 1, hash: "none" },
    { sessions: 1, threads: 1, hash: "main" },
    { sessions: 1, threads: 1, hash: "pool" },
    { sessions: 2, threads: 1, hash: "main" },
    { sessions: 2, threads: 1, hash: "pool" },
    { sessions: 2, threads: 2, hash: "main" },
  ];
  if (!values.json) print(row(["sessions", "threads", "hash", "Gbit/s", "CPU s/GB", "main thread s/GB"]));
  for (const arrangement of arrangements) {
    const runs: Figures[] = [];
    for (let i = 0; i < Number(values.runs); i++) runs.push(await measure(arrangement));
    const figures: Figures = {
      gbitPerSecond: median(runs.map((run) => run.gbitPerSecond)),
      cpuSecondsPerGigabyte: median(runs.map((run) => run.cpuSecondsPerGigabyte)),
      mainThreadSecondsPerGigabyte: median(runs.map((run) => run.mainThreadSecondsPerGigabyte)),
    };
    const { sessions, threads, hash } = arrangement;
    const numbers = Object.values(figures).map((figure) => figure.toFixed(2));
    print(
      values.json
        ? JSON.stringify({ ...arrangement, ...figures })
        : row([sessions, threads, hash, ...numbers]),
    );
  }
}

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell) => String(cell).padStart(18)).join("");
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Linux only, like the native socket: nanoseconds on a processor come first. */
function mainThreadSeconds(): number {
  return Number(Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/schedstat`).split(" ")[0]) / 1e9;
}

function decode(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes).trim();
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if ("WorkerGlobalScope" in self) {
  serveAsWorker();
} else if (values.role === "serve") {
  await serve(Number(values.threads), values.hash as HashPlace);
} else if (values.role === "send") {
  await send(Number(values.port), values.hash as HashPlace);
  Deno.exit(0);
} else {
  await measureAll();
}
