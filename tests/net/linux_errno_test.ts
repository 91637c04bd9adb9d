import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { makeAddress } from "../../src/net/address.ts";
import { SocketError } from "../../src/net/bind_error.ts";
import type { DatagramSocket } from "../../src/net/datagram_socket.ts";
import * as linux from "../../src/net/linux_ffi.ts";
import type { Libc } from "../../src/net/linux_ffi.ts";
import { openLinuxSocket } from "../../src/net/linux_socket.ts";
import { probeNativeSockets } from "../../src/net/open_socket.ts";
import { bounded, pattern, settled, take } from "./socket_conformance.ts";

const native = await probeNativeSockets();

/** The real C library, except that some calls fail as a test wants. */
class FailingLibc {
  readonly calls: Libc;
  #errno: number | null = null;

  constructor(real: Libc) {
    const errno = () => {
      const forced = this.#errno;
      this.#errno = null;
      return forced ?? real.errno();
    };
    this.calls = { ...real, errno };
  }

  /** What a failing call returns. */
  fail(errno: number): -1 {
    this.#errno = errno;
    return -1;
  }
}

interface Bench {
  readonly libc: FailingLibc;
  readonly real: Libc;
  readonly notices: string[];
  readonly open: () => DatagramSocket;
}

function test(name: string, run: (bench: Bench) => Promise<void>): void {
  Deno.test({
    name: `Native socket: ${name}`,
    ignore: !("libc" in native),
    async fn() {
      if (!("libc" in native)) return;
      const libc = new FailingLibc(native.libc);
      const opened: DatagramSocket[] = [];
      const notices: string[] = [];
      const open = () => {
        const options = { hostname: "127.0.0.1", port: 0, onNotice: (line: string) => notices.push(line) };
        opened.push(openLinuxSocket(options, libc.calls));
        return opened.at(-1)!;
      };
      try {
        await run({ libc, real: native.libc, notices, open });
      } finally {
        for (const socket of opened) socket.close();
      }
    },
  });
}

test("a full send buffer is waited for, and the whole run arrives in order", async ({ libc, real, open }) => {
  const [sender, receiver] = [open(), open()];
  let refusals = 0;
  libc.calls.sendmsg = (...args) => refusals++ < 2 ? libc.fail(linux.EAGAIN) : real.sendmsg(...args);
  libc.calls.sendmmsg = (...args) => refusals++ < 2 ? libc.fail(linux.EAGAIN) : real.sendmmsg(...args);
  const run = pattern(20 * 1000 + 5, 1);
  const sending = sender.send(receiver.localAddress, run, 0, run.length, 1000);
  assert(sending !== null, "nothing to wait for");
  await bounded(sending, "the send");
  const got = await take(receiver, 21);
  got.forEach((datagram, i) => assert.deepEqual(datagram.bytes, run.subarray(i * 1000, (i + 1) * 1000)));
  assert.equal(sender.stats.sendFailures, 0);
  assert.equal(sender.stats.datagramsSent, 21);
  assert.equal(sender.stats.bytesSent, run.length);
});

test("a send while another waits goes behind it", async ({ libc, real, open }) => {
  const [sender, receiver] = [open(), open()];
  let refusals = 0;
  libc.calls.sendmsg = (...args) => refusals++ < 2 ? libc.fail(linux.EAGAIN) : real.sendmsg(...args);
  libc.calls.sendmmsg = (...args) => refusals++ < 2 ? libc.fail(linux.EAGAIN) : real.sendmmsg(...args);
  const runs = [1, 2, 3].map((seed) => pattern(5000, seed));
  const sends = runs.map((run) => sender.send(receiver.localAddress, run, 0, run.length, 1000));
  for (const sending of sends) await bounded(settled(sending), "a send");
  const got = await take(receiver, 15);
  got.forEach((datagram, i) => {
    const start = (i % 5) * 1000;
    assert.deepEqual(datagram.bytes, runs[Math.floor(i / 5)].subarray(start, start + 1000));
  });
});

test("closing while a send waits settles it and counts the rest as failed", async ({ libc, open }) => {
  const [sender, receiver] = [open(), open()];
  libc.calls.sendmsg = () => libc.fail(linux.EAGAIN);
  libc.calls.sendmmsg = () => libc.fail(linux.EAGAIN);
  const sending = sender.send(receiver.localAddress, pattern(5000, 1), 0, 5000, 1000);
  sender.close();
  await bounded(sending!, "the send");
  assert.equal(sender.stats.datagramsSent + sender.stats.sendFailures, 5);
});

