import assert from "node:assert/strict";
import type { Instant } from "../../src/clock.ts";
import { seededEntropy } from "../../src/entropy.ts";
import { makeAddress } from "../../src/net/address.ts";
import { PathSelector } from "../../src/session/path.ts";
import { PathMtu } from "../../src/session/path_mtu.ts";

const at = (ms: number) => ms as Instant;
const home = makeAddress("192.0.2.1", 1_000);
const otherPort = makeAddress("192.0.2.1", 2_000);
const otherHost = makeAddress("198.51.100.9", 1_000);

Deno.test("an unproven address gets three times what it sent, and everything once it answered", () => {
  const path = new PathSelector(home, seededEntropy(1));
  assert.equal(path.sendAllowance, Infinity);
  assert.equal(path.moveTo(at(0), otherHost, 100, 50), true);
  assert.equal(path.active, otherHost);
  assert.equal(path.sendAllowance, 300);
  path.onSent(250);
  assert.equal(path.sendAllowance, 50);
  path.onReceived(10);
  assert.equal(path.sendAllowance, 80);
  path.onSent(1_000);
  assert.equal(path.sendAllowance, 0);
  const challenge = path.dueChallenge!.slice();
  path.onChallengeSent();
  assert.equal(path.dueChallenge, null);
  assert.equal(path.onResponse(new Uint8Array(8)), false);
  assert.equal(path.onResponse(challenge), true);
  assert.equal(path.sendAllowance, Infinity);
  assert.equal(path.deadline, null);
});

Deno.test("a port that changed is the same host, and four silent challenges lead back", () => {
  const path = new PathSelector(home, seededEntropy(2));
  assert.equal(path.moveTo(at(0), otherPort, 100, 50), false);
  const seen = [path.dueChallenge!.slice()];
  for (let i = 0; i < 3; i++) {
    assert.equal(path.onTimeout(path.deadline!, 50), "retry");
    seen.push(path.dueChallenge!.slice());
  }
  assert.equal(new Set(seen.map(String)).size, 4, "each challenge is a new one");
  assert.equal(path.onTimeout(path.deadline!, 50), "reverted");
  assert.equal(path.active, home);
  assert.equal(path.isValidated, true);
});

Deno.test("who comes back to the proven address needs no new proof", () => {
  const path = new PathSelector(home, seededEntropy(3));
  path.moveTo(at(0), otherHost, 100, 50);
  path.moveTo(at(10), home, 100, 50);
  assert.equal(path.isValidated, true);
  assert.equal(path.active, home);
});

Deno.test("answers to challenges go where each came from, four of them at most", () => {
  const path = new PathSelector(home, seededEntropy(4));
  for (let i = 0; i < 6; i++) path.onChallenge(otherHost, new Uint8Array(8).fill(i), 100);
  const answers: number[] = [];
  for (let reply = path.nextReply; reply !== null; reply = path.nextReply) {
    assert.equal(reply.to, otherHost);
    answers.push(reply.data[0]);
    path.onReplySent();
  }
  assert.deepEqual(answers, [0, 1, 2, 3]);
});

/** Probes until the search rests, over a path that carries `carries` bytes. */
function search(mtu: PathMtu, carries: number): number[] {
  const probes: number[] = [];
  while (mtu.probeBytes > 0 && probes.length < 50) {
    const bytes = mtu.probeBytes;
    probes.push(bytes);
    mtu.onProbeSent();
    assert.equal(mtu.probeBytes, 0, "one probe at a time");
    if (bytes <= carries) mtu.onProbeAcked(bytes);
    else mtu.onProbeLost(at(1_000), bytes);
  }
  return probes;
}

Deno.test("the datagram size grows to what the path carries, and a size is ruled out by three losses", () => {
  const ethernet = new PathMtu(65_507);
  assert.equal(ethernet.datagramBytes, 1_200);
  assert.deepEqual(search(ethernet, 1_472), [1_452, 8_952, 8_952, 8_952]);
  assert.equal(ethernet.datagramBytes, 1_452);
  assert.equal(ethernet.deadline, 601_000);
  ethernet.onTimeout();
  assert.equal(ethernet.probeBytes, 8_952);
  const loopback = new PathMtu(65_507);
  search(loopback, 65_507);
  assert.equal(loopback.datagramBytes, 65_487);
  const small = new PathMtu(1_300);
  assert.deepEqual(search(small, 65_507), [1_300]);
  for (const limit of [1_200, 1_452, 8_952]) {
    const limited = new PathMtu(limit);
    search(limited, 65_507);
    assert.equal(limited.datagramBytes, limit);
    assert.equal(limited.deadline, null, "the search is over");
  }
});

Deno.test("two probe timeouts in a row shrink large datagrams, and the search starts again later", () => {
  const mtu = new PathMtu(65_507);
  assert.equal(mtu.onProbeTimeouts(at(0), 5), false, "nothing to shrink");
  search(mtu, 1_472);
  assert.equal(mtu.onProbeTimeouts(at(2_000), 1), false);
  assert.equal(mtu.onProbeTimeouts(at(2_000), 2), true);
  assert.equal(mtu.datagramBytes, 1_200);
  assert.equal(mtu.deadline, 7_000);
});

Deno.test("a probe from before the path changed says nothing about the new one", () => {
  const mtu = new PathMtu(65_507);
  search(mtu, 1_472);
  mtu.onTimeout();
  mtu.onProbeSent();
  mtu.restart();
  assert.equal(mtu.onProbeAcked(8_952), false);
  assert.equal(mtu.datagramBytes, 1_200);
  mtu.onProbeSent();
  assert.equal(mtu.onProbeAcked(8_952), false);
  assert.equal(mtu.onProbeAcked(1_452), true);
});
