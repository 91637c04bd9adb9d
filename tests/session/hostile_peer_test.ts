import assert from "node:assert/strict";
import { Cubic } from "../../src/session/cubic.ts";
import { makeAddress } from "../../src/net/address.ts";
import { FrameType } from "../../src/wire/frames.ts";
import { frame, HostilePeer, streamFrame } from "../support/hostile_peer.ts";

const BYTE = Uint8Array.of(1);

Deno.test("one byte in two, backwards: the session ends before the holes cost memory or time", () => {
  const peer = new HostilePeer(1);
  const frames = (from: number) =>
    Array.from({ length: 3_000 }, (_, i) => streamFrame(0, 1_000_000 - 2 * (from + i), BYTE));
  let sent = 0;
  for (let from = 0; from < 400_000 && peer.closedWith === null; from += 3_000) {
    peer.send(...frames(from));
    sent += 3_000;
  }
  assert.equal(peer.closedWith, "protocol_violation");
  assert.ok(sent < 30_000, `${sent} holes taken`);
});

Deno.test("holes over many streams count together, and holes that are filled count no more", () => {
  const peer = new HostilePeer(2);
  // Honest disorder, again and again: each round leaves holes and then fills them.
  for (let round = 0; round < 30; round++) {
    const at = 4_000 * round;
    const odd = Array.from({ length: 2_000 }, (_, i) => streamFrame(0, at + 2 * i + 1, BYTE));
    const even = Array.from({ length: 2_000 }, (_, i) => streamFrame(0, at + 2 * i, BYTE));
    peer.send(...odd);
    peer.send(...even);
  }
  assert.equal(peer.closedWith, null);
  for (let stream = 1; stream <= 20; stream++) {
    peer.send(...Array.from({ length: 1_000 }, (_, i) => streamFrame(2 * stream, 2 * i + 1, BYTE)));
  }
  assert.equal(peer.closedWith, "protocol_violation");
});

Deno.test("a stream that was given up holds no bytes, whatever the peer goes on sending", () => {
  const peer = new HostilePeer(3);
  peer.send(streamFrame(0, 0, BYTE), streamFrame(0, 900_000, BYTE));
  const stream = peer.victim.stream(0)!;
  assert.ok(stream.receiving.capacity >= 900_000);
  peer.victim.resetStream(peer.now, stream, 2);
  assert.equal(stream.receiving.capacity, 0);
  peer.send(streamFrame(0, 500_000, BYTE));
  assert.equal(stream.receiving.capacity, 0);
  assert.equal(peer.closedWith, null);
});

Deno.test("bytes of a stream that the peer reset are let go, though our own side of it stays open", () => {
  const peer = new HostilePeer(4);
  peer.send(streamFrame(0, 10, new Uint8Array(50_000)));
  peer.send(frame(FrameType.ResetStream, [0, 7, 60_000]));
  assert.equal(peer.victim.stream(0)!.receiving.capacity, 0);
  assert.ok(peer.events.some(({ kind }) => kind === "stream_reset") || peer.closedWith === null);
});

Deno.test("an ACK of a packet number that was left out ends the session: the peer acknowledges blindly", () => {
  let caught = 0;
  for (let seed = 10; seed < 14; seed++) {
    const peer = new HostilePeer(seed, { maxDatagramBytes: 1_200 });
    const stream = peer.victim.openStream("bulk")!;
    peer.send(frame(FrameType.MaxData, [1e12]), frame(FrameType.MaxStreamData, [stream.id, 1e12]));
    let acked = 0;
    for (let round = 0; round < 200 && peer.closedWith === null; round++) {
      peer.victim.write(stream, new Uint8Array(200_000));
      peer.endpoint.wake(peer.victim);
      for (const { number } of peer.wait(5)) acked = Math.max(acked, number);
      // Everything up to the largest number heard of, whether it came or not.
      peer.send(frame(FrameType.Ack, [acked, 0, 0, acked]));
    }
    if (peer.closedWith === "protocol_violation") caught++;
  }
  assert.equal(caught, 4);
});

Deno.test("an ACK of what was never sent, and one with ranges below zero, end the session", () => {
  const ahead = new HostilePeer(20);
  ahead.send(frame(FrameType.Ack, [1_000, 0, 0, 0]));
  assert.equal(ahead.closedWith, "protocol_violation");
  const below = new HostilePeer(21);
  below.send(frame(FrameType.Ack, [0, 0, 0, 1]));
  assert.equal(below.closedWith, "frame_encoding");
});

