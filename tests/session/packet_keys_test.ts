import assert from "node:assert/strict";
import { toHex } from "../../src/bytes.ts";
import type { Instant } from "../../src/clock.ts";
import { nextEpoch } from "../../src/crypto/key_schedule.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { PacketKeys } from "../../src/session/packet_keys.ts";

const filled = (byte: number) => new Uint8Array(32).fill(byte);
const NOW = 0 as Instant;

Deno.test("each epoch's keys are told once, while their bytes are there, and the chain never", () => {
  const given = { sendKey: filled(1), receiveKey: filled(2), chain: filled(3) };
  const told: string[] = [];
  const borrowed: Uint8Array[] = [];
  const keys = new PacketKeys(nobleSuite, true, given, NOW, (epoch, send, receive) => {
    told.push(`${epoch} ${toHex(send)} ${toHex(receive)}`);
    borrowed.push(send, receive);
  });
  keys.prepareNext(filled(4));
  keys.promote(NOW);

  const next = nextEpoch(nobleSuite, filled(3), filled(4));
  assert.deepEqual(told, [
    `0 ${toHex(filled(1))} ${toHex(filled(2))}`,
    `1 ${toHex(next.initiatorKey)} ${toHex(next.responderKey)}`,
  ]);
  assert.ok(borrowed.every((key) => key.every((byte) => byte === 0)), "bytes are wiped afterwards");
});

Deno.test("what is told opens what the session seals, in each direction", () => {
  const told: Uint8Array[] = [];
  const given = () => ({ sendKey: filled(1), receiveKey: filled(2), chain: filled(3) });
  const keys = new PacketKeys(nobleSuite, false, given(), NOW, (_, send, receive) => {
    told.push(send.slice(), receive.slice());
  });
  keys.prepareNext(filled(9));
  keys.promote(NOW);
  const [, , send, receive] = told;
  const packet = new Uint8Array(16 + 5 + 16).fill(7);
  keys.sealing().seal(12, packet, 0, 16, 5);
  assert.equal(nobleSuite.aead(send).open(12, packet, 0, 16, 21), 5);
  nobleSuite.aead(receive).seal(13, packet, 0, 16, 5);
  assert.equal(keys.opening(NOW, 1)!.open(13, packet, 0, 16, 21), 5);
});
