import assert from "node:assert/strict";
import { type Prng, seededPrng } from "../../src/entropy.ts";
import { CLOSE_CODES } from "../../src/wire/codes.ts";
import { FrameType } from "../../src/wire/frames.ts";
import { frame, HostilePeer, streamFrame } from "../support/hostile_peer.ts";

/** What a peer that breaks a rule may bring a session to end with: never an error of ours. */
const DECLARED = new Set<string>(
  Object.keys(CLOSE_CODES).filter((code) => code !== "internal_error" && code !== "aead_limit"),
);

/** Numbers around every limit there is, and any others. */
function integer(prng: Prng): number {
  const interesting = [
    0,
    1,
    2,
    3,
    4,
    127,
    128,
    254,
    255,
    256,
    1_024,
    65_535,
    1 << 20,
    1_572_864,
    2 ** 32,
    2 ** 53 - 1,
  ];
  const roll = prng.next();
  if (roll < 0.5) return Math.floor(prng.next() * 16);
  if (roll < 0.8) return interesting[Math.floor(prng.next() * interesting.length)];
  return Math.floor(prng.next() ** 8 * 2 ** 53);
}

function noise(prng: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(prng.next() * 256));
}

/** Every stream of the peer's ends here, unless it breaks the law. */
const FINAL_SIZE = 61_000;

/** Mostly legal frames in senseless order; one in about two thousand is beyond the law, in any way there is. */
function randomFrame(prng: Prng, peer: HostilePeer): Uint8Array {
  const lawful = prng.next() > 0.000_5;
  const id = () => lawful ? 2 * Math.floor(prng.next() * 12) : integer(prng);
  const makers: (() => Uint8Array)[] = [
    () => frame(FrameType.Ping),
    () => frame(FrameType.Padding),
    () => {
      const heard = [...peer.heardNumbers];
      const largest = lawful ? heard[Math.floor(prng.next() * heard.length)] ?? 0 : integer(prng);
      return frame(FrameType.Ack, [largest, integer(prng), 0, lawful ? 0 : integer(prng)]);
    },
    () => randomStreamFrame(prng, id(), lawful),
    () => randomStreamFrame(prng, id(), lawful),
    () => randomStreamFrame(prng, id(), lawful),
    () => frame(FrameType.MaxData, [integer(prng)]),
    () => frame(FrameType.MaxStreamData, [id(), integer(prng)]),
    () => frame(FrameType.MaxStreams, [integer(prng)]),
    () => frame(FrameType.PathChallenge, [], noise(prng, 8)),
    () => frame(FrameType.PathResponse, [], noise(prng, 8)),
    () => frame(FrameType.Datagram, [3], noise(prng, 3)),
    () => prng.next() < 0.1 ? frame(FrameType.StopSending, [id(), integer(prng)]) : frame(FrameType.Ping),
    () => {
      if (prng.next() > 0.02) return frame(FrameType.Ping);
      return frame(FrameType.ResetStream, [id(), integer(prng), lawful ? FINAL_SIZE : integer(prng)]);
    },
  ];
  const lawless: (() => Uint8Array)[] = [
    () => frame(FrameType.Rekey, [Math.floor(prng.next() * 3)], noise(prng, 33)),
    () => frame(FrameType.Close, [integer(prng), 2], Uint8Array.of(104, 105)),
    () => noise(prng, 1 + Math.floor(prng.next() * 20)),
  ];
  const pick = lawful || prng.next() < 0.5 ? makers : lawless;
  return pick[Math.floor(prng.next() * pick.length)]();
}

function randomStreamFrame(prng: Prng, id: number, lawful: boolean): Uint8Array {
  const bytes = noise(prng, Math.floor(prng.next() * 300));
  if (!lawful) return streamFrame(id, integer(prng), bytes, prng.next() < 0.5);
  if (prng.next() < 0.02) return streamFrame(id, FINAL_SIZE - bytes.length, bytes, true);
  return streamFrame(id, Math.floor(prng.next() * (FINAL_SIZE - 300)), bytes);
}

