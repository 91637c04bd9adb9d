/**
 * What a pair of sockets carries: one sends within a window, the other counts and says how many came.
 *
 * @module
 */

import type { Address } from "../../net/address.ts";
import type { DatagramSocket } from "../../net/datagram_socket.ts";

/** What arrived in which time. */
export interface Throughput {
  readonly arrived: number;
  readonly lost: number;
  readonly seconds: number;
}

/** Sends datagrams of `packetBytes` to a socket that runs {@link answerWithCounts}, for `durationMs`. */
export async function sendWithinWindow(
  socket: DatagramSocket,
  to: Address,
  packetBytes: number,
  durationMs: number,
): Promise<Throughput> {
  const run = fullRun(socket, packetBytes);
  const arrivals = new Arrivals(socket);
  const perRun = run.length / packetBytes;
  const windowBytes = socket.backend === "linux" ? NATIVE_WINDOW_BYTES : PORTABLE_WINDOW_BYTES;
  const window = Math.max(perRun, Math.floor(windowBytes / packetBytes));
  const sentBefore = socket.stats.datagramsSent;
  const began = performance.now();
  while (performance.now() - began < durationMs) {
    while (socket.stats.datagramsSent - sentBefore - arrivals.accountedFor + perRun > window) {
      await arrivals.next(socket.stats.datagramsSent - sentBefore);
    }
    const sending = socket.send(to, run, 0, run.length, packetBytes);
    if (sending !== null) await sending;
  }
  const { arrived, lost } = arrivals;
  return { arrived, lost, seconds: (performance.now() - began) / 1_000 };
}

/** Counts what comes, and tells the sender after each batch, until the socket is closed. */
export async function answerWithCounts(socket: DatagramSocket): Promise<void> {
  const answer = new Uint8Array(8);
  const view = new DataView(answer.buffer);
  for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
    view.setBigUint64(0, BigInt(socket.stats.datagramsReceived));
    const sending = socket.send(batch.sources[batch.count - 1], answer, 0, 8, 8);
    if (sending !== null) await sending;
  }
}

/** As many datagrams of `packetBytes` as one call sends. */
export function fullRun(socket: DatagramSocket, packetBytes: number): Uint8Array<ArrayBuffer> {
  const fitting = Math.floor(socket.maxRunBytes / packetBytes);
  return new Uint8Array(packetBytes * Math.max(1, Math.min(fitting, socket.maxRunSegments)));
}

/** Follows the other side's count. A window that stands still was lost: it is given up and counted. */
class Arrivals {
  arrived = 0;
  lost = 0;
  #onCount: () => void = () => {};

  constructor(socket: DatagramSocket) {
    this.#follow(socket);
  }

  get accountedFor(): number {
    return this.arrived + this.lost;
  }

  /** Waits for the next count; `sent` of ours are out. */
  async next(sent: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stoodStill = await new Promise<boolean>((resolve) => {
      this.#onCount = () => resolve(false);
      timer = setTimeout(() => resolve(true), STANDSTILL_MS);
    });
    clearTimeout(timer);
    if (stoodStill) this.lost = sent - this.arrived;
  }

  async #follow(socket: DatagramSocket): Promise<void> {
    for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
      const last = batch.offsets[batch.count - 1];
      this.arrived = Number(new DataView(batch.slab.buffer, last, 8).getBigUint64(0));
      this.#onCount();
    }
  }
}

/** Less than the kernel buffers that the native socket asks for, and than the default ones. */
const NATIVE_WINDOW_BYTES = 2 * 1_048_576;
const PORTABLE_WINDOW_BYTES = 96 * 1_024;
const STANDSTILL_MS = 50;
