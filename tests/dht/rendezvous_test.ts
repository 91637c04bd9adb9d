import assert from "node:assert/strict";
import fc from "fast-check";
import { NAT_KINDS, NatHost, NatInternet, type NatKind } from "../../scripts/sim_dht/nat.ts";
import type { Instant } from "../../src/clock.ts";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import { Rendezvous, type RendezvousOutput } from "../../src/dht/rendezvous.ts";
import {
  decodeRendezvous,
  encodeRendezvous,
  type RendezvousMessage,
} from "../../src/dht/rendezvous_message.ts";
import { seededPrng } from "../../src/entropy.ts";
import { DecodeError } from "../../src/wire/decode_error.ts";

const peer = (n: number) => `ed25519:${n.toString(16).padStart(64, "0")}` as PeerId;
const at = (ms: number) => ms as Instant;

type Packet =
  | { readonly kind: "session"; readonly bytes: Uint8Array }
  | { readonly kind: "init" | "response" | "punch" };

/** A peer: its rendezvous logic, its NAT, and as much of a transport as hole punching needs. */
class Party {
  readonly rendezvous: Rendezvous;
  /** Where each peer we hold a session with is, as we see it. */
  readonly sessions = new Map<PeerId, string>();
  readonly outcomes: RendezvousOutput[] = [];
  /** Our handshake was answered; somebody's reached us. */
  isConnected = false;
  hasSession = false;
  punches = 0;

  constructor(
    readonly internet: NatInternet,
    readonly nat: NatHost,
    readonly peerId: PeerId,
    readonly resolve: (address: string) => PeerId | null,
    seed: number,
  ) {
    this.rendezvous = new Rendezvous({
      self: peerId,
      prng: seededPrng(seed),
      addressOf: (of) => this.sessions.get(of) ?? null,
    });
    nat.onPacket = (from, packet) => this.#onPacket(from, packet as Packet);
  }

  drain(): void {
    for (let out = this.rendezvous.pollOutput(); out !== null; out = this.rendezvous.pollOutput()) {
      this.outcomes.push(out);
      if (out.kind === "send") {
        const address = this.sessions.get(out.to.peerId);
        if (address !== undefined) {
          this.internet.send(this.nat, address, { kind: "session", bytes: out.bytes });
        }
      }
      if (out.kind === "punch") {
        this.punches++;
        this.internet.send(this.nat, out.peer.address, { kind: "punch" });
      }
      if (out.kind === "dial" && !this.hasSession) this.dial(out.peer.address);
    }
    const next = this.rendezvous.nextTimeout();
    if (next === null) return;
    this.internet.after(Math.max(0, next - this.internet.now), () => {
      this.rendezvous.handleTimeout(this.internet.now);
      this.drain();
    });
  }

  /** The handshake's first message, repeated as protocol.md says. */
  dial(address: string): void {
    for (const delayMs of [0, 250, 750, 1750, 2750]) {
      this.internet.after(delayMs, () => {
        if (!this.isConnected) this.internet.send(this.nat, address, { kind: "init" });
      });
    }
  }

  #onPacket(from: string, packet: Packet): void {
    if (packet.kind === "init") {
      this.hasSession = true;
      this.internet.send(this.nat, from, { kind: "response" });
    } else if (packet.kind === "response") {
      this.isConnected = this.hasSession = true;
    } else if (packet.kind === "session") {
      const peerId = this.resolve(from);
      assert.ok(peerId !== null, `a session packet from ${from}`);
      this.rendezvous.handleDatagram(this.internet.now, { peerId, address: from }, packet.bytes);
      this.drain();
    }
  }
}

/** A caller and a called peer behind NATs of the given kinds, both in session with a public introducer. */
function meet(
  caller: NatKind,
  called: NatKind,
  slowCalled = false,
): { direct: boolean; punched: boolean; b: Party } {
  const internet = new NatInternet((from, to) =>
    slowCalled && `${from}${to}`.includes("203.0.113.3") ? 120 : 20
  );
  const peers = new Map<string, PeerId>();
  const resolve = (address: string) => peers.get(address) ?? null;
  const party = (kind: NatKind, n: number) =>
    new Party(
      internet,
      internet.add(new NatHost(kind, `203.0.${110 + n}.${n}`, 10_000 * n)),
      peer(n),
      resolve,
      n,
    );
  const [introducer, a, b] = [party("open", 1), party(caller, 2), party(called, 3)];
  const address = introducer.nat.outward("198.51.100.99:1");
  peers.set(address, introducer.peerId);
  for (const end of [a, b]) {
    end.sessions.set(introducer.peerId, address);
    const seen = end.nat.outward(address);
    introducer.sessions.set(end.peerId, seen);
    peers.set(seen, end.peerId);
  }
  b.rendezvous.acceptCallsFrom([introducer.peerId]);

  a.dial(introducer.sessions.get(b.peerId)!);
  internet.run(5000);
  const direct = a.isConnected;
  if (!direct) {
    a.rendezvous.call(internet.now, { peerId: introducer.peerId, address }, b.peerId);
    a.drain();
    internet.run(8000);
  }
  return { direct, punched: a.isConnected || b.isConnected, b };
}

/** Which pairs of NATs a hole can be punched through: all but those where a symmetric one meets one that looks at ports. */
function canPunch(caller: NatKind, called: NatKind): boolean {
  const looksAtPorts = (kind: NatKind) => kind === "port_restricted_cone" || kind === "symmetric";
  return !(caller === "symmetric" && looksAtPorts(called)) &&
    !(called === "symmetric" && looksAtPorts(caller));
}

