import assert from "node:assert/strict";
import { type Clock, type Instant, systemClock } from "../../../src/clock.ts";
import { type Address, parseAddress } from "../../../src/net/address.ts";
import { Capture, type CaptureOptions, type CaptureTotals } from "../../../src/node/capture/capture.ts";
import { localIp } from "../../../src/node/capture/local_ip.ts";
import { headersLength, packetEnd, writeHeaders } from "../../../src/node/capture/udp_packet.ts";
import type { DatagramTap } from "../../../src/node/driver.ts";
import type { KeySink } from "../../../src/session/key_log.ts";
import { readBlocks, readPacket, readStatistics } from "../../support/pcapng_reader.ts";

const HERE = parseAddress("192.0.2.1:41641");
const THERE = parseAddress("198.51.100.7:5000");

/** A node's socket that says what the test lets it say. */
class FakeSocket {
  tapped: DatagramTap | null = null;
  sink: KeySink | null = null;
  totals: CaptureTotals | null = null;

  capture(options: Partial<CaptureOptions> = {}): Capture {
    return new Capture({
      source: {
        localAddress: HERE,
        tap: (tap) => {
          this.tapped = tap;
          return () => this.tapped = null;
        },
        logKeys: (sink) => {
          this.sink = sink;
          return () => this.sink = null;
        },
      },
      clock: systemClock,
      application: "test",
      snapLength: 65_535,
      withKeys: false,
      onEnd: (totals) => this.totals = totals,
      ...options,
    });
  }

  carry(direction: "in" | "out", payload: Uint8Array, remote: Address = THERE): void {
    const slab = new Uint8Array(payload.length + 20);
    slab.set(payload, 20);
    this.tapped!(direction, remote, slab, 20, payload.length);
  }
}

async function fileOf(capture: Capture): Promise<Uint8Array> {
  return new Uint8Array(await new Response(capture.body).arrayBuffer());
}

