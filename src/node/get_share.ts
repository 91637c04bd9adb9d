/**
 * Fetching a share, as a command asks for it: start, report until it is over.
 *
 * @module
 */

import type { PeerAddress } from "../config/peer_address.ts";
import type { NodeShares } from "./share_part.ts";
import { type TransferDocument, transferDocument } from "./transfer_documents.ts";

/** What a command asks to be fetched. */
export interface GetRequest {
  readonly root: Uint8Array<ArrayBuffer>;
  /** Absolute; exists. */
  readonly outputDir: string;
  /** Peers to ask beside those that the DHT knows. */
  readonly from: readonly PeerAddress[];
}

/**
 * Fetches, and reports the transfer's state several times a second; the last report is how it ended. Aborting
 * `signal` cancels the transfer.
 */
export async function getShare(
  shares: NodeShares,
  { root, outputDir, from }: GetRequest,
  report: (document: TransferDocument) => void,
  signal: AbortSignal,
): Promise<void> {
  const known = from.map(({ peerId, address }) => ({ peerId, addresses: address === null ? [] : [address] }));
  const handle = shares.get(root, outputDir, known);
  const cancel = () => handle.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  const reports = setInterval(() => report(transferDocument(handle.snapshot())), REPORT_INTERVAL_MS);
  try {
    report(transferDocument(await handle.outcome));
  } finally {
    clearInterval(reports);
    signal.removeEventListener("abort", cancel);
  }
  signal.throwIfAborted();
}

const REPORT_INTERVAL_MS = 200;
