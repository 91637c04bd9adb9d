import assert from "node:assert/strict";
import type { NodeEvent } from "../../../src/observe/events.ts";
import { ATTACKS, DetectorWorld, failedHandshake, forged, normalDay, SECURITY } from "./scenarios.ts";

for (const attack of ATTACKS) {
  const verdict = attack.detector === null
    ? "is left alone"
    : attack.bans
    ? "is found and banned"
    : "is found";
  Deno.test(`Detection: ${attack.name} ${verdict}`, () => {
    const outcome = attack.run();
    const detectors = new Set(
      outcome.events.flatMap((event) => event.type === "security.detected" ? [event.detector as string] : []),
    );
    assert.deepEqual([...detectors], attack.detector === null ? [] : [attack.detector]);
    assert.equal(outcome.bans > 0, attack.bans);
    if (outcome.bannedAfterMs !== null) assert.equal(outcome.core.bans.size, 1);
  });
}

Deno.test("Detection: a normal day of 24 virtual hours bans nobody and raises no alarm", () => {
  for (const seed of [1, 2]) {
    const outcome = normalDay(seed);
    assert.equal(outcome.bans, 0, `seed ${seed}`);
    assert.deepEqual(
      outcome.events.filter((event) => event.type === "security.detected"),
      [],
      `seed ${seed}`,
    );
  }
});

Deno.test("Detection: attempts are counted in the audit line, by source and not by port", () => {
  const world = new DetectorWorld();
  for (let i = 0; i < 3; i++) {
    world.emit(failedHandshake(`203.0.113.100:${5000 + i}`, "invalid_signature", true));
    world.advance(1000);
  }
  assert.deepEqual(authLines(world), [
    ["203.0.113.100:5000", "invalid_signature", 1],
    ["203.0.113.100:5001", "invalid_signature", 2],
    ["203.0.113.100:5002", "invalid_signature", 3],
  ]);
  world.advance(6 * 60_000);
  world.emit(failedHandshake("203.0.113.100:6000", "decrypt", true));
  assert.deepEqual(authLines(world).at(-1), ["203.0.113.100:6000", "decrypt", 1], "the window has passed");
});

Deno.test("Detection: failures that are no authentication get no audit line", () => {
  const world = new DetectorWorld();
  for (const reason of ["timeout", "malformed", "version", "rate_limited"] as const) {
    world.emit(failedHandshake("203.0.113.100:5000", reason, true));
  }
  assert.deepEqual(authLines(world), []);
});

Deno.test("Detection: whom we call ourselves is never banned", () => {
  const world = new DetectorWorld();
  for (let i = 0; i < 50; i++) {
    const event = failedHandshake("203.0.113.100:5000", "identity_mismatch", true);
    world.emit({ ...event, direction: "outbound" } as NodeEvent);
  }
  assert.equal(world.outcome().bans, 0);
  assert.equal(authLines(world).length, 50);
});

Deno.test("Detection: forged senders use no memory, push out no real source, and ban nobody", () => {
  const world = new DetectorWorld();
  for (let i = 0; i < 4; i++) world.emit(failedHandshake("203.0.113.9:4000", "invalid_signature", true));
  for (let i = 0; i < 200_000; i++) {
    world.emit(failedHandshake(forged(i), "decrypt", false));
    if (i % 1000 === 0) world.advance(100);
  }
  assert.equal(world.outcome().bans, 0);
  assert.equal(world.core.stats.evictions, 0);
  world.emit(failedHandshake("203.0.113.9:4001", "invalid_signature", true));
  assert.equal(authLines(world).at(-1)![2], 5, "the real source's count survived the flood");
  assert.ok(world.core.bans.isBanned("203.0.113.9:1"));
});

Deno.test("Detection: real sources beyond the table's room are forgotten and counted", () => {
  const world = new DetectorWorld();
  for (let i = 0; i < 5000; i++) world.emit(failedHandshake(forged(i), "invalid_signature", true));
  assert.ok(world.core.stats.evictions > 0);
});

Deno.test("Detection: a ban ends by itself, and both ends are told", () => {
  const world = new DetectorWorld();
  for (let i = 0; i < 5; i++) world.emit(failedHandshake("203.0.113.9:4000", "invalid_signature", true));
  assert.ok(world.core.bans.isBanned("203.0.113.9:1"));
  assert.ok(!world.core.bans.isBanned("203.0.113.10:1"));
  world.advance(599_000);
  assert.ok(world.core.bans.isBanned("203.0.113.9:1"));
  world.advance(2000);
  assert.ok(!world.core.bans.isBanned("203.0.113.9:1"));
  assert.equal(world.core.bans.size, 0);
  const ends = world.events.filter((event) => /banned$/.test(event.type)).map((event) => event.type);
  assert.deepEqual(ends, ["security.banned", "security.unbanned"]);
});

Deno.test("Detection: ban_time 0 reports and bans nobody", () => {
  const world = new DetectorWorld({ ...SECURITY, banTimeMs: 0 });
  for (let i = 0; i < 20; i++) world.emit(failedHandshake("203.0.113.9:4000", "invalid_signature", true));
  assert.equal(world.outcome().bans, 0);
  assert.equal(world.outcome().detections, 1);
});

Deno.test("Detection: an address where an allowed peer has a session is spared", () => {
  const friend = `ed25519:${"f".repeat(64)}` as const;
  const world = new DetectorWorld(SECURITY, [friend]);
  world.emit({
    type: "session.established",
    sessionId: 1,
    handshakeId: 1,
    direction: "inbound",
    peerId: friend,
    remoteAddr: "203.0.113.9:41641",
    handshakeDurationMs: 1,
    agent: "",
    path: "direct",
  });
  for (let i = 0; i < 20; i++) world.emit(failedHandshake("203.0.113.9:4000", "invalid_signature", true));
  assert.equal(world.outcome().bans, 0);
  assert.ok(world.core.stats.bansSpared > 0);
  world.emit({
    type: "session.closed",
    sessionId: 1,
    peerId: friend,
    remoteAddr: "203.0.113.9:41641",
    end: "remote",
    code: "no_error",
    reason: "",
    durationMs: 1,
    bytesSent: 0,
    bytesReceived: 0,
  });
  world.emit(failedHandshake("203.0.113.9:4000", "invalid_signature", true));
  assert.equal(world.outcome().bans, 1);
});

Deno.test("Detection: thresholds change live", () => {
  const world = new DetectorWorld();
  world.core.configure({ ...SECURITY, authFailureLimit: 2 }, []);
  for (let i = 0; i < 2; i++) world.emit(failedHandshake("203.0.113.9:4000", "invalid_signature", true));
  assert.equal(world.outcome().bans, 1);
});

Deno.test("Detection: junk that grows slowly becomes normal, a jump above it does not", () => {
  const world = new DetectorWorld();
  const flow = (perSecond: number, seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      world.drop(perSecond);
      world.advance(1000);
    }
  };
  flow(300, 1800);
  assert.equal(world.outcome().detections, 0);
  flow(2500, 60);
  assert.equal(world.outcome().detections, 0, "below ten times the mean");
  flow(9000, 60);
  assert.ok(world.outcome().detections > 0);
});

function authLines(world: DetectorWorld): [string, string, number][] {
  return world.events.flatMap((event): [string, string, number][] =>
    event.type === "security.authentication_failed"
      ? [[event.remoteAddr, event.reason, event.attemptCount]]
      : []
  );
}
