import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, equalBytes } from "../../src/bytes.ts";
import type { Instant } from "../../src/clock.ts";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import { frameDatagram, MAX_RELAYED_BYTES, RelayUnframer } from "../../src/dht/relay_frame.ts";
import type { RelayLink, RelayStream } from "../../src/dht/relay_link_edge.ts";
import { RelayError, RelayService, type RelaySession } from "../../src/dht/relay_service.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { DecodeError } from "../../src/wire/decode_error.ts";

const peer = (n: number) => `ed25519:${n.toString(16).padStart(64, "0")}` as PeerId;

const at = (peerId: PeerId) => ({ peerId, address: "203.0.113.7:41641" });

/** Two ends of a stream in memory. `seen` collects every byte that passes. */
function streamPair(seen?: Uint8Array[]): [RelayStream, RelayStream] {
  const ends = [new End(seen), new End(seen)];
  ends[0].other = ends[1];
  ends[1].other = ends[0];
  return [ends[0], ends[1]];
}

class End implements RelayStream {
  other!: End;
  #incoming: Uint8Array[] = [];
  #isFinished = false;
  #isReset = false;
  #wake = Promise.withResolvers<void>();
  readonly #seen: Uint8Array[] | undefined;

  constructor(seen?: Uint8Array[]) {
    this.#seen = seen;
  }

