/**
 * From a peer's name to a session with it.
 *
 * @module
 */

import type { PeerAddress } from "../config/peer_address.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { DhtService } from "../dht/dht_service.ts";
import type { Session } from "./session.ts";

/** What reaching a peer needs of the network. */
export interface SessionSource {
  sessionWith(peerId: PeerId): Session | null;
  connect(peerId: PeerId, address: string, signal: AbortSignal): Promise<Session>;
}

/** Nobody knows where the peer is, or it is at none of the places; one line for people. */
export class UnreachablePeerError extends Error {
  override readonly name = "UnreachablePeerError";
}

/**
 * The session with `peer`: the one there is, or a new one to the address given, or to one that the DHT knows.
 *
 * @throws {UnreachablePeerError} when nobody knows where it is. @throws {ConnectError} when the address given
 * does not answer as that peer.
 */
export async function reachPeer(
  network: SessionSource,
  dht: Pick<DhtService, "lookupPeer"> | null,
  { peerId, address }: PeerAddress,
  signal: AbortSignal,
): Promise<Session> {
  const existing = network.sessionWith(peerId);
  if (existing !== null) return existing;
  if (address !== null) return await network.connect(peerId, address, signal);
  if (dht === null) {
    throw new UnreachablePeerError(
      `cannot look up ${peerId}: the DHT is off; say where it is with @host:port`,
    );
  }
  const found = await dht.lookupPeer(peerId, { signal });
  if (found === null) {
    throw new UnreachablePeerError(
      `cannot find ${peerId}: nobody in the DHT knows where it is; say it with @host:port`,
    );
  }
  return await firstThatAnswers(network, peerId, found.addresses, signal);
}

/** Tries addresses in order, best first. */
async function firstThatAnswers(
  network: SessionSource,
  peerId: PeerId,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Session> {
  let lastFailure: unknown;
  for (const address of addresses) {
    try {
      return await network.connect(peerId, address, signal);
    } catch (error) {
      signal.throwIfAborted();
      lastFailure = error;
    }
  }
  const places = addresses.join(", ") || "no address";
  throw new UnreachablePeerError(`cannot reach ${peerId}: it does not answer at ${places}`, {
    cause: lastFailure,
  });
}