Deno.test("stream ids, final sizes and credit that break the rules name the rule", () => {
  const cases: readonly [string, readonly Uint8Array[]][] = [
    ["stream_limit", [streamFrame(2 * 128, 0, BYTE)]],
    ["stream_state", [streamFrame(1, 0, BYTE)]],
    ["stream_state", [frame(FrameType.MaxStreamData, [1, 5])]],
    ["stream_state", [frame(FrameType.StopSending, [1, 5])]],
    ["final_size", [streamFrame(0, 0, BYTE, true), streamFrame(0, 1, BYTE)]],
    ["final_size", [streamFrame(0, 5, BYTE, true), streamFrame(0, 4, BYTE, true)]],
    ["final_size", [streamFrame(0, 5, BYTE), frame(FrameType.ResetStream, [0, 0, 5])]],
    ["final_size", [frame(FrameType.ResetStream, [0, 0, 5]), streamFrame(0, 5, BYTE)]],
    ["final_size", [frame(FrameType.ResetStream, [0, 0, 5]), frame(FrameType.ResetStream, [0, 0, 6])]],
    ["flow_control", [streamFrame(0, 1 << 20, BYTE)]],
    ["flow_control", [frame(FrameType.ResetStream, [0, 0, (1 << 20) + 1])]],
    ["flow_control", [
      streamFrame(0, (1 << 20) - 1, BYTE),
      streamFrame(2, (1 << 19) - 1, BYTE),
      streamFrame(4, 0, BYTE),
    ]],
    ["protocol_violation", [frame(FrameType.Rekey, [2], new Uint8Array(33).fill(9, 1))]],
    ["protocol_violation", [frame(FrameType.Rekey, [1], new Uint8Array(33))]],
    ["frame_encoding", [frame(FrameType.Rekey, [1], new Uint8Array(33).fill(2))]],
    ["frame_encoding", [frame(FrameType.Datagram, [2], BYTE)]],
    ["frame_encoding", [frame(0x3f)]],
  ];
  for (const [code, frames] of cases) {
    const peer = new HostilePeer(30);
    peer.send(...frames);
    assert.equal(peer.closedWith, code, `${frames.map((each) => [...each].join(" ")).join(" | ")}`);
  }
});

Deno.test("a flood of empty frames of every kind costs next to nothing", () => {
  const peer = new HostilePeer(40);
  const empty = new Uint8Array(0);
  const many = (each: Uint8Array) => {
    const packet = new Uint8Array(each.length * Math.floor(60_000 / each.length));
    for (let at = 0; at < packet.length; at += each.length) packet.set(each, at);
    return packet;
  };
  for (
    const each of [
      streamFrame(0, 0, empty),
      frame(FrameType.Ping),
      frame(FrameType.MaxData, [1]),
      frame(FrameType.MaxStreamData, [0, 1]),
      frame(FrameType.PathChallenge, [], new Uint8Array(8)),
      frame(FrameType.PathResponse, [], new Uint8Array(8)),
      frame(FrameType.StopSending, [0, 0]),
    ]
  ) {
    peer.send(many(each));
    assert.equal(peer.closedWith, null);
    const heard = peer.listen();
    assert.ok(heard.length <= 8, `${heard.length} packets in answer to ${each}`);
  }
  assert.equal(peer.victim.openStreams, 1);
});

Deno.test("a packet full of DATAGRAM frames makes no more messages than an honest peer would send in one", () => {
  const peer = new HostilePeer(41);
  peer.send(...Array.from({ length: 20_000 }, () => frame(FrameType.Datagram, [1], BYTE)));
  assert.equal(peer.closedWith, null);
  assert.ok(peer.events.filter(({ kind }) => kind === "datagram").length <= 64);
});

Deno.test("an unproven address gets three times what it sent and no more, challenges and answers included", () => {
  const peer = new HostilePeer(42);
  const elsewhere = makeAddress("198.51.100.7", 7);
  const stream = peer.victim.openStream("bulk")!;
  peer.victim.write(stream, new Uint8Array(400_000));
  let received = 0;
  let sent = 0;
  const challenges = Array.from({ length: 4 }, () => frame(FrameType.PathChallenge, [], new Uint8Array(8)));
  for (let i = 0; i < 30; i++) {
    const packet = peer.seal(...challenges);
    received += packet.length;
    peer.deliver(packet, elsewhere);
    peer.endpoint.wake(peer.victim);
    for (const { to, length } of peer.wait(20)) if (to.text === elsewhere.text) sent += length;
    assert.ok(sent <= 3 * received, `${sent} bytes to an address that sent ${received}`);
  }
  assert.ok(sent > 0);
});

Deno.test("nothing is sealed or opened under a key that is 180 s old, however late the timers run", () => {
  const peer = new HostilePeer(43);
  peer.now = 180_001 as typeof peer.now;
  // The process slept: a packet is there before any timer has run.
  peer.send(streamFrame(0, 0, BYTE));
  assert.equal(peer.endpoint.stats.dropped.epoch, 1);
  assert.deepEqual(peer.listen(), []);
  assert.deepEqual(peer.wait(10_000), []);
  assert.equal(peer.closedWith, "key_expired");
  assert.equal(peer.endpoint.slotCount, 0);
});