for (const [name, errno] of [["EIO", linux.EIO], ["EINVAL", linux.EINVAL]] as const) {
  test(`${name} for a run switches that destination to single datagrams`, async (bench) => {
    const { libc, real, open, notices } = bench;
    const [sender, refusing, willing] = [open(), open(), open()];
    const offloaded: number[] = [];
    let toRefusing = true;
    libc.calls.sendmsg = (...args) => {
      offloaded.push(1);
      return toRefusing ? libc.fail(errno) : real.sendmsg(...args);
    };
    for (let i = 0; i < 3; i++) {
      await settled(sender.send(refusing.localAddress, pattern(5000, i), 0, 5000, 1000));
      assert.deepEqual((await take(refusing, 5))[4].bytes, pattern(5000, i).subarray(4000));
    }
    assert.equal(offloaded.length, 1, "offload was tried again after a refusal");
    toRefusing = false;
    await settled(sender.send(willing.localAddress, pattern(5000, 9), 0, 5000, 1000));
    assert.equal((await take(willing, 5)).length, 5);
    assert.equal(offloaded.length, 2, "another destination lost its offload");
    assert.equal(notices.length, 1);
    assert.equal(sender.stats.sendFailures, 0);
  });
}

for (const name of ["EPERM", "EMSGSIZE", "ENOBUFS", "ENETUNREACH"] as const) {
  test(`${name} costs the datagrams, is counted, and passes`, async ({ libc, real, open }) => {
    const [sender, receiver] = [open(), open()];
    libc.calls.sendmsg = () => libc.fail(linux[name]);
    libc.calls.sendmmsg = () => libc.fail(linux[name]);
    await settled(sender.send(receiver.localAddress, pattern(5000, 1), 0, 5000, 1000));
    assert.equal(sender.stats.sendFailures, 5);
    await settled(sender.send(receiver.localAddress, pattern(100, 1), 0, 100, 1000));
    assert.equal(sender.stats.sendFailures, 6);
    libc.calls.sendmsg = real.sendmsg;
    libc.calls.sendmmsg = real.sendmmsg;
    await settled(sender.send(receiver.localAddress, pattern(5000, 2), 0, 5000, 1000));
    assert.equal((await take(receiver, 5)).length, 5);
  });
}

for (const name of ["EINTR", "ECONNREFUSED", "EHOSTUNREACH"] as const) {
  test(`${name} is about something else: the run is sent again`, async ({ libc, real, open }) => {
    const [sender, receiver] = [open(), open()];
    let failures = 0;
    libc.calls.sendmsg = (...args) => failures++ === 0 ? libc.fail(linux[name]) : real.sendmsg(...args);
    libc.calls.sendmmsg = (...args) => failures++ === 0 ? libc.fail(linux[name]) : real.sendmmsg(...args);
    await settled(sender.send(receiver.localAddress, pattern(3000, 1), 0, 3000, 1000));
    assert.equal((await take(receiver, 3)).length, 3);
    failures = 0;
    await settled(sender.send(receiver.localAddress, pattern(30, 1), 0, 30, 1000));
    assert.equal((await take(receiver, 1)).length, 1);
    assert.equal(sender.stats.sendFailures, 0);
  });
}

test("a kernel that takes part of the messages gets the others next", async ({ libc, real, open }) => {
  const [sender, receiver] = [open(), open()];
  libc.calls.sendmsg = () => libc.fail(linux.EIO);
  libc.calls.sendmmsg = (fd, headers, count, flags) => real.sendmmsg(fd, headers, Math.min(count, 3), flags);
  const run = pattern(10_001, 1);
  await settled(sender.send(receiver.localAddress, run, 0, run.length, 1000));
  const got = await take(receiver, 11);
  got.forEach((datagram, i) => assert.deepEqual(datagram.bytes, run.subarray(i * 1000, (i + 1) * 1000)));
  assert.equal(sender.stats.bytesSent, run.length);
});

test("one refused datagram in the middle costs only itself", async ({ libc, real, open }) => {
  const [sender, receiver] = [open(), open()];
  let call = 0;
  libc.calls.sendmsg = () => libc.fail(linux.EIO);
  libc.calls.sendmmsg = (fd, headers, count, flags) =>
    ++call === 2 ? libc.fail(linux.EPERM) : real.sendmmsg(fd, headers, call === 1 ? 2 : count, flags);
  const run = pattern(5000, 1);
  await settled(sender.send(receiver.localAddress, run, 0, run.length, 1000));
  const got = await take(receiver, 4);
  assert.deepEqual(got[2].bytes, run.subarray(3000, 4000));
  assert.equal(sender.stats.sendFailures, 1);
});

