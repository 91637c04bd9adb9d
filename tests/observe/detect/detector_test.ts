import assert from "node:assert/strict";
import { seededEntropy } from "../../../src/entropy.ts";
import { createDetector } from "../../../src/observe/detect/mod.ts";
import { EventBus } from "../../../src/observe/event_bus.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { failedHandshake, SECURITY } from "./scenarios.ts";

Deno.test("Detector reports on the stream it listens to, behind the event that showed it", () => {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const seen: string[] = [];
  bus.subscribe((event) => seen.push(event.type));
  const detector = createDetector({
    config: { ...SECURITY, authFailureLimit: 2 },
    bus,
    clock,
    entropy: seededEntropy(1),
    allowedPeers: [],
    datagramsDropped: () => 0,
  });
  detector.start();
  bus.emit(failedHandshake("203.0.113.9:4000", "invalid_signature", true));
  bus.emit(failedHandshake("203.0.113.9:4001", "invalid_signature", true));
  assert.deepEqual(seen, [
    "handshake.failed",
    "security.authentication_failed",
    "handshake.failed",
    "security.authentication_failed",
    "security.detected",
    "security.banned",
  ]);
  assert.ok(detector.bans.isBanned("203.0.113.9:1"));
  assert.equal(detector.stats.banned, 1);
  assert.deepEqual(detector.listBans().map((ban) => [ban.source, ban.cause, ban.remainingMs]), [
    ["203.0.113.9", "auth_failures", 600_000],
  ]);
  assert.ok(detector.unban("203.0.113.9"));
  assert.ok(!detector.unban("203.0.113.9"));
  detector.ban("198.51.100.0", 1000);
  assert.equal(seen.at(-1), "security.banned");
  detector.stop();
  bus.emit(failedHandshake("203.0.113.9:4001", "invalid_signature", true));
  assert.equal(seen.at(-1), "handshake.failed");
});
