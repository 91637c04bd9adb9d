/**
 * Shows that a socket implementation works on this machine before anything relies on it.
 *
 * @module
 */

import type { DatagramSocket, SocketOptions } from "./datagram_socket.ts";

/**
 * Sends runs from one fresh loopback socket to another and compares what arrives: boundaries, order, bytes and
 * sender. Then closes a socket that waits.
 *
 * @throws {Error} with one line saying what went wrong.
 */
export async function proveSocket(open: (options: SocketOptions) => DatagramSocket): Promise<void> {
  const sender = open({ hostname: "127.0.0.1", port: 0 });
  let receiver: DatagramSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    receiver = open({ hostname: "127.0.0.1", port: 0 });
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("self-test: datagrams do not arrive")), LIMIT_MS);
    });
    await Promise.race([late, exchange(sender, receiver)]);
    const waiting = receiver.receive();
    await new Promise((resolve) => setTimeout(resolve, 0));
    receiver.close();
    if (await Promise.race([late, waiting]) !== null) {
      throw new Error("self-test: close does not end a receive");
    }
  } finally {
    clearTimeout(timer);
    sender.close();
    receiver?.close();
  }
}

async function exchange(sender: DatagramSocket, receiver: DatagramSocket): Promise<void> {
  for (const { total, segment } of RUNS) {
    const run = Uint8Array.from({ length: total }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
    const sending = sender.send(receiver.localAddress, run, 0, total, segment);
    if (sending !== null) await sending;
    await expectRun(receiver, sender.localAddress.text, run, segment);
  }
}

async function expectRun(
  receiver: DatagramSocket,
  from: string,
  run: Uint8Array,
  segmentBytes: number,
): Promise<void> {
  let offset = 0;
  while (offset < run.length) {
    const batch = await receiver.receive();
    if (batch === null) throw new Error("self-test: the socket closed by itself");
    for (let i = 0; i < batch.count; i++) {
      // Loopback datagrams of other programs may stray in.
      if (batch.sources[i].text !== from) continue;
      const length = Math.min(segmentBytes, run.length - offset);
      const start = batch.offsets[i];
      const isEqual = batch.lengths[i] === length &&
        batch.slab.subarray(start, start + length).every((byte, k) => byte === run[offset + k]);
      if (!isEqual) throw new Error("self-test: a datagram arrived changed or out of order");
      offset += length;
    }
  }
}

/** One datagram, a whole run, and a run with an odd end. */
const RUNS = [
  { total: 1200, segment: 1200 },
  { total: 45 * 1452, segment: 1452 },
  { total: 10 * 1200 + 7, segment: 1200 },
];
const LIMIT_MS = 1000;