for (const caller of NAT_KINDS) {
  for (const called of NAT_KINDS) {
    const reaches = canPunch(caller, called);
    Deno.test(`Through NATs: ${caller} to ${called} ${reaches ? "connects" : "needs a relay"}`, () => {
      for (const slowCalled of [false, true]) {
        const { direct, punched, b } = meet(caller, called, slowCalled);
        assert.equal(direct, called === "open" || called === "full_cone");
        assert.equal(punched, reaches);
        if (!direct) assert.equal(b.punches, 5);
      }
    });
  }
}

Deno.test("A peer punches only for introducers of its own choosing, and only so often", () => {
  const rendezvous = new Rendezvous({ self: peer(1), prng: seededPrng(1), addressOf: () => null });
  const call = (from: number) =>
    rendezvous.handleDatagram(
      at(0),
      { peerId: peer(from), address: "203.0.113.1:1" },
      encodeRendezvous({ kind: "meet", nonce: 7, isCaller: false, peer: peer(9), address: "198.51.100.1:5" }),
    );
  call(2);
  assert.equal(rendezvous.pollOutput()?.kind, "refused");
  rendezvous.acceptCallsFrom([peer(2)]);
  for (let i = 0; i < 100; i++) call(2);
  rendezvous.handleTimeout(at(5000));
  let punches = 0;
  for (let out = rendezvous.pollOutput(); out !== null; out = rendezvous.pollOutput()) {
    if (out.kind === "punch") punches++;
  }
  assert.ok(punches > 0 && punches <= 20, `${punches} punches for 100 calls`);
});

Deno.test("An introducer tells nobody of a peer it has no session with, and no more often than it will", () => {
  const rendezvous = new Rendezvous({
    self: peer(1),
    prng: seededPrng(1),
    addressOf: (of) => of === peer(3) ? "198.51.100.3:3" : null,
  });
  const from = { peerId: peer(2), address: "203.0.113.2:2" };
  const ask = (target: number) =>
    rendezvous.handleDatagram(
      at(0),
      from,
      encodeRendezvous({ kind: "introduce", nonce: 5, target: peer(target) }),
    );
  const answers = () => {
    const messages: (readonly [PeerId, RendezvousMessage])[] = [];
    for (let out = rendezvous.pollOutput(); out !== null; out = rendezvous.pollOutput()) {
      if (out.kind === "send") messages.push([out.to.peerId, decodeRendezvous(out.bytes)]);
    }
    return messages;
  };
  ask(4);
  assert.deepEqual(answers(), [[peer(2), { kind: "refused", nonce: 5, reason: "unknown_peer" }]]);
  ask(3);
  assert.deepEqual(answers(), [
    [peer(3), { kind: "meet", nonce: 5, isCaller: false, peer: peer(2), address: "203.0.113.2:2" }],
    [peer(2), { kind: "meet", nonce: 5, isCaller: true, peer: peer(3), address: "198.51.100.3:3" }],
  ]);
  for (let i = 0; i < 50; i++) ask(3);
  const refused = answers().filter(([, message]) =>
    message.kind === "refused" && message.reason === "rate_limited"
  );
  assert.equal(refused.length, 42, "ten in a burst, two of them before");
});

Deno.test("A call that nobody answers fails in time, and answers of others are not heard", () => {
  const rendezvous = new Rendezvous({ self: peer(1), prng: seededPrng(3), addressOf: () => null });
  const attempt = rendezvous.call(at(0), { peerId: peer(2), address: "203.0.113.2:2" }, peer(3));
  const sent = rendezvous.pollOutput();
  assert.ok(sent?.kind === "send");
  const { nonce } = decodeRendezvous(sent.bytes);
  rendezvous.handleDatagram(
    at(1),
    { peerId: peer(4), address: "203.0.113.4:4" },
    encodeRendezvous({ kind: "meet", nonce, isCaller: true, peer: peer(3), address: "198.51.100.1:5" }),
  );
  assert.equal(rendezvous.pollOutput(), null);
  assert.equal(rendezvous.nextTimeout(), 3000);
  rendezvous.handleTimeout(at(3000));
  assert.deepEqual(rendezvous.pollOutput(), { kind: "failed", attempt, reason: "timeout" });
  assert.equal(rendezvous.nextTimeout(), null);
});

Deno.test("Rendezvous messages survive their bytes, and decoding throws nothing but DecodeError", () => {
  const messages: RendezvousMessage[] = [
    { kind: "introduce", nonce: 0xffff_ffff, target: peer(3) },
    { kind: "meet", nonce: 1, isCaller: true, peer: peer(3), address: "[2001:db8::1]:41641" },
    { kind: "meet", nonce: 2, isCaller: false, peer: peer(4), address: "192.0.2.1:1" },
    { kind: "refused", nonce: 3, reason: "rate_limited" },
  ];
  for (const message of messages) {
    const bytes = encodeRendezvous(message);
    assert.deepEqual(decodeRendezvous(bytes), message);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeRendezvous(bytes.subarray(0, length)), DecodeError);
    }
    assert.throws(() => decodeRendezvous(Uint8Array.of(...bytes, 0)), DecodeError);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
    if (bytes.length > 1) bytes.set([2, bytes[1] % 6]);
    try {
      decodeRendezvous(bytes);
    } catch (error) {
      assert.ok(error instanceof DecodeError);
    }
  }));
});