/** The application at the victim: reads, answers, opens, resets and closes as luck has it. */
function actAsApplication(prng: Prng, peer: HostilePeer): void {
  const { victim } = peer;
  const into = new Uint8Array(4_096);
  for (let id = 0; id < 24; id++) {
    const stream = victim.stream(id);
    if (stream === undefined) continue;
    const roll = prng.next();
    if (roll < 0.4) victim.read(peer.now, stream, into);
    else if (roll < 0.6 && stream.sendState === "open" && !stream.finQueued) victim.write(stream, into);
    else if (roll < 0.62) victim.finish(stream);
    else if (roll < 0.63) victim.resetStream(peer.now, stream, 0);
  }
  const roll = prng.next();
  if (roll < 0.05) victim.openStream(roll < 0.02 ? "control" : "bulk");
  else if (roll < 0.06) victim.rekey();
  else if (roll < 0.08) victim.sendDatagram(into.subarray(0, 100));
  else if (roll < 0.080_2) victim.close(peer.now, "no_error", "enough");
  peer.endpoint.wake(victim);
}

/** Bytes of buffers that the victim holds for the peer's streams, given what it granted. */
function heldBytes(peer: HostilePeer): number {
  let held = 0;
  for (let id = 0; id < 256; id++) held += peer.victim.stream(id)?.receiving.capacity ?? 0;
  return held;
}

const PACKETS = 1_500;
let epochs = 0;
let whole = 0;
for (let seed = 1_000; seed < 1_060; seed++) {
  Deno.test(`a session under genuine packets of random frames ends as declared, within its bounds (seed ${seed})`, () => {
    const prng = seededPrng(seed);
    const peer = new HostilePeer(seed, { maxDatagramBytes: 1_452 });
    let packets = 0;
    for (; packets < PACKETS && peer.closedWith === null; packets++) {
      const frames = Array.from({ length: 1 + Math.floor(prng.next() * 6) }, () => randomFrame(prng, peer));
      const packet = peer.seal(...frames);
      if (prng.next() < 0.9) peer.deliver(packet);
      if (prng.next() < 0.05) peer.deliver(packet);
      if (prng.next() < 0.005 && peer.closedWith === null) peer.rekey();
      actAsApplication(prng, peer);
      peer.wait(prng.next() < 0.01 ? 5_000 * prng.next() : 10 * prng.next());
      epochs = Math.max(epochs, peer.victim.stats.epoch);
      const { inFlightBytes, windowBytes } = peer.victim.stats;
      assert.ok(
        inFlightBytes >= 0 && windowBytes >= 2 * 1_200,
        `in flight ${inFlightBytes} of ${windowBytes}`,
      );
      // Twice the session's window in rings of powers of two, and the smallest ring for each of a few streams.
      assert.ok(heldBytes(peer) <= 4 * 1_572_864 + 256 * 16_384, `${heldBytes(peer)} bytes held`);
      assert.ok(peer.victim.openStreams <= 256 + 12);
    }
    if (packets === PACKETS) whole++;
    const faults = peer.reports.filter((event) => event.type === "node.error");
    assert.deepEqual(faults, []);
    const closed = peer.events.find((event) => event.kind === "closed");
    if (closed?.end === "error") assert.ok(DECLARED.has(closed.code), `closed with ${closed.code}`);
    // Whatever happened, nothing is left behind once the peer falls silent.
    peer.wait(200_000);
    assert.equal(peer.endpoint.slotCount, 0);
    assert.equal(peer.endpoint.nextTimeout(), null);
  });
}

Deno.test("the random sessions reached what they are to test: whole runs, and key epochs beyond the wrap", () => {
  assert.ok(whole >= 5, `${whole} sessions lived to the end`);
  assert.ok(epochs > 4, `${epochs} key epochs`);
});