test("errors kept for the socket do not end receiving", async ({ libc, real, open }) => {
  const [sender, receiver] = [open(), open()];
  let failures = 0;
  libc.calls.recvmmsg = (...args) => failures++ < 5 ? libc.fail(linux.ECONNREFUSED) : real.recvmmsg(...args);
  await settled(sender.send(receiver.localAddress, pattern(10, 1), 0, 10, 10));
  assert.equal((await take(receiver, 1)).length, 1);
});

test("runs longer than the kernel takes are handed over in parts", async ({ open }) => {
  const [sender, receiver] = [open(), open()];
  const run = pattern(200 * 1000, 1);
  await settled(sender.send(receiver.localAddress, run, 0, run.length, 1000));
  const got = await take(receiver, 200);
  got.forEach((datagram, i) => assert.deepEqual(datagram.bytes, run.subarray(i * 1000, (i + 1) * 1000)));
});

test("a run outside its slab is refused before any call", ({ libc, open }) => {
  const sender = open();
  libc.calls.sendmsg = () => assert.fail("called");
  libc.calls.sendmmsg = () => assert.fail("called");
  const slab = pattern(1000, 1);
  const to = sender.localAddress;
  for (
    const [offset, length, segment] of [[0, 1001, 10], [999, 2, 10], [-1, 5, 10], [0, -1, 10], [0, 10, 0]]
  ) {
    assert.throws(() => sender.send(to, slab, offset, length, segment), RangeError);
  }
  slab.buffer.transfer();
  assert.throws(() => sender.send(to, slab, 0, 100, 100), RangeError);
  return Promise.resolve();
});

test("a kernel without offload is told by a notice and used without", async ({ libc, real, open, notices }) => {
  libc.calls.setsockopt = (fd, level, option, value, length) =>
    level === linux.SOL_UDP ? libc.fail(92) : real.setsockopt(fd, level, option, value, length);
  libc.calls.sendmsg = () => assert.fail("offload was tried");
  const [sender, receiver] = [open(), open()];
  await settled(sender.send(receiver.localAddress, pattern(3000, 1), 0, 3000, 1000));
  assert.equal((await take(receiver, 3)).length, 3);
  assert(notices.length === 2 && notices[0].includes("no UDP segmentation offload"));
});

test("without the right to large buffers it asks for what it may have", ({ libc, real, open }) => {
  const asked: number[] = [];
  libc.calls.setsockopt = (fd, level, option, value, length) => {
    if (level === linux.SOL_SOCKET) asked.push(option);
    const isForce = option === linux.SO_RCVBUFFORCE || option === linux.SO_SNDBUFFORCE;
    return level === linux.SOL_SOCKET && isForce
      ? libc.fail(linux.EPERM)
      : real.setsockopt(fd, level, option, value, length);
  };
  open();
  assert.deepEqual(asked, [linux.SO_RCVBUFFORCE, linux.SO_RCVBUF, linux.SO_SNDBUFFORCE, linux.SO_SNDBUF]);
  return Promise.resolve();
});

test("a socket that cannot be finished gives its descriptor back", ({ libc, real, open }) => {
  const open_: number[] = [];
  libc.calls.socket = (...args) => {
    open_.push(real.socket(...args));
    return open_.at(-1)!;
  };
  libc.calls.close = (fd) => {
    assert.equal(open_.pop(), fd);
    return real.close(fd);
  };
  libc.calls.getsockname = () => libc.fail(linux.ENOBUFS);
  assert.throws(
    open,
    (error: unknown) => error instanceof SocketError && error.message.includes("errno 105"),
  );
  libc.calls.socket = () => libc.fail(linux.EAFNOSUPPORT);
  assert.throws(open, (error: unknown) => error instanceof SocketError && error.code === "unsupported");
  assert.deepEqual(open_, []);
  return Promise.resolve();
});

test("a port of 0 as destination is a counted failure", async ({ open }) => {
  const sender = open();
  await settled(sender.send(makeAddress("127.0.0.1", 0), pattern(3000, 1), 0, 3000, 1000));
  assert.equal(sender.stats.sendFailures, 3);
});

test("waiting for datagrams does not sleep in the way of a sender", async ({ libc, real, open }) => {
  const [sender, receiver] = [open(), open()];
  let sleeps = 0;
  libc.calls.ppoll = (...args) => {
    sleeps++;
    return real.ppoll(...args);
  };
  const waiting = sender.receive();
  for (let turn = 0; turn < 50; turn++) {
    await settled(sender.send(receiver.localAddress, pattern(100, 1), 0, 100, 100));
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
  }
  assert(sleeps <= 2, `slept ${sleeps} times in 50 turns`);
  sender.close();
  assert.equal(await bounded(waiting, "the receive"), null);
});
