/**
 * The node's shares, put on its network and its DHT.
 *
 * @module
 */

import { join } from "node:path";
import type { PeerAddress } from "../config/peer_address.ts";
import type { DhtService, FoundProvider } from "../dht/dht_service.ts";
import type { Entropy } from "../entropy.ts";
import type { EventBus } from "../observe/event_bus.ts";
import {
  type ContentRouter,
  FileStorage,
  type PeerSession,
  ShareService,
  systemTimers,
  type TransferService,
} from "../transfer/mod.ts";
import { STREAM_TYPES } from "../wire/codes.ts";
import type { Network } from "./network.ts";

export interface SharePartOptions {
  readonly dataDir: string;
  readonly entropy: Entropy;
  readonly bus: EventBus;
  readonly network: Network;
  readonly transfers: TransferService;
  readonly dht: DhtService | null;
  /** A session with that peer: the one there is, or a new one. */
  readonly reach: (peer: PeerAddress, signal: AbortSignal) => Promise<PeerSession>;
}

/** The shares of a node. */
export type NodeShares = ShareService<FoundProvider>;

/** A share service that serves the network's streams and announces in the DHT, where there is one. */
export function createShares(options: SharePartOptions): NodeShares {
  const { dataDir, entropy, bus, network, transfers, dht } = options;
  const shares: NodeShares = new ShareService({
    storage: new FileStorage(),
    folder: join(dataDir, "shares"),
    timers: systemTimers,
    entropy,
    emit: bus.emit,
    transfers,
    router: dht ?? WITHOUT_DHT,
    dial: (provider, signal) => dial(options, provider, signal),
  });
  network.onStream(STREAM_TYPES.share, (session, stream) => void shares.handleIncoming(session, stream));
  return shares;
}

/** The session there is, or one to the first place that answers, or what the DHT can do about it. */
async function dial(
  { network, reach }: SharePartOptions,
  { peerId, addresses }: FoundProvider,
  signal: AbortSignal,
): Promise<PeerSession> {
  const existing = network.sessionWith(peerId);
  if (existing !== null) return existing;
  for (const address of addresses) {
    try {
      return await network.connect(peerId, address, signal);
    } catch {
      // The next place may answer, and after the last one the DHT may know more.
      signal.throwIfAborted();
    }
  }
  return await reach({ peerId, address: null }, signal);
}

const WITHOUT_DHT: ContentRouter<FoundProvider> = {
  announce: () =>
    Promise.reject(new Error("the DHT is off, so only peers that are told of this node find it")),
  async *findProviders() {},
};
