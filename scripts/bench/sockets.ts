/**
 * What the two socket implementations carry over loopback between two processes, in one run.
 *
 *   deno run -A scripts/bench/sockets.ts [--seconds 1.5] [--json]
 *
 * - send: runs sent as fast as one core can, to a socket that nobody reads.
 * - through: runs sent within a window, received and counted by another process.
 * - wake-up: one small datagram there and back; `work` is what the answering side computes in between.
 *
 * Prints a table, or with --json one JSON row per line.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { type Address, makeAddress } from "../../src/net/address.ts";
import type { DatagramSocket } from "../../src/net/datagram_socket.ts";
import { openSocket, type SocketBackend } from "../../src/net/open_socket.ts";

/** One measurement. Rates are per second of wall time, CPU is of the measuring process alone. */
interface Row {
  readonly bench: "send" | "through" | "wake-up";
  readonly backend: string;
  readonly packetBytes: number;
  readonly workUs?: number;
  readonly datagramsPerSecond?: number;
  readonly gbitPerSecond?: number;
  readonly lossRatio?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly cpuSecondsPerGigabyte?: number;
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "1.5" },
    rounds: { type: "string", default: "3000" },
    json: { type: "boolean", default: false },
    // Given to the second process only.
    serve: { type: "string" },
    backend: { type: "string", default: "portable" },
    work: { type: "string", default: "0" },
  },
});
const durationMs = Number(values.seconds) * 1000;
const rounds = Number(values.rounds);

async function measureAll(): Promise<void> {
  const rows: Row[] = [];
  const add = (row: Row) => {
    rows.push(row);
    if (values.json) print(JSON.stringify(row));
  };
  for (const packetBytes of [1200, 1452, 8952, 65_507]) {
    for (const backend of ["portable", "native"] as const) {
      add(await withServer("sink", backend, 0, (socket, to) => measureSend(socket, to, packetBytes)));
      add(await withServer("count", backend, 0, (socket, to) => measureThrough(socket, to, packetBytes)));
    }
  }
  for (const workUs of [0, 500]) {
    for (const backend of ["portable", "native"] as const) {
      add(await withServer("echo", backend, workUs, (socket, to) => measureWakeUp(socket, to, workUs)));
    }
  }
  if (!values.json) printTable(rows);
}

/** Runs `measure` against a second process that plays `role`. */
async function withServer<T>(
  role: string,
  backend: SocketBackend,
  workUs: number,
  measure: (socket: DatagramSocket, to: Address) => Promise<T>,
): Promise<T> {
  const args = ["--serve", role, "--backend", backend, "--work", String(workUs)];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-net", import.meta.filename!, ...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, backend);
  try {
    const { value } = await reader.read();
    return await measure(socket, makeAddress("127.0.0.1", Number(new TextDecoder().decode(value))));
  } finally {
    socket.close();
    // The server ends with its standard input.
    await child.stdin.close();
    await reader.cancel();
    await child.status;
  }
}

async function measureSend(socket: DatagramSocket, to: Address, packetBytes: number): Promise<Row> {
  const run = newRun(socket, packetBytes);
  const took = await timed(async (isOver) => {
    while (!isOver()) await sendRun(socket, to, run, packetBytes);
  });
  return { bench: "send", backend: socket.backend, packetBytes, ...rates(took, socket.stats, packetBytes) };
}

async function measureThrough(socket: DatagramSocket, to: Address, packetBytes: number): Promise<Row> {
  const run = newRun(socket, packetBytes);
  const acks = new AckReader(socket);
  const windowBytes = socket.backend === "linux" ? 2 * 1024 * 1024 : 96 * 1024;
  const windowDatagrams = Math.max(1, Math.floor(windowBytes / packetBytes));
  const perRun = run.length / packetBytes;
  const took = await timed(async (isOver) => {
    while (!isOver()) {
      while (socket.stats.datagramsSent - acks.received + perRun > Math.max(windowDatagrams, perRun)) {
        await acks.next(socket.stats.datagramsSent);
      }
      await sendRun(socket, to, run, packetBytes);
    }
  });
  const sent = socket.stats.datagramsSent;
  return {
    bench: "through",
    backend: socket.backend,
    packetBytes,
    ...rates(took, { datagramsSent: acks.arrived }, packetBytes),
    lossRatio: acks.lost / sent,
  };
}

