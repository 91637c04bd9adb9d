import assert from "node:assert/strict";
import { systemClock } from "../../src/clock.ts";
import { nobleSuite } from "../../src/crypto/noble_suite.ts";
import { peerIdOf } from "../../src/crypto/peer_id.ts";
import { randomBytes, seededPrng, systemEntropy } from "../../src/entropy.ts";
import { openDenoSocket } from "../../src/net/deno_socket.ts";
import { ConnectError, Driver } from "../../src/node/driver.ts";
import type { Session, SessionListener } from "../../src/node/session.ts";
import { DEFAULT_ADMISSION } from "../../src/session/admission.ts";
import { Endpoint } from "../../src/session/endpoint.ts";
import { DEFAULT_SESSION_SETTINGS, type SessionSettings } from "../../src/session/session_settings.ts";
import { type PeerStream, StreamError } from "../../src/transfer/peer_stream.ts";
import { makeIdentity } from "../sim/host.ts";

interface TestNode extends AsyncDisposable {
  readonly driver: Driver;
  readonly peerId: ReturnType<typeof peerIdOf>;
  readonly address: ReturnType<typeof openDenoSocket>["localAddress"];
}

let nextSeed = 1;

function testNode(
  listener: Partial<SessionListener> = {},
  settings: Partial<SessionSettings> = {},
): TestNode {
  const identity = makeIdentity(nobleSuite, nextSeed++);
  const socket = openDenoSocket({ hostname: "127.0.0.1", port: 0 });
  const endpoint = new Endpoint({
    suite: nobleSuite,
    entropy: systemEntropy,
    prng: seededPrng(nextSeed),
    identity,
    settings: { ...DEFAULT_SESSION_SETTINGS, ...settings },
    admission: DEFAULT_ADMISSION,
    maxSessions: 100,
    emit: () => {},
  });
  const driver = new Driver({
    endpoint,
    socket,
    clock: systemClock,
    listener: { onSession() {}, onStream() {}, onDatagram() {}, onSessionEnded() {}, ...listener },
  });
  driver.start();
  return {
    driver,
    peerId: peerIdOf(identity.identityKey),
    address: socket.localAddress,
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

/** The other end may leave before the last acknowledgement is back. */
function expectClosed(error: unknown): void {
  if (!(error instanceof StreamError)) throw error;
}

async function readAll(stream: PeerStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(64 * 1024);
  for (let length = await stream.read(buffer); length !== null; length = await stream.read(buffer)) {
    parts.push(buffer.slice(0, length));
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

Deno.test("Two drivers on loopback carry a stream both ways, with back-pressure", async () => {
  const echo = async (_session: Session, stream: PeerStream) => {
    await stream.write(await readAll(stream));
    await stream.finish();
  };
  await using server = testNode({
    onStream: (session, stream) => void echo(session, stream).catch(expectClosed),
  });
  await using client = testNode();
  const session = await client.driver.connect(server.address, server.peerId);
  assert.equal(session.peerId, server.peerId);
  const data = randomBytes(systemEntropy, 3_000_000);
  const stream = await session.openStream("bulk");
  const answer = readAll(stream);
  await stream.write(data);
  await stream.finish();
  assert.deepEqual(await answer, data);
});

Deno.test("A driver reports who answers instead of the expected peer", async () => {
  await using server = testNode();
  await using client = testNode();
  const stranger = peerIdOf(new Uint8Array(32).fill(7));
  await assert.rejects(
    client.driver.connect(server.address, stranger),
    (error: ConnectError) => error.reason === "identity_mismatch" && error.message.includes(server.peerId),
  );
});

Deno.test("A driver that closes tells its peers, whose streams fail", async () => {
  const ended = Promise.withResolvers<Session>();
  await using server = testNode({ onSessionEnded: (session) => ended.resolve(session) });
  const client = testNode();
  const session = await client.driver.connect(server.address, server.peerId);
  const stream = await session.openStream("bulk");
  await stream.write(Uint8Array.of(1));
  await client.driver.close();
  await assert.rejects(stream.read(new Uint8Array(1)), StreamError);
  assert.ok(session.ended.aborted);
  assert.ok(!(await ended.promise).isOpen);
});

Deno.test("The newest session with a peer is the one that is found, then the one before it", async () => {
  await using server = testNode();
  await using client = testNode();
  assert.equal(client.driver.sessionWith(server.peerId), null);
  const first = await client.driver.connect(server.address, server.peerId);
  const second = await client.driver.connect(server.address, server.peerId);
  assert.equal(client.driver.sessionWith(server.peerId), second);
  second.close();
  await new Promise<void>((resolve) => second.ended.addEventListener("abort", () => resolve()));
  assert.equal(client.driver.sessionWith(server.peerId), first);
});

Deno.test("A session that the peer's stream limit holds back opens its streams later", async () => {
  const take = async (stream: PeerStream) => {
    await readAll(stream);
    await stream.finish();
  };
  await using server = testNode({ onStream: (_session, stream) => void take(stream).catch(expectClosed) }, {
    initialMaxStreams: 4,
  });
  await using client = testNode();
  const session = await client.driver.connect(server.address, server.peerId);
  const one = async () => {
    const stream = await session.openStream("control");
    await stream.write(new Uint8Array(10));
    await stream.finish();
    assert.equal(await stream.read(new Uint8Array(1)), null);
  };
  await Promise.all(Array.from({ length: 20 }, one));
});

Deno.test("An attempt to connect that is given up ends at once", async () => {
  // A bound socket that never answers.
  const silent = openDenoSocket({ hostname: "127.0.0.1", port: 0 });
  await using client = testNode();
  const giveUp = new AbortController();
  const attempt = client.driver.connect(silent.localAddress, null, giveUp.signal);
  giveUp.abort(new Error("enough"));
  await assert.rejects(attempt, /enough/);
  silent.close();
});

Deno.test("Datagrams arrive with their bytes", async () => {
  const arrived = Promise.withResolvers<Uint8Array>();
  await using server = testNode({ onDatagram: (_session, payload) => arrived.resolve(payload) });
  await using client = testNode();
  const session = await client.driver.connect(server.address, null);
  assert.ok(session.sendDatagram(Uint8Array.of(1, 2, 3)));
  assert.deepEqual(await arrived.promise, Uint8Array.of(1, 2, 3));
});