Deno.test("a key that was replaced opens nothing beyond its own 180 s, however long the probe timeout is", () => {
  const peer = new HostilePeer(44);
  peer.victim.keepAlive(true);
  peer.victim.ping();
  // Replaced at 179 s by the peer's update; three backed-off probe timeouts would reach far beyond 180 s.
  while (peer.now < 179_000) {
    peer.send(frame(FrameType.Ping));
    peer.wait(1_000);
    if (peer.victim.stats.epoch > 0) break;
  }
  assert.equal(peer.victim.stats.epoch, 0, "the peer never answered a REKEY");
  const old = peer.seal(frame(FrameType.Ping));
  peer.rekey();
  peer.listen();
  assert.equal(peer.victim.stats.epoch, 1);
  peer.now = 180_500 as typeof peer.now;
  peer.deliver(old);
  assert.equal(peer.endpoint.stats.dropped.epoch, 1);
});

Deno.test("a padded challenge gets an answer as long: the way back carries full datagrams too", () => {
  const peer = new HostilePeer(45);
  const padding = new Uint8Array(1_200 - 16 - 9 - 16);
  peer.send(frame(FrameType.PathChallenge, [], new Uint8Array(8).fill(5)), padding);
  const [answer] = peer.listen();
  assert.deepEqual(answer.frames[0], ["path_response", [5, 5, 5, 5, 5, 5, 5, 5]]);
  assert.equal(answer.length, 1_200);
});

Deno.test("what follows a CLOSE in its packet has no consequence", () => {
  const peer = new HostilePeer(46);
  peer.send(frame(FrameType.Close, [0, 0]), streamFrame(0, 0, BYTE), Uint8Array.of(0x3f));
  assert.equal(peer.closedWith, "no_error");
  assert.equal(peer.events[peer.events.length - 1].kind, "closed");
});

Deno.test("answers to challenges leave no record: a peer that only asks and never acknowledges costs no memory", () => {
  const peer = new HostilePeer(47);
  // The confirmation of the handshake is the last thing it acknowledges.
  const confirmed = Math.max(...peer.heardNumbers);
  peer.send(frame(FrameType.Ack, [confirmed, 0, 0, 0]));
  for (let i = 0; i < 500; i++) {
    peer.send(frame(FrameType.PathChallenge, [], new Uint8Array(8).fill(i)));
    const answers = peer.listen().flatMap(({ frames }) => frames).filter(([kind]) =>
      kind === "path_response"
    );
    assert.equal(answers.length, 1);
  }
  // Whatever is on record is probed for when no acknowledgement comes.
  const probes = peer.wait(20_000).filter(({ frames }) => frames.some(([kind]) => kind === "ping"));
  assert.deepEqual(probes, []);
});

Deno.test("a CLOSE to an unproven address stays within what that address has sent", () => {
  const peer = new HostilePeer(48);
  const elsewhere = makeAddress("198.51.100.7", 7);
  const packet = peer.seal(frame(FrameType.Ping));
  peer.deliver(packet, elsewhere);
  let sent = 0;
  const count = (heard: readonly { to: { text: string }; length: number }[]) => {
    for (const { to, length } of heard) if (to.text === elsewhere.text) sent += length;
  };
  count(peer.listen());
  peer.victim.close(peer.now, "protocol_violation", "a reason that is far longer than the packet ".repeat(9));
  peer.endpoint.wake(peer.victim);
  count(peer.wait(3_000));
  assert.ok(sent > 0 && sent <= 3 * packet.length, `${sent} bytes to an address that sent ${packet.length}`);
});

Deno.test("a fault of ours while sending or at a timeout costs the session, says so once, and goes no further", () => {
  for (const where of ["pacingRate", "windowBytes"] as const) {
    let broken = false;
    class Faulty extends Cubic {
      override get pacingRate(): number {
        if (broken && where === "pacingRate") throw new Error("a fault");
        return super.pacingRate;
      }
      override get windowBytes(): number {
        if (broken && where === "windowBytes") throw new Error("a fault");
        return super.windowBytes;
      }
    }
    const peer = new HostilePeer(49, { congestion: (bytes) => new Faulty(bytes) });
    const stream = peer.victim.openStream("bulk")!;
    peer.victim.write(stream, new Uint8Array(5_000));
    broken = true;
    peer.endpoint.wake(peer.victim);
    const closes = peer.wait(1_000).flatMap(({ frames }) => frames).filter(([kind]) => kind === "close");
    assert.deepEqual(closes, [["close", 1, "internal error"]]);
    assert.equal(peer.closedWith, "internal_error");
    assert.equal(peer.reports.filter(({ type }) => type === "node.error").length, 1);
    peer.wait(10_000);
    assert.equal(peer.endpoint.slotCount, 0);
  }
});