async function measureWakeUp(socket: DatagramSocket, to: Address, workUs: number): Promise<Row> {
  const ping = new Uint8Array(100);
  const samplesUs = new Float64Array(rounds);
  for (let i = -100; i < rounds; i++) {
    const began = performance.now();
    const sending = socket.send(to, ping, 0, 100, 100);
    if (sending !== null) await sending;
    await socket.receive();
    if (i >= 0) samplesUs[i] = (performance.now() - began) * 1000 - workUs;
  }
  samplesUs.sort();
  const at = (quantile: number) => Math.round(samplesUs[Math.floor(quantile * rounds)]);
  return {
    bench: "wake-up",
    backend: socket.backend,
    packetBytes: 100,
    workUs,
    p50Us: at(0.5),
    p99Us: at(0.99),
  };
}

/** Follows the other side's count. A window that stands still for 50 ms was lost: it is given up and counted. */
class AckReader {
  /** Datagrams that arrived or were given up. */
  received = 0;
  lost = 0;
  #arrived = 0;
  #onAck: () => void = () => {};

  constructor(socket: DatagramSocket) {
    this.#read(socket);
  }

  get arrived(): number {
    return this.#arrived;
  }

  async next(sent: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const isLost = await new Promise<boolean>((resolve) => {
      this.#onAck = () => resolve(false);
      timer = setTimeout(() => resolve(true), 50);
    });
    clearTimeout(timer);
    if (isLost) {
      this.lost += sent - this.received;
      this.received = sent;
    }
  }

  async #read(socket: DatagramSocket): Promise<void> {
    for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
      const last = batch.offsets[batch.count - 1];
      this.#arrived = Number(new DataView(batch.slab.buffer, last, 8).getBigUint64(0));
      this.received = Math.max(this.received, this.#arrived + this.lost);
      this.#onAck();
    }
  }
}

/** The second process: binds, prints its port, plays its role until standard input ends. */
async function serve(role: string, backend: SocketBackend, workUs: number): Promise<void> {
  const socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, backend);
  print(String(socket.localAddress.port));
  const playing = role === "sink"
    ? Promise.resolve()
    : role === "count"
    ? count(socket)
    : echo(socket, workUs);
  for await (const _ of Deno.stdin.readable);
  socket.close();
  await playing;
}

async function count(socket: DatagramSocket): Promise<void> {
  const ack = new Uint8Array(8);
  const view = new DataView(ack.buffer);
  for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
    view.setBigUint64(0, BigInt(socket.stats.datagramsReceived));
    const sending = socket.send(batch.sources[batch.count - 1], ack, 0, 8, 8);
    if (sending !== null) await sending;
  }
}

async function echo(socket: DatagramSocket, workUs: number): Promise<void> {
  for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
    const until = performance.now() + workUs / 1000;
    while (performance.now() < until);
    const sending = socket.send(batch.sources[0], batch.slab, batch.offsets[0], batch.lengths[0], 100);
    if (sending !== null) await sending;
  }
}

function newRun(socket: DatagramSocket, packetBytes: number): Uint8Array<ArrayBuffer> {
  const fitting = Math.floor(socket.maxRunBytes / packetBytes);
  return new Uint8Array(packetBytes * Math.max(1, Math.min(fitting, socket.maxRunSegments)));
}

async function sendRun(
  socket: DatagramSocket,
  to: Address,
  run: Uint8Array<ArrayBuffer>,
  packetBytes: number,
): Promise<void> {
  const sending = socket.send(to, run, 0, run.length, packetBytes);
  if (sending !== null) await sending;
}

interface Took {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function timed(work: (isOver: () => boolean) => Promise<void>): Promise<Took> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await work(() => performance.now() - began > durationMs);
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6 };
}

function rates(took: Took, stats: { datagramsSent: number }, packetBytes: number): Partial<Row> {
  const bytes = stats.datagramsSent * packetBytes;
  return {
    datagramsPerSecond: Math.round(stats.datagramsSent / took.seconds),
    gbitPerSecond: round(bytes * 8 / took.seconds / 1e9),
    cpuSecondsPerGigabyte: round(took.cpuSeconds / (bytes / 1e9)),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function printTable(rows: readonly Row[]): void {
  const columns: (keyof Row)[] = [
    "bench",
    "backend",
    "packetBytes",
    "workUs",
    "datagramsPerSecond",
    "gbitPerSecond",
    "cpuSecondsPerGigabyte",
    "lossRatio",
    "p50Us",
    "p99Us",
  ];
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "")));
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((row) => row[i].length)));
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padStart(widths[i])).join("  ");
  print(line(columns));
  for (const row of cells) print(line(row));
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (values.serve === undefined) await measureAll();
else await serve(values.serve, values.backend as SocketBackend, Number(values.work));
