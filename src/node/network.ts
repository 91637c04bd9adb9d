/**
 * The node's end of the network: its socket, the sessions over it, and who hears of what peers start.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Config, NetworkConfig } from "../config/config.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { signStaticKey } from "../crypto/identity_binding.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import { isRelayedAddress } from "../dht/endpoint_address.ts";
import type { RelayLink } from "../dht/relay_link_edge.ts";
import { type Entropy, type Prng, randomBytes, seededPrng } from "../entropy.ts";
import { type SessionView, type TransportCounters } from "../monitor/node_view.ts";
import { type Address, parseHostPort } from "../net/address.ts";
import type { DatagramSocket } from "../net/datagram_socket.ts";
import { openSocket } from "../net/open_socket.ts";
import { resolveAddress } from "../net/resolve.ts";
import type { EventBus } from "../observe/event_bus.ts";
import { DEFAULT_ADMISSION } from "../session/admission.ts";
import { congestionNamed } from "../session/congestion_choice.ts";
import { Endpoint, type EndpointOptions } from "../session/endpoint.ts";
import type { KeySink } from "../session/key_log.ts";
import { DEFAULT_SESSION_SETTINGS, type SessionSettings } from "../session/session_settings.ts";
import type { PeerStream } from "../transfer/mod.ts";
import { STREAM_CODES } from "../wire/codes.ts";
import { Driver } from "./driver.ts";
import type { Identity } from "./identity.ts";
import { RelayedSocket } from "./relayed_socket.ts";
import type { SendCounts } from "./send_watch.ts";
import type { Session, SessionListener } from "./session.ts";
import { readStreamType } from "./stream_type.ts";

export interface NetworkOptions {
  readonly config: Config;
  readonly identity: Identity;
  readonly suite: CipherSuite;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly bus: EventBus;
  /** What this software calls itself to peers. */
  readonly agent: string;
  /** Whether datagrams from there are ignored. */
  readonly isBanned?: EndpointOptions["isBanned"];
}

/** Takes a stream that a peer opened; its type has been read. */
export type StreamHandler = (session: Session, stream: PeerStream) => void;
/** Takes an unreliable message, its type byte included; the bytes are the handler's. */
export type DatagramHandler = (session: Session, payload: Uint8Array<ArrayBuffer>) => void;

/** One bound socket and everything that goes over it. */
export class Network {
  readonly #socket: RelayedSocket;
  readonly #endpoint: Endpoint;
  readonly #driver: Driver;
  readonly #streamHandlers = new Map<number, StreamHandler>();
  readonly #datagramHandlers = new Map<number, DatagramHandler>();
  readonly #sessionHandlers: ((session: Session) => void)[] = [];

  /** Binds `network.listen`. Nothing is received before {@link start}. @throws {SocketError} */
  static async open(options: NetworkOptions): Promise<Network> {
    const { config, bus } = options;
    const onNotice = (message: string) =>
      bus.emit({ type: "node.notice", severity: "info", component: "network", message });
    const { port } = parseHostPort(config.network.listen);
    const { hostname } = await bindAddressOf(config.network.listen);
    const socket = await openSocket({ hostname, port, onNotice }, config.network.backend);
    return new Network(options, new RelayedSocket(socket));
  }