/** RFC 1071 over what a receiver sums: 0 when the checksum is right. */
function residue(...parts: readonly Uint8Array[]): number {
  const all = parts.flatMap((part) => [...part]);
  let sum = 0;
  for (let i = 0; i < all.length; i += 2) sum += (all[i] << 8) + (all[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

Deno.test("A capture has both directions as UDP packets, in order, with time and interface", async () => {
  const clock: Clock = { now: () => 1_000 as Instant, epochMs: () => 1_700_000_000_123 };
  const socket = new FakeSocket();
  const capture = socket.capture({ clock });
  socket.carry("in", Uint8Array.of(1, 2, 3));
  socket.carry("out", Uint8Array.of(4, 5));
  socket.carry("in", Uint8Array.of(6), parseAddress("[fd57:5241:4954:4800::1]:1"));
  capture.finish();
  const [section, udp, relay, ...rest] = readBlocks(await fileOf(capture));
  assert.deepEqual([section.type, udp.type, relay.type], [0x0a0d0d0a, 1, 1]);
  assert.equal(section.body.getUint32(0, true), 0x1a2b3c4d);
  const packets = rest.slice(0, 3).map(readPacket);
  assert.deepEqual(packets.map(({ direction, interfaceId }) => [direction, interfaceId]), [
    ["in", 0],
    ["out", 0],
    ["in", 1],
  ]);
  assert.deepEqual(packets.map(({ timeUs }) => timeUs), Array(3).fill(1_700_000_000_123_000));
  const [inbound, outbound] = packets;
  assert.deepEqual([...inbound.bytes.subarray(12, 24)], [
    198,
    51,
    100,
    7,
    192,
    0,
    2,
    1,
    0x13,
    0x88,
    0xa2,
    0xa9,
  ]);
  assert.deepEqual([...outbound.bytes.subarray(12, 24)], [
    192,
    0,
    2,
    1,
    198,
    51,
    100,
    7,
    0xa2,
    0xa9,
    0x13,
    0x88,
  ]);
  assert.deepEqual([...inbound.bytes.subarray(28)], [1, 2, 3]);
  assert.deepEqual(rest.slice(3).map(readStatistics), [
    { interfaceId: 0, seen: 2, dropped: 0 },
    { interfaceId: 1, seen: 1, dropped: 0 },
  ]);
  assert.deepEqual(socket.totals, { packets: 3, dropped: 0 });
  assert.equal(socket.tapped, null);
});

Deno.test("Checksums are those a receiver expects, for both families and odd lengths", () => {
  for (const [a, b] of [["192.0.2.1:9", "198.51.100.7:65535"], ["[2001:db8::1]:9", "[2001:db8::ff]:41641"]]) {
    for (const length of [0, 1, 2, 63, 64, 65, 1_200, 1_453, 1_454, 1_455, 65_507]) {
      const payload = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
      const [from, to] = [packetEnd(parseAddress(a)), packetEnd(parseAddress(b))];
      const headers = new Uint8Array(headersLength(from.ip.length));
      for (let offset = 0; offset < 4; offset++) {
        const slab = new Uint8Array(offset + length);
        slab.set(payload, offset);
        writeHeaders(headers, from, to, slab, offset, length);
        const udp = headers.subarray(headers.length - 8);
        assert.notEqual((udp[6] << 8) | udp[7], 0);
        const pseudo = Uint8Array.of(0, 17, (8 + length) >> 8, (8 + length) & 0xff);
        assert.equal(residue(from.ip, to.ip, pseudo, udp, payload), 0, `${a}, ${length} bytes at ${offset}`);
        if (from.ip.length === 4) assert.equal(residue(headers.subarray(0, 20)), 0);
      }
    }
  }
});

Deno.test("A checksum that comes to nothing is written as all ones", () => {
  const [from, to] = [packetEnd(parseAddress("0.0.0.0:1")), packetEnd(parseAddress("0.0.0.0:1"))];
  // Ports 1 + 1, the length 10 twice, the protocol 17: the payload makes the sum 0xffff.
  const payload = Uint8Array.of((0xffff - 39) >> 8, (0xffff - 39) & 0xff);
  const headers = new Uint8Array(28);
  writeHeaders(headers, from, to, payload, 0, 2);
  assert.deepEqual([...headers.subarray(26)], [0xff, 0xff]);
});

Deno.test("A reader that does not read loses packets, which are counted; nothing piles up", async () => {
  const socket = new FakeSocket();
  const capture = socket.capture();
  const payload = new Uint8Array(1_400);
  const sent = 40_000;
  for (let i = 0; i < sent; i++) socket.carry("in", payload);
  const reader = capture.body.getReader();
  let [bytes, keptEarly] = [0, 0];
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  // Room again: the next packet says how many went before it.
  for (; bytes < 4_000_000; bytes += chunks.at(-1)!.length) chunks.push((await reader.read()).value!);
  socket.carry("in", payload);
  capture.finish();
  for (let got = await reader.read(); !got.done; got = await reader.read()) chunks.push(got.value);
  const file = new Uint8Array(await new Blob(chunks).arrayBuffer());
  assert.ok(file.length < 34_000_000, `${file.length} bytes were held`);

  const blocks = readBlocks(file);
  const packets = blocks.filter(({ type }) => type === 6).map(readPacket);
  keptEarly = packets.length - 1;
  assert.ok(keptEarly > 20_000);
  assert.equal(packets.at(-1)!.lostBefore, sent - keptEarly);
  assert.deepEqual(readStatistics(blocks.at(-1)!), {
    interfaceId: 0,
    seen: sent + 1,
    dropped: sent - keptEarly,
  });
  assert.deepEqual(socket.totals, { packets: sent + 1, dropped: sent - keptEarly });
});

Deno.test("Only the beginning of a packet is kept where that was asked for", async () => {
  const socket = new FakeSocket();
  const capture = socket.capture({ snapLength: 160 });
  socket.carry("out", new Uint8Array(1_000).fill(9));
  capture.finish();
  const packet = readPacket(readBlocks(await fileOf(capture))[3]);
  assert.equal(packet.bytes.length, 160);
  assert.equal(packet.originalLength, 1_028);
});

Deno.test("Keys are told only when asked for, and no longer than the capture", async () => {
  const socket = new FakeSocket();
  const quiet = socket.capture();
  assert.equal(socket.sink, null);
  quiet.finish();
  const capture = socket.capture({ withKeys: true });
  socket.sink!(0xab, 5, new Uint8Array(32).fill(0x11));
  capture.finish();
  assert.equal(socket.sink, null);
  const secrets = readBlocks(await fileOf(capture)).filter(({ type }) => type === 10);
  assert.equal(secrets.length, 1);
  const { body } = secrets[0];
  const text = new TextDecoder().decode(
    new Uint8Array(body.buffer, body.byteOffset + 8, body.getUint32(4, true)),
  );
  assert.equal(text, `WRAITH_KEY 000000ab 5 ${"11".repeat(32)}\n`);
});

Deno.test("A reader that leaves ends the capture", async () => {
  const socket = new FakeSocket();
  const capture = socket.capture({ withKeys: true });
  socket.carry("in", Uint8Array.of(1));
  await capture.body.cancel();
  assert.deepEqual([socket.tapped, socket.sink], [null, null]);
  assert.deepEqual(socket.totals, { packets: 1, dropped: 0 });
  capture.finish();
});

Deno.test("A socket bound to every address shows the one in the peer's network", () => {
  const own = () => [
    { ip: Uint8Array.of(127, 0, 0, 1), prefixBits: 8 },
    { ip: Uint8Array.of(192, 0, 2, 9), prefixBits: 24 },
    { ip: Uint8Array.of(198, 51, 100, 130), prefixBits: 25 },
  ];
  const seen = (bound: string, remote: string) =>
    [...localIp(parseAddress(bound), parseAddress(remote), own)].join(".");
  assert.equal(seen("203.0.113.5:1", "198.51.100.200:1"), "203.0.113.5");
  assert.equal(seen("0.0.0.0:1", "198.51.100.200:1"), "198.51.100.130");
  assert.equal(seen("0.0.0.0:1", "198.51.100.7:1"), "192.0.2.9");
  assert.equal(seen("[::]:1", "127.0.0.1:1"), "127.0.0.1");
  assert.equal(localIp(parseAddress("[::]:1"), parseAddress("[2001:db8::1]:1"), own).length, 16);
});
