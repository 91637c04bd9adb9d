/**
 * From a peer's name to a session with it.
 *
 * @module
 */

import type { PeerAddress } from "../config/peer_address.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { DhtService, FoundPeer } from "../dht/dht_service.ts";
import type { Session } from "./session.ts";

/** What reaching a peer needs of the network. */
export interface SessionSource {
  sessionWith(peerId: PeerId): Session | null;
  connect(peerId: PeerId, address: string, signal: AbortSignal): Promise<Session>;
}

/** What reaching a peer behind a NAT needs: {@link Meeting} has it. */
export interface PeerMeeting {
  reach(target: PeerId, introducers: readonly Introducer[], signal: AbortSignal): Promise<Session>;
}

type Introducer = FoundPeer["introducers"][number];

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
  meeting: PeerMeeting | null = null,
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
  return await firstWay(network, found, signal, meeting);
}

/**
 * Dials the peer where it says it is; if it says that others introduce it, only for as long as its answer could
 * take, and then through them.
 */
async function firstWay(
  network: SessionSource,
  { peerId, addresses, introducers }: FoundPeer,
  signal: AbortSignal,
  meeting: PeerMeeting | null,
): Promise<Session> {
  if (meeting === null || introducers.length === 0) {
    return await firstThatAnswers(network, peerId, addresses, signal);
  }
  const brief = AbortSignal.any([signal, AbortSignal.timeout(DIRECT_TRY_MS)]);
  try {
    return await firstThatAnswers(network, peerId, addresses, brief);
  } catch {
    signal.throwIfAborted();
  }
  try {
    return await meeting.reach(peerId, introducers, signal);
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnreachablePeerError(
      `cannot reach ${peerId}: it is behind a NAT, and neither an introducer nor a relay helped: ${reason}`,
      { cause: error },
    );
  }
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

/** Handshake messages at 0, 250 and 750 ms have been answered by then, or are not going to be. */
const DIRECT_TRY_MS = 2_000;
