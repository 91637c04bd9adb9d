/**
 * An offer, read to its end and checked against policy before anything of it touches the disk.
 *
 * @module
 */

import type { MessageReader } from "./message_reader.ts";
import { type ManifestEntry, MAX_FILE_BYTES, type OfferMessage } from "./messages.ts";
import { OfferedPaths, printableName } from "./path_safety.ts";
import { MAX_OFFER_PATH_BYTES, requireAcceptedFileSize, type TransferSettings } from "./settings.ts";
import { TransferError } from "./transfer_error.ts";

/** The first message of a stream. @throws {TransferError} @throws {StreamError} */
export async function readOffer(reader: MessageReader): Promise<OfferMessage> {
  const message = await reader.next();
  if (message?.type === "offer") return message;
  if (message?.type === "abort") throw new TransferError(message.reason, message.message);
  throw new TransferError("protocol", "Refused: a transfer begins with an offer");
}

/** All entries of an offer, and their names against each other. */
export interface Manifest {
  readonly entries: readonly ManifestEntry[];
  readonly paths: OfferedPaths;
}

/**
 * The pages that follow `offer`. Memory is bounded by the offer's own counts, which were checked before.
 *
 * @throws {TransferError} with the reason for the sender.
 * @throws {StreamError}
 */
export async function readManifest(
  reader: MessageReader,
  offer: OfferMessage,
  settings: TransferSettings,
  platform: "posix" | "windows",
): Promise<Manifest> {
  const entries: ManifestEntry[] = [];
  const paths = new OfferedPaths(platform);
  let files = 0;
  let bytes = 0;
  let pathBytes = 0;
  while (entries.length < offer.entries) {
    const message = await reader.next();
    if (message?.type === "abort") throw new TransferError(message.reason, message.message);
    if (message?.type === "pause") continue;
    if (message?.type !== "entries") throw new TransferError("protocol", "Refused: the offer is cut short");
    for (const entry of message.entries) {
      paths.add(entry);
      requireAcceptedFileSize(settings, printableName(entry.path), entry.sizeBytes);
      if (!entry.isDirectory) files++;
      bytes += entry.sizeBytes;
      pathBytes += entry.path.length;
      entries.push(entry);
    }
    if (pathBytes > MAX_OFFER_PATH_BYTES) {
      throw new TransferError("refused_size", "Refused: the names of the offer are too long in all");
    }
  }
  if (entries.length !== offer.entries || files !== offer.files || bytes !== offer.bytes) {
    throw new TransferError("protocol", "Refused: the offer's totals are not those of its files");
  }
  if (bytes > MAX_FILE_BYTES) throw new TransferError("refused_size", "Refused: the offer is too large");
  return { entries, paths };
}
