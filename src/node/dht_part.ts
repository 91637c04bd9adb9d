/**
 * The node's DHT, put on its network.
 *
 * @module
 */

import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { isRelayedAddress } from "../dht/endpoint_address.ts";
import { DhtService } from "../dht/dht_service.ts";
import { type Entropy, randomBytes, seededPrng } from "../entropy.ts";
import type { EventBus } from "../observe/event_bus.ts";
import { DATAGRAM_TYPES } from "../wire/codes.ts";
import type { Identity } from "./identity.ts";
import type { Meeting } from "./meeting.ts";
import type { Network } from "./network.ts";
import type { Session } from "./session.ts";

export interface DhtPartOptions {
  readonly config: Config;
  readonly identity: Identity;
  readonly suite: CipherSuite;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly bus: EventBus;
  readonly network: Network;
  readonly meeting: Meeting;
  /** Whether contacts are kept across restarts. */
  readonly keepsContacts: boolean;
}

/** A DHT service that hears the network's messages; null when the configuration turns it off. */
export function createDht(options: DhtPartOptions): DhtService | null {
  const { config, identity, suite, clock, entropy, bus, network, meeting } = options;
  if (!config.dht.enabled) return null;
  const dht: DhtService = new DhtService({
    identity: { peerId: identity.peerId, seed: identity.seed },
    suite,
    prng: seededPrng(new DataView(randomBytes(entropy, 4).buffer).getUint32(0)),
    clock,
    network,
    emit: bus.emit,
    settings: {
      replication: config.dht.replication,
      concurrency: config.dht.concurrency,
      maxStoredValues: config.dht.maxStoredValues,
      maxStoredBytes: config.dht.maxStoredBytes,
      queryRate: config.security.dhtQueryRate,
    },
    bootstrap: config.dht.bootstrap,
    advertise: config.network.advertise,
    localHosts: () => Deno.networkInterfaces().map(({ address }) => address),
    onIntroducers: (introducers) => meeting.acceptCallsFrom(introducers),
    ...(options.keepsContacts ? { contactsFile: join(config.node.dataDir, "contacts.json") } : {}),
  });
  network.onDatagram(DATAGRAM_TYPES.dht, (session, payload) => dht.onDatagram(session, payload));
  network.onSession((session) => {
    if (session.direction === "inbound" && dht.isBehindNat && isStranger(session)) dht.onReachedByStranger();
  });
  return dht;

  function isStranger({ peerId, remoteAddr }: Session): boolean {
    const isKnown = meeting.isExpected(peerId) || dht.peers().some((peer) => peer.peerId === peerId);
    return !isKnown && !isRelayedAddress(remoteAddr);
  }
}
