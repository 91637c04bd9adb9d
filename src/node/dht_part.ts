/**
 * The node's DHT, put on its network.
 *
 * @module
 */

import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import type { CipherSuite } from "../crypto/cipher_suite.ts";
import { DhtService } from "../dht/dht_service.ts";
import { type Entropy, randomBytes, seededPrng } from "../entropy.ts";
import type { EventBus } from "../observe/event_bus.ts";
import { DATAGRAM_TYPES } from "../wire/codes.ts";
import type { Identity } from "./identity.ts";
import type { Network } from "./network.ts";

export interface DhtPartOptions {
  readonly config: Config;
  readonly identity: Identity;
  readonly suite: CipherSuite;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly bus: EventBus;
  readonly network: Network;
  /** Whether contacts are kept across restarts. */
  readonly keepsContacts: boolean;
}

/** A DHT service that hears the network's messages; null when the configuration turns it off. */
export function createDht(options: DhtPartOptions): DhtService | null {
  const { config, identity, suite, clock, entropy, bus, network } = options;
  if (!config.dht.enabled) return null;
  const dht = new DhtService({
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
    ...(options.keepsContacts ? { contactsFile: join(config.node.dataDir, "contacts.json") } : {}),
  });
  network.onDatagram(DATAGRAM_TYPES.dht, (session, payload) => dht.onDatagram(session, payload));
  return dht;
}
