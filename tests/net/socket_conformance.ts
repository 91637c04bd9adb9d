/**
 * What every DatagramSocket must do, whichever system call is behind it. Real sockets on loopback, port 0.
 */

import assert from "node:assert/strict";
import type { Address } from "../../src/net/address.ts";
import { addressOfBytes, makeAddress } from "../../src/net/address.ts";
import { SocketError } from "../../src/net/bind_error.ts";
import type { DatagramSocket, SocketOptions } from "../../src/net/datagram_socket.ts";

export type OpenSocket = (options: SocketOptions) => DatagramSocket;

/** A datagram copied out of a batch. */
interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Address;
}

/** Registers the suite for one implementation. */
export function testDatagramSocket(name: string, open: OpenSocket): void {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const test = (what: string, run: (pair: SocketPair) => Promise<void>) =>
      Deno.test(`${name} on ${hostname}: ${what}`, async () => {
        const pair = new SocketPair(open, hostname);
        try {
          await run(pair);
        } finally {
          pair.close();
        }
      });

    test("a datagram arrives whole, with its sender's address", async (pair) => {
      const sent = pattern(1200, 1);
      await pair.send(sent, 1200);
      const [datagram] = await pair.take(1);
      assert.deepEqual(datagram.bytes, sent);
      assert.equal(datagram.from.text, pair.sender.localAddress.text);
    });

    test("both directions work at once", async (pair) => {
      await pair.send(pattern(100, 1), 100);
      await settled(pair.receiver.send(pair.sender.localAddress, pattern(200, 2), 0, 200, 200));
      assert.deepEqual((await take(pair.receiver, 1))[0].bytes, pattern(100, 1));
      assert.deepEqual((await take(pair.sender, 1))[0].bytes, pattern(200, 2));
    });

    for (const [total, segment] of [[12_000, 1200], [12_001, 1200], [11_999, 1200], [46_464, 1452], [3, 1]]) {
      test(`a run of ${total} bytes cut every ${segment} arrives in those pieces, in order`, async (pair) => {
        const sent = pattern(total, 3);
        await pair.send(sent, segment);
        const got = await pair.take(Math.ceil(total / segment));
        got.forEach((datagram, i) =>
          assert.deepEqual(datagram.bytes, sent.subarray(i * segment, (i + 1) * segment))
        );
      });
    }

    test("a run starts at its offset", async (pair) => {
      const slab = pattern(5000, 4);
      await settled(pair.sender.send(pair.receiver.localAddress, slab, 1000, 3000, 1200));
      const got = await pair.take(3);
      assert.deepEqual(got.map((datagram) => datagram.bytes.length), [1200, 1200, 600]);
      assert.deepEqual(got[2].bytes, slab.subarray(3400, 4000));
    });

    test("an empty datagram is a datagram", async (pair) => {
      await pair.send(new Uint8Array(0), 1200);
      await pair.send(pattern(1, 5), 1200);
      const got = await pair.take(2);
      assert.deepEqual(got.map((datagram) => datagram.bytes.length), [0, 1]);
    });

    test("the largest datagram passes and a larger one is a counted failure", async (pair) => {
      // Loopback's MTU is 65,536: IPv6 leaves less of it, and a socket that never fragments keeps to that.
      const largest = hostname === "::1" ? 65_488 : 65_507;
      await pair.send(pattern(largest, 6), largest);
      assert.deepEqual((await pair.take(1))[0].bytes, pattern(largest, 6));
      await pair.send(pattern(65_530, 7), 65_530);
      assert.equal(pair.sender.stats.sendFailures, 1);
      await pair.send(pattern(10, 8), 10);
      assert.equal((await pair.take(1))[0].bytes.length, 10);
    });

    test("hundreds of datagrams keep their order", async (pair) => {
      // In bursts that fit the kernel's default receive buffer.
      for (let burst = 0; burst < 4; burst++) {
        for (let i = 0; i < 10; i++) {
          const run = pattern(10 * 100, 9);
          for (let k = 0; k < 10; k++) new DataView(run.buffer).setUint32(k * 100, i * 10 + k);
          await pair.send(run, 100);
        }
        const numbers = (await pair.take(100)).map(({ bytes }) => new DataView(bytes.buffer).getUint32(0));
        assert.deepEqual(numbers, Array.from({ length: 100 }, (_, i) => i));
      }
    });

    test("datagrams of different sizes in one burst keep their boundaries", async (pair) => {
      const sizes = [1, 1200, 1452, 9000, 2, 0, 1200, 1200, 700, 33];
      for (const size of sizes) await pair.send(pattern(size, size), Math.max(size, 1));
      const got = await pair.take(sizes.length);
      got.forEach((datagram, i) => assert.deepEqual(datagram.bytes, pattern(sizes[i], sizes[i])));
    });

    test("the same sender is the same object", async (pair) => {
      await pair.send(pattern(10, 1), 10);
      const [first] = await pair.take(1);
      await pair.send(pattern(10, 1), 10);
      const [second] = await pair.take(1);
      assert.equal(first.from, second.from);
    });

    test("an address that nobody interned will do as a destination", async (pair) => {
      const { hostname, port } = pair.receiver.localAddress;
      await settled(pair.sender.send(makeAddress(hostname, port), pattern(10, 1), 0, 10, 10));
      assert.equal((await pair.take(1)).length, 1);
    });

    test("the receiver may overwrite what it was lent", async (pair) => {
      await pair.send(pattern(3000, 1), 1000);
      const batch = await bounded(pair.receiver.receive(), "a batch");
      assert(batch !== null);
      batch.slab.fill(0xee, batch.offsets[0], batch.offsets[0] + batch.lengths[0]);
      const seen = batch.count;
      await pair.send(pattern(500, 2), 500);
      const rest = await pair.take(4 - seen);
      assert.deepEqual(rest.at(-1)!.bytes, pattern(500, 2));
    });

    test("nobody listening does not disturb the socket", async (pair) => {
      const gone = open({ hostname, port: 0 });
      const nowhere = gone.localAddress;
      gone.close();
      for (let i = 0; i < 20; i++) {
        await settled(pair.receiver.send(nowhere, pattern(100, 1), 0, 100, 100));
      }
      await pair.send(pattern(50, 1), 50);
      assert.equal((await pair.take(1))[0].bytes.length, 50);
    });

    test("counts what passed", async (pair) => {
      await pair.send(pattern(2500, 1), 1000);
      await pair.take(3);
      assert.equal(pair.sender.stats.datagramsSent, 3);
      assert.equal(pair.sender.stats.bytesSent, 2500);
      assert.equal(pair.receiver.stats.datagramsReceived, 3);
      assert.equal(pair.receiver.stats.bytesReceived, 2500);
      assert(pair.receiver.stats.receiveCalls >= 1 && pair.sender.stats.sendCalls >= 1);
    });

    test("close ends a pending receive and every later one, and may be repeated", async (pair) => {
      const pending = pair.receiver.receive();
      // Let the wait begin before it is ended.
      await new Promise((resolve) => setTimeout(resolve, 0));
      pair.receiver.close();
      assert.equal(await bounded(pending, "the pending receive"), null);
      assert.equal(await bounded(pair.receiver.receive(), "a receive after close"), null);
      pair.receiver.close();
      assert.equal(pair.receiver.send(pair.sender.localAddress, pattern(10, 1), 0, 10, 10), null);
    });

    test("close in the turn that started a receive ends it", async (pair) => {
      const pending = pair.receiver.receive();
      pair.receiver.close();
      assert.equal(await bounded(pending, "the pending receive"), null);
    });

    test("a busy port is one line that names it and says what to do", (pair) => {
      const { port, text } = pair.receiver.localAddress;
      assert.throws(() => open({ hostname, port }), (error: unknown) => {
        assert(error instanceof SocketError);
        assert.equal(error.code, "in_use");
        assert(error.message.includes(text) && error.message.includes("network.listen"), error.message);
        assert(!error.message.includes("\n"));
        return true;
      });
      return Promise.resolve();
    });

    test("a closed socket's port is free again at once", (pair) => {
      const { port } = pair.receiver.localAddress;
      pair.receiver.close();
      open({ hostname, port }).close();
      return Promise.resolve();
    });
  }

  Deno.test(`${name}: an address this machine does not have is refused in one line`, () => {
    // TEST-NET-1 (RFC 5737) is nobody's address.
    assert.throws(() => open({ hostname: "192.0.2.1", port: 0 }), (error: unknown) => {
      assert(error instanceof SocketError);
      assert.equal(error.code, "not_available");
      assert(error.message.includes("192.0.2.1:0"), error.message);
      return true;
    });
  });

  Deno.test(`${name}: a dual-stack socket reports and reaches IPv4 peers as IPv4`, async () => {
    const dual = open({ hostname: "::", port: 0 });
    const plain = open({ hostname: "127.0.0.1", port: 0 });
    try {
      const dualAddress = addressOfBytes(new Uint8Array([127, 0, 0, 1]), dual.localAddress.port);
      await settled(plain.send(dualAddress, pattern(10, 1), 0, 10, 10));
      const [{ from }] = await take(dual, 1);
      assert.equal(from.text, plain.localAddress.text);
      assert.equal(from.family, 4);
      await settled(dual.send(from, pattern(2500, 2), 0, 2500, 1000));
      const got = await take(plain, 3);
      assert.equal(got[0].from.text, dualAddress.text);
    } finally {
      dual.close();
      plain.close();
    }
  });

  Deno.test(`${name}: an IPv6 destination on an IPv4 socket is a counted failure`, async () => {
    const socket = open({ hostname: "127.0.0.1", port: 0 });
    try {
      await settled(socket.send(makeAddress("::1", 9), pattern(10, 1), 0, 10, 10));
      assert.equal(socket.stats.sendFailures, 1);
    } finally {
      socket.close();
    }
  });

  Deno.test(`${name}: timers stay prompt while datagrams keep coming`, async () => {
    const socket = open({ hostname: "127.0.0.1", port: 0 });
    try {
      // The socket feeds itself: there is always a datagram waiting, so receive never has to wait.
      const sendOne = () => settled(socket.send(socket.localAddress, pattern(100, 1), 0, 100, 100));
      for (let i = 0; i < 8; i++) await sendOne();
      let fired = false;
      const timer = setTimeout(() => fired = true, 1);
      let rounds = 0;
      while (!fired && rounds++ < 200_000) {
        const batch = await bounded(socket.receive(), "a batch");
        for (let i = 0; i < batch!.count; i++) await sendOne();
      }
      clearTimeout(timer);
      assert(fired, `the timer did not fire within ${rounds} batches`);
    } finally {
      socket.close();
    }
  });
}

