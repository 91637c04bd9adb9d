/**
 * Sending files from a node, as a command asks for it: find the peer, send, report until it is over.
 *
 * @module
 */

import type { PeerAddress } from "../config/peer_address.ts";
import type { PeerSession, TransferService } from "../transfer/mod.ts";
import { followTransfer } from "./follow_transfer.ts";
import type { TransferEvent } from "./transfer_documents.ts";

/** What a command asks to be sent, and whom to. */
export interface SendRequest {
  /** Absolute. */
  readonly paths: readonly string[];
  readonly peer: PeerAddress;
}

/** What sending needs of a node. */
export interface SendingNode {
  readonly transfers: TransferService;
  /** A session with that peer: an established one, or a new one. Aborts with `signal`. */
  reach(peer: PeerAddress, signal: AbortSignal): Promise<PeerSession>;
}

/**
 * Sends, and reports the transfer's state several times a second, and last how it ended. Aborting
 * `signal` cancels the transfer.
 *
 * @throws an error of one line when the peer cannot be reached.
 */
export async function sendFiles(
  node: SendingNode,
  request: SendRequest,
  report: (event: TransferEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const session = await node.reach(request.peer, signal);
  signal.throwIfAborted();
  await followTransfer(node.transfers.send(session, request.paths), report, signal);
}
