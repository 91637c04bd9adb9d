import assert from "node:assert/strict";
import type { Instant } from "../../src/clock.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { seededEntropy, seededPrng } from "../../src/entropy.ts";
import { makeAddress } from "../../src/net/address.ts";
import { InitiatorHandshake } from "../../src/session/initiator_handshake.ts";
import { DEFAULT_SESSION_SETTINGS } from "../../src/session/session_settings.ts";
import { HEADER_LENGTH } from "../../src/wire/packet.ts";
import { makeIdentity } from "../sim/host.ts";

const NOW = 0 as Instant;

function dial(): InitiatorHandshake {
  return new InitiatorHandshake({
    now: NOW,
    handshakeId: 1,
    index: 7,
    to: makeAddress("192.0.2.1", 1),
    expectedPeer: null,
    suite: nobleSuite,
    entropy: seededEntropy(1),
    prng: seededPrng(1),
    identity: makeIdentity(nobleSuite, 2),
    parameters: { ...DEFAULT_SESSION_SETTINGS, index: 7 },
    timeoutMs: 10_000,
  });
}

/** The token in an Init, and what lies behind it. */
function tokenOf(init: Uint8Array): { token: Uint8Array; padding: Uint8Array } {
  const at = HEADER_LENGTH + 33;
  const end = at + init[at - 1];
  return { token: init.subarray(at, end), padding: init.subarray(end) };
}

Deno.test("a token of any length that another implementation gives comes back whole, behind the same key", () => {
  const handshake = dial();
  const first = handshake.pollMessage(NOW)!.slice();
  for (const length of [255, 1, 40, 100]) {
    const token = new Uint8Array(length).fill(length);
    assert.equal(handshake.handleRetry(token), true);
    const again = handshake.pollMessage(NOW)!;
    assert.equal(again.length, 1_200);
    assert.deepEqual(again.subarray(0, HEADER_LENGTH + 32), first.subarray(0, HEADER_LENGTH + 32));
    assert.deepEqual(tokenOf(again).token, token);
    assert.ok(
      tokenOf(again).padding.every((byte) => byte === 0),
      "nothing of the longer token before is left",
    );
  }
});

Deno.test("an empty token, one too long for an Init to say, and a sixth are no reason to ask again", () => {
  const handshake = dial();
  handshake.pollMessage(NOW);
  assert.equal(handshake.handleRetry(new Uint8Array(0)), false);
  assert.equal(handshake.handleRetry(new Uint8Array(256)), false);
  for (let i = 0; i < 5; i++) assert.equal(handshake.handleRetry(new Uint8Array(40)), true);
  assert.equal(handshake.handleRetry(new Uint8Array(40)), false);
});
