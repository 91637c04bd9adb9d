/**
 * Files between peers: offers, senders, receivers, content trees.
 *
 * @module
 */

export { FileStorage } from "./file_storage.ts";
export type { PeerSession, PeerStream } from "./peer_stream.ts";
export { StreamError } from "./peer_stream.ts";
export type { Storage } from "./storage.ts";
export { systemTimers, type Timers } from "./timers.ts";
export { TransferError } from "./transfer_error.ts";
export type { TransferHandle } from "./transfer_handle.ts";
export type { FileFailure, TransferOutcome, TransferSnapshot, TransferState } from "./transfer_record.ts";
export { type TraceContext, TransferService, type TransferServiceOptions } from "./transfer_service.ts";
export { linkOf, parseLink } from "./share_manifest.ts";
export type { Share } from "./share_registry.ts";
export { type ContentRouter, ShareService, type ShareServiceOptions } from "./share_service.ts";
