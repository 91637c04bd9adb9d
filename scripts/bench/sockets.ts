/**
 * Section `sockets`: what the two socket implementations carry over loopback between two processes.
 *
 * @module
 */

import process from "node:process";
import { type Address, makeAddress } from "../../src/net/address.ts";
import type { DatagramSocket } from "../../src/net/datagram_socket.ts";
import { openSocket, probeNativeSockets } from "../../src/net/open_socket.ts";
import { fullRun, sendWithinWindow } from "../../src/node/benchmark/socket_throughput.ts";
import { medianBy, quantile } from "../../src/node/benchmark/statistics.ts";
import { LineChild } from "./line_child.ts";
import { type BenchContext, byEffort, type Cell, type Section, type Table } from "./section.ts";

type Backend = "portable" | "native";
type Row = Readonly<Record<string, Cell>>;

export const sockets: Section = {
  name: "sockets",
  about: "datagrams through the portable and the native sockets, and how long one lies",
  async run(context) {
    const native = await probeNativeSockets();
    if ("unavailable" in native) context.skip(`native sockets: ${native.unavailable}`);
    const backends: readonly Backend[] = "libc" in native ? ["portable", "native"] : ["portable"];
    return [await throughput(context, backends), await wakeUps(context, backends)];
  },
};

async function throughput(context: BenchContext, backends: readonly Backend[]): Promise<Table> {
  const durationMs = byEffort(context, { quick: 100, normal: 500, full: 1_500 });
  const runs = context.runs ?? byEffort(context, { quick: 1, normal: 3, full: 5 });
  const rows: Row[] = [];
  for (const packetBytes of [1_200, 1_452, 8_952, 65_507]) {
    for (const backend of backends) {
      const sends: Rate[] = [], throughs: Rate[] = [];
      for (let run = 0; run < runs; run++) {
        sends.push(
          await withPeer("sink", backend, 0, (socket, to) => fill(socket, to, packetBytes, durationMs)),
        );
        throughs.push(
          await withPeer("count", backend, 0, (socket, to) => pass(socket, to, packetBytes, durationMs)),
        );
      }
      const [send, through] = [sends, throughs].map((rates) => medianBy(rates, (rate) => rate.perSecond));
      rows.push({
        packet: packetBytes,
        backend,
        sendPerSecond: send.perSecond,
        sendGbit: gbit(send, packetBytes),
        throughPerSecond: through.perSecond,
        throughGbit: gbit(through, packetBytes),
        lossPercent: 100 * through.lossRatio,
        cpuPerGigabyte: through.cpuSeconds / (through.perSecond * through.seconds * packetBytes / 1e9),
      });
    }
  }
  return {
    name: "throughput",
    caption:
      `_send_ fills a socket that nobody reads; _through_ sends within a window what another process ` +
      `counts. Medians of ${runs} runs of ${durationMs / 1_000} s; CPU is the sending process's.`,
    columns: [
      { key: "packet", heading: "datagram" },
      { key: "backend", heading: "sockets" },
      { key: "sendPerSecond", heading: "send, 1/s", digits: 0 },
      { key: "sendGbit", heading: "send, Gbit/s", digits: 2 },
      { key: "throughPerSecond", heading: "through, 1/s", digits: 0 },
      { key: "throughGbit", heading: "through, Gbit/s", digits: 2 },
      { key: "lossPercent", heading: "lost, %", digits: 2 },
      { key: "cpuPerGigabyte", heading: "CPU s/GB", digits: 2 },
    ],
    rows,
  };
}

async function wakeUps(context: BenchContext, backends: readonly Backend[]): Promise<Table> {
  const rounds = byEffort(context, { quick: 300, normal: 3_000, full: 10_000 });
  const rows: Row[] = [];
  for (const workUs of [0, 500]) {
    for (const backend of backends) {
      const times = await withPeer(
        "echo",
        backend,
        workUs,
        (socket, to) => roundTrips(socket, to, workUs, rounds),
      );
      rows.push({ work: workUs, backend, p50: quantile(times, 0.5), p99: quantile(times, 0.99) });
    }
  }
  return {
    name: "wakeups",
    caption: `A datagram of 100 bytes there and back, less what the answering side computes; ` +
      `${rounds.toLocaleString("en")} rounds.`,
    columns: [
      { key: "work", heading: "computing, us" },
      { key: "backend", heading: "sockets" },
      { key: "p50", heading: "p50, us", digits: 0 },
      { key: "p99", heading: "p99, us", digits: 0 },
    ],
    rows,
  };
}

/** Datagrams over a stretch of time; CPU is this process's. */
interface Rate {
  readonly perSecond: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly lossRatio: number;
}

/** Runs `measure` against a second process that plays `role`. */
async function withPeer<T>(
  role: "sink" | "count" | "echo",
  backend: Backend,
  workUs: number,
  measure: (socket: DatagramSocket, to: Address) => Promise<T>,
): Promise<T> {
  await using peer = await LineChild.start(import.meta.resolve("./socket_peer.ts"), [
    role,
    backend,
    `${workUs}`,
  ]);
  const socket = await openSocket({ hostname: "127.0.0.1", port: 0 }, backend);
  try {
    return await measure(socket, makeAddress("127.0.0.1", Number(peer.greeting)));
  } finally {
    socket.close();
  }
}

async function fill(
  socket: DatagramSocket,
  to: Address,
  packetBytes: number,
  durationMs: number,
): Promise<Rate> {
  const run = fullRun(socket, packetBytes);
  const cpu = process.cpuUsage();
  const began = performance.now();
  while (performance.now() - began < durationMs) {
    const sending = socket.send(to, run, 0, run.length, packetBytes);
    if (sending !== null) await sending;
  }
  return rate(socket.stats.datagramsSent, (performance.now() - began) / 1_000, cpu, 0);
}

async function pass(
  socket: DatagramSocket,
  to: Address,
  packetBytes: number,
  durationMs: number,
): Promise<Rate> {
  const cpu = process.cpuUsage();
  const { arrived, lost, seconds } = await sendWithinWindow(socket, to, packetBytes, durationMs);
  return rate(arrived, seconds, cpu, lost / (arrived + lost));
}

function rate(datagrams: number, seconds: number, cpuBefore: NodeJS.CpuUsage, lossRatio: number): Rate {
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: datagrams / seconds, seconds, cpuSeconds: (user + system) / 1e6, lossRatio };
}

function gbit({ perSecond }: Rate, packetBytes: number): number {
  return perSecond * packetBytes * 8 / 1e9;
}

async function roundTrips(
  socket: DatagramSocket,
  to: Address,
  workUs: number,
  rounds: number,
): Promise<Float64Array> {
  const ping = new Uint8Array(100);
  const times = new Float64Array(rounds);
  for (let i = -WARM_UP_ROUNDS; i < rounds; i++) {
    const began = performance.now();
    const sending = socket.send(to, ping, 0, 100, 100);
    if (sending !== null) await sending;
    await socket.receive();
    if (i >= 0) times[i] = (performance.now() - began) * 1_000 - workUs;
  }
  return times;
}

const WARM_UP_ROUNDS = 100;
