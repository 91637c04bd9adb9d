import assert from "node:assert/strict";
import { toHex } from "../../../src/bytes.ts";
import type { LogLevel } from "../../../src/config/config.ts";
import { nobleSuite } from "../../../src/crypto/noble_suite.ts";
import { EventBus } from "../../../src/observe/event_bus.ts";
import { createLog, type Log, packetDump, tracedSuite } from "../../../src/observe/log/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { sampleEvents } from "../../support/sample_events.ts";
import { MemoryOutput } from "./memory_output.ts";

async function logged(
  level: LogLevel,
  body: (log: Log, clock: ManualClock, bus: EventBus) => void,
): Promise<string[]> {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const output = new MemoryOutput();
  const config = {
    level,
    format: "json",
    output: "stdout",
    maxSizeBytes: 0,
    maxBackups: 0,
    compress: false,
  } as const;
  const log = createLog({ config, bus, clock, output, environment: () => undefined });
  await log.start();
  body(log, clock, bus);
  await log.stop();
  return output.lines;
}

/** A Data packet of epoch 2, index 0x01020304, number 77. */
function dataPacket(): Uint8Array {
  const packet = new Uint8Array(1200).fill(0xee);
  packet.set([4, 2, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 77]);
  return packet;
}

const REMOTE = { text: "192.0.2.1:41641" };

Deno.test("A packet dump shows header, size and first bytes, at debug and not at info", async () => {
  const dump = (log: Log, clock: ManualClock) => packetDump(log, clock)("in", REMOTE, dataPacket(), 0, 1200);
  assert.deepEqual(await logged("info", dump), []);
  const [line] = await logged("debug", dump);
  const { message, fields } = JSON.parse(line);
  assert.equal(message, "Packet received");
  assert.deepEqual(fields, {
    remote_addr: "192.0.2.1:41641",
    packet_bytes: 1200,
    packet_type: "data",
    receiver_index: 0x01020304,
    packet_number: 77,
    key_epoch: 2,
    packet_hex: toHex(dataPacket().subarray(0, 64)),
  });
});

Deno.test("A packet dump takes whatever arrives: nothing, noise, a header cut short", async () => {
  const lines = await logged("debug", (log, clock) => {
    const dump = packetDump(log, clock);
    for (let length = 0; length <= 40; length++) {
      dump("in", REMOTE, new Uint8Array(40).fill(length % 7), 0, length);
    }
  });
  assert.equal(lines.length, 41);
});

Deno.test("Packet dumps of a fast transfer are held back and counted", async () => {
  const lines = await logged("debug", (log, clock) => {
    const dump = packetDump(log, clock);
    for (let i = 0; i < 10_000; i++) dump("out", REMOTE, dataPacket(), 0, 1200);
    clock.advance(1000);
    dump("out", REMOTE, dataPacket(), 0, 1200);
  });
  assert.equal(lines.length, 501);
  assert.equal(JSON.parse(lines.at(-1)!).fields.held_back, 9500);
});

Deno.test("No level writes a byte of any key that the operations it describes used", async () => {
  for (const level of ["error", "warn", "info", "debug", "trace"] as const) {
    const keys: Uint8Array[] = [1, 2, 3, 4].map((n) => nobleSuite.sha256([Uint8Array.of(n)]));
    const lines = await logged(level, (log, clock, bus) => {
      const suite = tracedSuite(nobleSuite, log);
      const [seed, staticSecret, peerSecret, aeadKey] = keys;
      const signature = suite.ed25519Sign(seed, Uint8Array.of(1, 2, 3));
      suite.ed25519Verify(suite.ed25519PublicKey(seed), Uint8Array.of(1, 2, 3), signature);
      keys.push(suite.x25519(staticSecret, suite.x25519PublicKey(peerSecret))!);
      keys.push(suite.hmacBlake2s(aeadKey, [keys.at(-1)!]));
      const slab = new Uint8Array(1232).fill(7);
      const sealed = suite.aead(aeadKey).seal(1, slab, 0, 16, 1200);
      packetDump(log, clock)("out", REMOTE, slab, 0, sealed);
      for (const event of sampleEvents()) bus.emit(event);
    });
    if (level === "trace") {
      const operations = lines.map((line) => JSON.parse(line).fields.operation).filter(Boolean);
      assert.deepEqual(
        new Set(operations),
        new Set([
          "ed25519_sign",
          "ed25519_public_key",
          "ed25519_verify",
          "x25519_public_key",
          "x25519",
          "hmac_blake2s",
          "aead_key",
        ]),
      );
    }
    assertHoldsNone(lines.join("\n"), keys);
  }
});

/** No key, nor any 8 bytes of one in a row, in hexadecimal or base64. */
function assertHoldsNone(text: string, keys: readonly Uint8Array[]): void {
  const lower = text.toLowerCase();
  for (const key of keys) {
    for (let start = 0; start + 8 <= key.length; start++) {
      const part = key.subarray(start, start + 8);
      assert.ok(!lower.includes(toHex(part)), "key bytes in hexadecimal");
      const base64 = btoa(String.fromCharCode(...part)).slice(0, 10);
      assert.ok(!text.includes(base64), "key bytes in base64");
    }
  }
}
