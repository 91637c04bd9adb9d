/**
 * Fetching a share, as a command asks for it: start, report until it is over.
 *
 * @module
 */

import type { PeerAddress } from "../config/peer_address.ts";
import { followTransfer } from "./follow_transfer.ts";
import type { NodeShares } from "./share_part.ts";
import type { TransferEvent } from "./transfer_documents.ts";

/** What a command asks to be fetched. */
export interface GetRequest {
  readonly root: Uint8Array<ArrayBuffer>;
  /** Absolute; exists. */
  readonly outputDir: string;
  /** Peers to ask beside those that the DHT knows. */
  readonly from: readonly PeerAddress[];
}

/**
 * Fetches, and reports the transfer's state several times a second, and last how it ended. Aborting
 * `signal` cancels the transfer.
 */
export async function getShare(
  shares: NodeShares,
  { root, outputDir, from }: GetRequest,
  report: (event: TransferEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const known = from.map(({ peerId, address }) => ({ peerId, addresses: address === null ? [] : [address] }));
  await followTransfer(shares.get(root, outputDir, known), report, signal);
}
