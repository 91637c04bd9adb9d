import assert from "node:assert/strict";
import { concatBytes, toHex } from "../../src/bytes.ts";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config/load.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import type { PeerId } from "../../src/crypto/peer_id.ts";
import { isRelayedAddress } from "../../src/dht/endpoint_address.ts";
import type { RelayStream } from "../../src/dht/relay_link_edge.ts";
import { RelayService, type RelaySession } from "../../src/dht/relay_service.ts";
import { systemEntropy } from "../../src/entropy.ts";
import { generateIdentity } from "../../src/node/identity.ts";
import { Network } from "../../src/node/network.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { STREAM_TYPES } from "../../src/wire/codes.ts";
import { varintBytes } from "../../src/wire/varint.ts";

interface Peer extends AsyncDisposable {
  readonly peerId: PeerId;
  readonly network: Network;
  readonly relay: RelayService;
}

/** A network of its own on loopback, and its part in relaying. `tap` sees what the relay reads from a stream. */
async function peer(tap?: (bytes: Uint8Array) => void): Promise<Peer> {
  const { config } = loadConfig({
    overrides: ["network.listen=127.0.0.1:0", "network.backend=portable", "node.data_dir=/nowhere"],
    env: {},
    workingDir: "/",
  });
  const bus = new EventBus(systemClock);
  const identity = generateIdentity(nobleSuite, systemEntropy);
  const network = await Network.open({
    config,
    identity,
    suite: nobleSuite,
    clock: systemClock,
    entropy: systemEntropy,
    bus,
    agent: "test",
  });
  const relay = new RelayService({
    clock: systemClock,
    emit: bus.emit,
    isWilling: () => tap !== undefined,
    sessionWith: (peerId) => {
      const session = network.sessionWith(peerId);
      return session === null || tap === undefined ? session : tappedSession(session, tap);
    },
    onLink: (link) => void network.attachRelay(link),
  });
  network.onStream(STREAM_TYPES.relay, ({ peerId, remoteAddr }, stream) => {
    const from = { peerId, address: remoteAddr };
    void relay.handleStream(from, tap === undefined ? stream : tapped(stream, tap));
  });
  network.start();
  return {
    peerId: identity.peerId,
    network,
    relay,
    async [Symbol.asyncDispose]() {
      relay.stop();
      await network.close();
    },
  };
}

function tappedSession(session: RelaySession, tap: (bytes: Uint8Array) => void): RelaySession {
  return {
    peerId: session.peerId,
    openStream: async (priority) => tapped(await session.openStream(priority), tap),
  };
}

function tapped(stream: RelayStream, tap: (bytes: Uint8Array) => void): RelayStream {
  return {
    async read(into) {
      const read = await stream.read(into);
      if (read !== null) tap(into.slice(0, read));
      return read;
    },
    write: (bytes) => stream.write(bytes),
    finish: () => stream.finish(),
    reset: (code) => stream.reset(code),
  };
}

Deno.test("A relay carries a session between two peers, and reads nothing of it", async () => {
  const seen: Uint8Array[] = [];
  await using relay = await peer((bytes) => seen.push(bytes));
  await using caller = await peer();
  await using called = await peer();
  const { signal } = new AbortController();
  await called.network.connect(relay.peerId, relay.network.listen, signal);
  const toRelay = await caller.network.connect(relay.peerId, relay.network.listen, signal);

  const received = Promise.withResolvers<Uint8Array>();
  called.network.onStream(STREAM_TYPES.transfer, async (session, stream) => {
    assert.equal(session.peerId, caller.peerId);
    assert.ok(isRelayedAddress(session.remoteAddr));
    const parts: Uint8Array[] = [];
    const buffer = new Uint8Array(4096);
    for (let read = await stream.read(buffer); read !== null; read = await stream.read(buffer)) {
      parts.push(buffer.slice(0, read));
    }
    received.resolve(concatBytes(...parts));
  });
  const link = await caller.relay.open(toRelay, called.peerId);
  const session = await caller.network.connectThrough(link, signal);
  assert.equal(session.peerId, called.peerId);
  const secret = new TextEncoder().encode("what the relay must not read ".repeat(500));
  const stream = await session.openStream("bulk");
  await stream.write(varintBytes(STREAM_TYPES.transfer));
  await stream.write(secret);
  await stream.finish();
  assert.deepEqual(await received.promise, secret);

  const carried = concatBytes(...seen);
  assert.ok(carried.length > secret.length && relay.relay.bytesRelayed > secret.length);
  assert.ok(!toHex(carried).includes(toHex(secret.subarray(0, 12))));
});
