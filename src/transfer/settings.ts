/**
 * What an operator decides about transfers, and what this version never exceeds.
 *
 * @module
 */

import type { TransferConfig } from "../config/config.ts";
import type { PeerId } from "../crypto/peer_id.ts";
import type { OfferMessage } from "./messages.ts";
import { TransferError } from "./transfer_error.ts";

/** The settings of the configuration's `[transfer]` section. */
export type TransferSettings = TransferConfig;

/** Files and directories in one offer. A tree with more is sent in parts. */
export const MAX_OFFER_ENTRIES = 100_000;
/** Bytes of all paths in one offer. */
export const MAX_OFFER_PATH_BYTES = 16 * 2 ** 20;

/** @throws {TransferError} `refused_policy`, when nothing may come from `peerId`. */
export function requireAcceptedPeer(settings: TransferSettings, peerId: PeerId): void {
  if (settings.accept === "all") return;
  if (settings.accept === "none") {
    throw new TransferError("refused_policy", "Refused: this node accepts no transfers (transfer.accept)");
  }
  if (!settings.knownPeers.includes(peerId)) {
    throw new TransferError(
      "refused_policy",
      "Refused: the sender is not among this node's known peers (transfer.known_peers)",
    );
  }
}

/** @throws {TransferError} `refused_size`, when the offer is larger than any that is taken. */
export function requireAcceptedSize(offer: OfferMessage): void {
  if (offer.entries === 0) throw new TransferError("protocol", "Refused: an offer of nothing");
  if (offer.entries > MAX_OFFER_ENTRIES) {
    throw new TransferError(
      "refused_size",
      `Refused: ${offer.entries} files and directories, the limit is ${MAX_OFFER_ENTRIES}; send it in parts`,
    );
  }
}

/** @throws {TransferError} `refused_size`, when one file is larger than the operator allows. */
export function requireAcceptedFileSize(settings: TransferSettings, path: string, sizeBytes: number): void {
  if (settings.maxFileSizeBytes === 0 || sizeBytes <= settings.maxFileSizeBytes) return;
  throw new TransferError(
    "refused_size",
    `Refused "${path}": ${sizeBytes} bytes, the limit is ${settings.maxFileSizeBytes} (transfer.max_file_size)`,
  );
}