  private constructor(options: NetworkOptions, socket: RelayedSocket) {
    const { config, suite, entropy, clock, bus, isBanned } = options;
    const prng = seededPrng(new DataView(randomBytes(entropy, 4).buffer).getUint32(0));
    this.#socket = socket;
    this.#endpoint = new Endpoint({
      suite,
      entropy,
      prng,
      identity: sessionIdentityOf(options.identity, suite),
      settings: sessionSettingsOf(config.network, options.agent, prng),
      admission: { ...DEFAULT_ADMISSION, retry: config.network.retry },
      maxSessions: config.network.maxSessions,
      emit: bus.emit,
      ...(isBanned === undefined ? {} : { isBanned }),
    });
    this.#driver = new Driver({ endpoint: this.#endpoint, socket, clock, listener: this.#listener() });
  }

  /** `host:port` as bound. */
  get listen(): string {
    return this.#socket.localAddress.text;
  }

  /** Which kind of socket it is. */
  get sockets(): DatagramSocket["backend"] {
    return this.#socket.backend;
  }

  get driver(): Driver {
    return this.#driver;
  }

  /** Streams of `type` go to `handler`. */
  onStream(type: number, handler: StreamHandler): void {
    this.#streamHandlers.set(type, handler);
  }

  /** Unreliable messages of `type` go to `handler`. */
  onDatagram(type: number, handler: DatagramHandler): void {
    this.#datagramHandlers.set(type, handler);
  }

  /** Every new session goes to `handler`, whoever established it. */
  onSession(handler: (session: Session) => void): void {
    this.#sessionHandlers.push(handler);
  }

  /** Takes what comes through a relay; the peer at the other end establishes the session. */
  attachRelay(link: RelayLink): Address {
    return this.#socket.attach(link);
  }

  /** Establishes a session with the peer at the other end of a circuit. @throws {ConnectError} */
  async connectThrough(link: RelayLink, signal: AbortSignal): Promise<Session> {
    return await this.#driver.connect(this.#socket.attach(link), link.peer, signal);
  }

  /** The address that the socket is bound to. */
  get localAddress(): Address {
    return this.#socket.localAddress;
  }

  /** Tells `sink` the keys that sessions take from now on; null tells nobody. */
  logKeys(sink: KeySink | null): void {
    this.#endpoint.keyLog.sink = sink;
  }

  /** Asks every session for fresh keys. */
  renewKeys(): void {
    for (const { connection } of this.#driver.sessions()) {
      connection.rekey();
      this.#driver.wake(connection);
    }
  }

  start(): void {
    this.#driver.start();
  }

  /** Ends every session, tells the peers, and closes the socket. Idempotent. */
  close(): Promise<void> {
    return this.#driver.close();
  }

  /** Resolves `host:port` to an address that this socket can reach. @throws {AddressLookupError} */
  resolve(address: string): Promise<Address> {
    const { family } = this.#socket.localAddress;
    // A socket bound to [::] reaches both families, one bound to 0.0.0.0 only its own.
    return resolveAddress(address, family === 4 ? { family } : {});
  }

  /** The session with `peerId`, or null while there is none. */
  sessionWith(peerId: PeerId): Session | null {
    return this.#driver.sessionWith(peerId);
  }

  /** Establishes a session; gives the wait up when `signal` aborts. @throws {ConnectError} */
  async connect(peerId: PeerId, address: string, signal: AbortSignal): Promise<Session> {
    const to = await this.resolve(address);
    signal.throwIfAborted();
    return await this.#driver.connect(to, peerId, signal);
  }

  session(id: number): Session | undefined {
    return this.#driver.session(id);
  }

  /** Sends an unreliable message, its type byte included. Returns whether it was taken. */
  sendDatagram(sessionId: number, bytes: Uint8Array): boolean {
    return this.#driver.session(sessionId)?.sendDatagram(bytes) ?? false;
  }

  /** What became of the datagrams that were given to the system. */
  get sendCounts(): SendCounts {
    const { datagramsSent, sendFailures } = this.#socket.stats;
    return { accepted: datagramsSent, refused: sendFailures };
  }

  get counters(): TransportCounters {
    const { stats } = this.#endpoint;
    return {
      bytesSent: stats.bytesSent,
      bytesReceived: stats.bytesReceived,
      packetsSent: stats.packetsSent,
      packetsReceived: stats.packetsReceived,
      packetsLost: stats.packetsLost,
      packetsRefused: this.sendCounts.refused,
      packetsDropped: { ...stats.dropped },
      halfOpen: this.#endpoint.halfOpenCount,
    };
  }

  get sessionCount(): number {
    return this.#driver.sessionCount;
  }

  sessions(limit: number): SessionView[] {
    return Iterator.from(this.#driver.sessions()).take(limit).map(sessionView).toArray();
  }

  #listener(): SessionListener {
    return {
      onSession: (session) => {
        for (const handler of this.#sessionHandlers) handler(session);
      },
      onStream: (session, stream) => void this.#dispatch(session, stream),
      onDatagram: (session, payload) => this.#datagramHandlers.get(payload[0])?.(session, payload),
      onSessionEnded: () => {},
    };
  }

  /** Reads the type that opens a stream and hands it on. */
  async #dispatch(session: Session, stream: PeerStream): Promise<void> {
    const type = await readStreamType(stream);
    const handler = type === null ? undefined : this.#streamHandlers.get(type);
    if (handler === undefined) stream.reset(STREAM_CODES.unknown_type);
    else handler(session, stream);
  }
}

/** The literal to bind: what `network.listen` names, looked up when it is a name. */
async function bindAddressOf(listen: string): Promise<{ readonly hostname: string }> {
  const { host, port } = parseHostPort(listen);
  // Port 0 is no address to send to, but a fine one to bind.
  return port === 0
    ? await resolveAddress(`${host.includes(":") ? `[${host}]` : host}:1`)
    : await resolveAddress(listen);
}

function sessionIdentityOf(identity: Identity, suite: CipherSuite) {
  return {
    identityKey: identity.publicKey,
    staticKeys: { secretKey: identity.staticSecretKey, publicKey: identity.staticPublicKey },
    staticKeySignature: signStaticKey(suite, identity.seed, identity.staticPublicKey),
  };
}

function sessionSettingsOf(network: NetworkConfig, agent: string, prng: Prng): SessionSettings {
  return {
    ...DEFAULT_SESSION_SETTINGS,
    maxDatagramBytes: network.maxDatagramBytes,
    idleTimeoutMs: network.idleTimeoutMs,
    keepaliveIntervalMs: network.keepaliveIntervalMs,
    handshakeTimeoutMs: network.handshakeTimeoutMs,
    agent,
    congestion: congestionNamed(network.congestion, prng),
  };
}

function sessionView(session: Session): SessionView {
  const { stats, peer, openStreams } = session.connection;
  return {
    sessionId: session.id,
    peerId: session.peerId,
    remoteAddr: session.remoteAddr,
    direction: session.direction,
    path: isRelayedAddress(session.remoteAddr) ? "relayed" : "direct",
    agent: peer.agent,
    establishedAtMs: session.establishedAtMs,
    smoothedRttMs: stats.smoothedRttMs,
    congestionWindowBytes: stats.windowBytes,
    bytesInFlight: stats.inFlightBytes,
    datagramBytes: stats.datagramBytes,
    bytesSent: stats.bytesSent,
    bytesReceived: stats.bytesReceived,
    packetsLost: stats.packetsLost,
    openStreams,
    keyEpoch: stats.epoch,
  };
}
