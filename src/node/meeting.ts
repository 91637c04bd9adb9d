/**
 * Reaching peers that cannot simply be dialled: through an introducer, and failing that through a relay.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { PeerAddress } from "../dht/contact.ts";
import { isRelayedAddress } from "../dht/endpoint_address.ts";
import { RelayService } from "../dht/relay_service.ts";
import { RendezvousService } from "../dht/rendezvous_service.ts";
import { type Entropy, randomBytes, seededPrng } from "../entropy.ts";
import type { EventBus } from "../observe/event_bus.ts";
import { DATAGRAM_TYPES, STREAM_TYPES } from "../wire/codes.ts";
import type { Network } from "./network.ts";
import type { Session } from "./session.ts";

export interface MeetingOptions {
  readonly config: Config;
  readonly self: PeerId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly bus: EventBus;
  readonly network: Network;
}

export class Meeting {
  readonly #network: Network;
  readonly #rendezvous: RendezvousService;
  readonly #relay: RelayService;

  constructor({ config, self, clock, entropy, bus, network }: MeetingOptions) {
    this.#network = network;
    this.#rendezvous = new RendezvousService({
      self,
      prng: seededPrng(new DataView(randomBytes(entropy, 4).buffer).getUint32(0)),
      clock,
      network,
      emit: bus.emit,
    });
    this.#relay = new RelayService({
      clock,
      emit: bus.emit,
      isWilling: () => config.dht.relay,
      // A circuit over a circuit would hide from both relays what they carry.
      sessionWith: (peerId) => directSession(network, peerId),
      onLink: (link) => void network.attachRelay(link),
    });
    network.onDatagram(
      DATAGRAM_TYPES.rendezvous,
      (session, payload) => this.#rendezvous.onDatagram(session, payload),
    );
    network.onStream(
      STREAM_TYPES.relay,
      ({ peerId, remoteAddr }, stream) =>
        void this.#relay.handleStream({ peerId, address: remoteAddr }, stream),
    );
    network.onSession((session) => this.#rendezvous.onSession(session));
  }

  /** Sets who may introduce others to us. */
  acceptCallsFrom(introducers: readonly PeerAddress[]): void {
    this.#rendezvous.acceptCallsFrom(introducers.map(({ peerId }) => peerId));
  }

  /** Whether a session with `peerId` is no surprise: somebody has introduced it. */
  isExpected(peerId: PeerId): boolean {
    return this.#rendezvous.isExpected(peerId);
  }

  /**
   * A session with `target` through any of `introducers`: direct if a hole can be punched, relayed by one that is
   * willing otherwise.
   *
   * @throws the last failure, when none of it works.
   */
  async reach(target: PeerId, introducers: readonly PeerAddress[], signal: AbortSignal): Promise<Session> {
    let failure: unknown = new Error(`Cannot meet ${target}: nobody introduces it`);
    for (const attempt of [this.#meet, this.#goThroughRelay]) {
      for (const introducer of introducers) {
        try {
          return await attempt.call(this, introducer, target, signal);
        } catch (error) {
          signal.throwIfAborted();
          failure = error;
        }
      }
    }
    throw failure;
  }

  stop(): void {
    this.#rendezvous.stop();
    this.#relay.stop();
  }

  async #meet(introducer: PeerAddress, target: PeerId, signal: AbortSignal): Promise<Session> {
    const { id } = await this.#rendezvous.meet(introducer, target, signal);
    const session = this.#network.session(id);
    if (session === undefined) throw new Error(`Cannot meet ${target}: the session ended at once`);
    return session;
  }

  async #goThroughRelay(relay: PeerAddress, target: PeerId, signal: AbortSignal): Promise<Session> {
    const session = directSession(this.#network, relay.peerId) ??
      await this.#network.connect(relay.peerId, relay.address, signal);
    const link = await this.#relay.open(session, target);
    try {
      return await this.#network.connectThrough(link, signal);
    } catch (error) {
      link.close();
      throw error;
    }
  }
}

function directSession(network: Network, peerId: PeerId): Session | null {
  const session = network.sessionWith(peerId);
  return session === null || isRelayedAddress(session.remoteAddr) ? null : session;
}
