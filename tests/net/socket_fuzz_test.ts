/**
 * Kills and reopens sockets under traffic. What must hold: no crash, no descriptor left over or used after its end, no
 * promise that never settles, and whatever arrives is what was sent.
 *
 * WRAITH_FUZZ_RUNS sets how many runs; a failure prints the seed of its run.
 */

import assert from "node:assert/strict";
import { seededPrng } from "../../src/entropy.ts";
import type { DatagramSocket } from "../../src/net/datagram_socket.ts";
import { openDenoSocket } from "../../src/net/deno_socket.ts";
import type { Libc } from "../../src/net/linux_ffi.ts";
import { openLinuxSocket } from "../../src/net/linux_socket.ts";
import { probeNativeSockets } from "../../src/net/open_socket.ts";
import { bounded, type OpenSocket } from "./socket_conformance.ts";

/**
 * The C library with a list of the descriptors it gave out: each is closed once, and none is used afterwards,
 * when its number may belong to someone else. (Test files share a process, so /proc/self/fd would not tell.)
 */
class TrackedLibc {
  readonly calls: Libc;
  readonly #open = new Set<number>();

  constructor(real: Libc) {
    const check = (fd: number) => assert(this.#open.has(fd), `descriptor ${fd} is not open`);
    this.calls = {
      ...real,
      socket: (domain, type, protocol) => {
        const fd = real.socket(domain, type, protocol);
        if (fd >= 0) this.#open.add(fd);
        return fd;
      },
      close: (fd) => {
        check(fd);
        this.#open.delete(fd);
        return real.close(fd);
      },
      sendmsg: (fd, ...rest) => (check(fd), real.sendmsg(fd, ...rest)),
      sendmmsg: (fd, ...rest) => (check(fd), real.sendmmsg(fd, ...rest)),
      recvmmsg: (fd, ...rest) => (check(fd), real.recvmmsg(fd, ...rest)),
      shutdown: (fd, how) => (check(fd), real.shutdown(fd, how)),
      recvBlocking: async (fd, ...rest) => {
        check(fd);
        const result = await real.recvBlocking(fd, ...rest);
        check(fd);
        return result;
      },
    };
  }

  get openCount(): number {
    return this.#open.size;
  }
}

const native = await probeNativeSockets();
const runs = Number(Deno.env.get("WRAITH_FUZZ_RUNS") ?? 150);

// What the portable sockets leave open, Deno's own resource check finds.
fuzz("Portable", openDenoSocket, () => 0);
if ("libc" in native) {
  const tracked = new TrackedLibc(native.libc);
  fuzz("Native", (options) => openLinuxSocket(options, tracked.calls), () => tracked.openCount);
}

function fuzz(name: string, open: OpenSocket, leftOpen: () => number): void {
  Deno.test(`${name} sockets survive ${runs} runs of being killed and reopened under traffic`, async () => {
    for (let seed = 1; seed <= runs; seed++) {
      try {
        await bounded(new Run(open, seed).play(), "the end of the run");
        assert.equal(leftOpen(), 0, "descriptors were left open");
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}

/** One seeded run: a few sockets, each with a loop that reads, and a list of random deeds. */
class Run {
  readonly #open: OpenSocket;
  readonly #random: () => number;
  readonly #sockets: DatagramSocket[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #sends: Promise<void>[] = [];

  constructor(open: OpenSocket, seed: number) {
    this.#open = open;
    const prng = seededPrng(seed);
    this.#random = () => prng.next();
  }

  async play(): Promise<void> {
    const hostname = this.#random() < 0.5 ? "127.0.0.1" : "::1";
    try {
      for (let i = 0; i < 3; i++) this.#start(hostname, 0);
      const deeds = 5 + this.#below(30);
      for (let i = 0; i < deeds; i++) await this.#deed(hostname);
    } finally {
      for (const socket of this.#sockets) socket.close();
    }
    await Promise.all(this.#loops);
    await Promise.all(this.#sends);
    for (const socket of this.#sockets) assert.equal(await socket.receive(), null);
  }

  async #deed(hostname: string): Promise<void> {
    const dice = this.#random();
    const socket = this.#any();
    if (dice < 0.15) {
      socket.close();
      if (this.#random() < 0.3) socket.close();
    } else if (dice < 0.3) {
      const { port } = socket.localAddress;
      socket.close();
      // A receive that sleeps on another thread may hold the port for a moment: bound to it or not, both are fine.
      try {
        this.#start(hostname, port);
      } catch {
        this.#start(hostname, 0);
      }
    } else if (dice < 0.4) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    } else {
      this.#send(socket, this.#any());
    }
  }

  #send(from: DatagramSocket, to: DatagramSocket): void {
    const segmentBytes = 1 + this.#below(1500);
    const length = 1 + this.#below(segmentBytes * 20);
    const seed = this.#below(256);
    const run = new Uint8Array(length + 100);
    // Every datagram is all of one value, which its first byte tells: a mixture shows.
    for (let i = 0; i < length; i++) run[100 + i] = (seed + Math.floor(i / segmentBytes)) & 0xff;
    const sending = from.send(to.localAddress, run, 100, length, segmentBytes);
    if (sending !== null) this.#sends.push(sending);
  }

  #start(hostname: string, port: number): void {
    const socket = this.#open({ hostname, port });
    this.#sockets.push(socket);
    this.#loops.push(this.#read(socket));
  }

  async #read(socket: DatagramSocket): Promise<void> {
    for (let batch = await socket.receive(); batch !== null; batch = await socket.receive()) {
      for (let i = 0; i < batch.count; i++) {
        const start = batch.offsets[i];
        const datagram = batch.slab.subarray(start, start + batch.lengths[i]);
        assert(datagram.every((byte) => byte === datagram[0]), "a datagram holds parts of two");
        datagram.fill(0);
      }
    }
  }

  #any(): DatagramSocket {
    return this.#sockets[this.#below(this.#sockets.length)];
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