  async read(into: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#isReset) throw new Error("reset");
      const next = this.#incoming[0];
      if (next !== undefined) {
        const count = Math.min(next.length, into.length);
        into.set(next.subarray(0, count));
        if (count === next.length) this.#incoming.shift();
        else this.#incoming[0] = next.subarray(count);
        return count;
      }
      if (this.#isFinished) return null;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers();
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#isReset) return Promise.reject(new Error("reset"));
    this.#seen?.push(bytes.slice());
    this.other.#incoming.push(bytes.slice());
    this.other.#wake.resolve();
    return Promise.resolve();
  }

  finish(): Promise<void> {
    this.other.#isFinished = true;
    this.other.#wake.resolve();
    return Promise.resolve();
  }

  reset(): void {
    for (const end of [this, this.other]) {
      end.#isReset = true;
      end.#wake.resolve();
    }
  }
}

interface Net {
  readonly services: Map<PeerId, RelayService>;
  readonly links: Map<PeerId, RelayLink[]>;
  readonly seen: Uint8Array[];
  /** Of all peers. */
  readonly events: NodeEvent[];
  /** Milliseconds the relay made somebody wait, in all. */
  waitedMs: number;
  session(from: PeerId, to: PeerId): RelaySession;
}

/** Peers 1 (relay), 2 and 3; the relay has sessions with both. */
function net(
  isWilling = true,
  limits: { circuitBytesPerSecond?: number; maxCircuitsPerPeer?: number; maxEndsPerRelay?: number } = {},
): Net {
  const made: Net = {
    services: new Map(),
    links: new Map(),
    seen: [],
    events: [],
    waitedMs: 0,
    session: (from, to) => ({
      peerId: to,
      openStream() {
        const [near, far] = streamPair(made.seen);
        // The node reads the stream's type before it hands the stream over.
        void far.read(new Uint8Array(1)).then(() => made.services.get(to)!.handleStream(at(from), far));
        return Promise.resolve(near);
      },
    }),
  };
  let virtualMs = 0;
  for (const n of [1, 2, 3]) {
    made.links.set(peer(n), []);
    made.services.set(
      peer(n),
      new RelayService({
        clock: { now: () => virtualMs as Instant, epochMs: () => virtualMs },
        emit: (event) => made.events.push(event),
        isWilling: () => isWilling,
        sessionWith: (to) => n === 1 && (to === peer(2) || to === peer(3)) ? made.session(peer(1), to) : null,
        onLink: (link) => made.links.get(peer(n))!.push(link),
        wait: (delayMs) => {
          made.waitedMs += delayMs;
          virtualMs += delayMs;
          return Promise.resolve();
        },
        ...limits,
      }),
    );
  }
  return made;
}

function refusalsIn(world: Net): { reason: string; peerId: PeerId; count?: number }[] {
  return world.events.flatMap((event) =>
    event.type === "dht.refused"
      ? [{ reason: event.reason, peerId: event.peerId, count: event.count ?? 1 }]
      : []
  );
}

Deno.test("Datagrams pass a relay both ways, in order and unchanged", async () => {
  const world = net();
  const link = await world.services.get(peer(2))!.open(world.session(peer(2), peer(1)), peer(3));
  const [far] = world.links.get(peer(3))!;
  assert.equal(far.peer, peer(2));
  assert.equal(far.relay, peer(1));
  for (let i = 1; i <= 50; i++) assert.ok(link.send(new Uint8Array(i * 20).fill(i)));
  for (let i = 1; i <= 50; i++) assert.deepEqual(await far.receive(), new Uint8Array(i * 20).fill(i));
  far.send(Uint8Array.of(9));
  assert.deepEqual(await link.receive(), Uint8Array.of(9));
  assert.equal(world.services.get(peer(1))!.circuits, 1);
  link.close();
  assert.equal(await far.receive(), null);
  assert.equal(far.send(Uint8Array.of(1)), false);
});

Deno.test("A relay that is unwilling, or knows no such peer, says so", async () => {
  const unwilling = net(false);
  await assert.rejects(
    unwilling.services.get(peer(2))!.open(unwilling.session(peer(2), peer(1)), peer(3)),
    (error) =>
      error instanceof RelayError && error.code === "unwilling" && /does not relay/.test(error.message),
  );
  const world = net();
  await assert.rejects(
    world.services.get(peer(2))!.open(world.session(peer(2), peer(1)), peer(9)),
    (error) => error instanceof RelayError && error.code === "unknown_peer",
  );
  assert.equal(world.services.get(peer(1))!.circuits, 0);
});

Deno.test("A relay carries two circuits of one peer and not a third", async () => {
  const world = net();
  const open = () => world.services.get(peer(2))!.open(world.session(peer(2), peer(1)), peer(3));
  const links = [await open(), await open()];
  await assert.rejects(open(), (error) => error instanceof RelayError && error.code === "busy");
  assert.deepEqual(refusalsIn(world), [{ reason: "full", peerId: peer(2), count: 1 }]);
  for (const link of links) link.close();
});

Deno.test("The end of circuits takes so many from one relay, and more when some have closed", async () => {
  const world = net(true, { maxCircuitsPerPeer: 9, maxEndsPerRelay: 2 });
  const open = () => world.services.get(peer(2))!.open(world.session(peer(2), peer(1)), peer(3));
  const links = [await open(), await open()];
  await assert.rejects(open(), (error) => error instanceof RelayError && error.code === "refused");
  assert.deepEqual(refusalsIn(world), [{ reason: "full", peerId: peer(1), count: 1 }]);
  links[0].close();
  assert.equal(await world.links.get(peer(3))![0].receive(), null);
  links.push(await open());
  for (const link of links) link.close();
});

Deno.test("A peer that asks for circuits without end is not heard, and every refusal is reported", async () => {
  const world = net(false);
  const relay = world.services.get(peer(1))!;
  const answered = await Promise.all(Array.from({ length: 50 }, async () => {
    const [near, far] = streamPair();
    await near.write(new Uint8Array(33).fill(1));
    await relay.handleStream(at(peer(2)), far);
    return await near.read(new Uint8Array(1)).then(() => true, () => false);
  }));
  assert.equal(answered.filter(Boolean).length, 10);
  assert.equal(world.events.filter(({ type }) => type === "dht.query.received").length, 50);
  assert.deepEqual(refusalsIn(world), [{ reason: "rate_limited", peerId: peer(2), count: 1 }]);
  relay.stop();
});

Deno.test("A relay makes a circuit wait that goes over its rate", async () => {
  const world = net(true, { circuitBytesPerSecond: 10_000 });
  const link = await world.services.get(peer(2))!.open(world.session(peer(2), peer(1)), peer(3));
  const [far] = world.links.get(peer(3))!;
  for (let i = 0; i < 50; i++) link.send(new Uint8Array(1000));
  for (let i = 0; i < 50; i++) await far.receive();
  assert.ok(
    world.waitedMs > 3900 && world.waitedMs < 4200,
    `${world.waitedMs} ms for 50 kB at 10 kB/s, 10 kB at once`,
  );
  link.close();
});

Deno.test("A garbled greeting costs a stream and nothing else", async () => {
  const world = net();
  const service = world.services.get(peer(1))!;
  const [near, far] = streamPair();
  await near.write(new Uint8Array(33).fill(7));
  await service.handleStream(at(peer(2)), far);
  await assert.rejects(near.read(new Uint8Array(1)), /reset/);
  const [shortNear, shortFar] = streamPair();
  await shortNear.write(Uint8Array.of(1, 2));
  await shortNear.finish();
  await service.handleStream(at(peer(2)), shortFar);
  assert.equal(service.circuits, 0);
});

Deno.test("RelayUnframer cuts datagrams out of a stream however it is chopped", () => {
  const datagrams = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000, size: "max" }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      datagrams,
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }),
      (datagrams, cuts) => {
        const stream = concatBytes(...datagrams.map(frameDatagram));
        const unframer = new RelayUnframer();
        const received: Uint8Array[] = [];
        for (let offset = 0, i = 0; offset < stream.length; i++) {
          const end = offset + cuts[i % cuts.length];
          received.push(...unframer.push(stream.subarray(offset, end)));
          offset = end;
        }
        assert.equal(received.length, datagrams.length);
        assert.ok(received.every((bytes, i) => equalBytes(bytes, datagrams[i])));
      },
    ),
  );
});

Deno.test("RelayUnframer refuses impossible lengths; frameDatagram makes none", () => {
  assert.throws(() => new RelayUnframer().push(Uint8Array.of(0)), DecodeError);
  assert.throws(() => new RelayUnframer().push(Uint8Array.of(0x80, 0, 0, 1)), DecodeError);
  assert.throws(() => new RelayUnframer().push(Uint8Array.of(0x7f, 0xff)), DecodeError);
  assert.throws(() => frameDatagram(new Uint8Array(0)), RangeError);
  assert.throws(() => frameDatagram(new Uint8Array(MAX_RELAYED_BYTES + 1)), RangeError);
  assert.equal(new RelayUnframer().push(frameDatagram(new Uint8Array(MAX_RELAYED_BYTES))).length, 1);
});