/** Two sockets of one implementation that know each other. */
class SocketPair {
  readonly sender: DatagramSocket;
  readonly receiver: DatagramSocket;

  constructor(open: OpenSocket, hostname: string) {
    this.sender = open({ hostname, port: 0 });
    this.receiver = open({ hostname, port: 0 });
  }

  /** Sends a run of a private copy of `bytes`. */
  async send(bytes: Uint8Array, segmentBytes: number): Promise<void> {
    await settled(
      this.sender.send(this.receiver.localAddress, bytes.slice(), 0, bytes.length, segmentBytes),
    );
  }

  take(count: number): Promise<Datagram[]> {
    return take(this.receiver, count);
  }

  close(): void {
    this.sender.close();
    this.receiver.close();
  }
}

/** Receives until `count` datagrams are there, copied. */
export async function take(socket: DatagramSocket, count: number): Promise<Datagram[]> {
  const datagrams: Datagram[] = [];
  while (datagrams.length < count) {
    const batch = await bounded(socket.receive(), `datagram ${datagrams.length + 1} of ${count}`);
    assert(batch !== null, "the socket closed");
    assert(batch.count >= 1);
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i];
      datagrams.push({
        bytes: batch.slab.slice(start, start + batch.lengths[i]),
        from: batch.sources[i],
      });
    }
  }
  assert.equal(datagrams.length, count, "more datagrams than were sent");
  return datagrams;
}

/** Awaits a send, whichever way it answered. */
export async function settled(sending: Promise<void> | null): Promise<void> {
  if (sending !== null) await sending;
}

/** Fails with a sentence instead of hanging. */
export async function bounded<T>(promise: Promise<T>, what: string, limitMs = 10_000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Bytes that tell position and `seed` apart. */
export function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) + seed * 17) & 0xff);
}
