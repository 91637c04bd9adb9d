/**
 * Writing frames: each function writes at `at` and returns the next offset; the caller has made sure of the
 * room.
 *
 * @module
 */

import { FrameType, MAX_ACK_RANGES, MAX_CLOSE_REASON, PATH_DATA_LENGTH } from "./frames.ts";
import { wholeCharacters } from "./utf8.ts";
import { encodeVarint, varintLength } from "./varint.ts";

/** Bytes of a REKEY frame with an epoch below 2^30. */
export const MAX_REKEY_LENGTH = 1 + 4 + 1 + 32;
/** Bytes of a path challenge or response frame. */
export const PATH_FRAME_LENGTH = 1 + PATH_DATA_LENGTH;
/** The most bytes a type and three integers take. */
export const MAX_INTEGERS_LENGTH = 1 + 3 * 8;

/** Bytes in front of a STREAM frame's data when that data is `length` bytes long. */
export function streamHeaderLength(id: number, offset: number, length: number): number {
  return 1 + varintLength(id) + varintLength(offset) + varintLength(length);
}

export function encodeStreamHeader(
  out: Uint8Array,
  at: number,
  id: number,
  offset: number,
  length: number,
  fin: boolean,
): number {
  out[at] = fin ? FrameType.StreamFin : FrameType.Stream;
  at = encodeVarint(id, out, at + 1);
  at = encodeVarint(offset, out, at);
  return encodeVarint(length, out, at);
}

/** A frame of a type and integers: PING, MAX_DATA, MAX_STREAM_DATA, STOP_SENDING, RESET_STREAM. */
export function encodeIntegers(
  out: Uint8Array,
  at: number,
  type: number,
  ...values: readonly number[]
): number {
  out[at++] = type;
  for (const value of values) at = encodeVarint(value, out, at);
  return at;
}

/** Descending, disjoint, non-adjacent ranges of received packet numbers, newest first. */
export interface RangesToAck {
  readonly count: number;
  highAt(index: number): number;
  lowAt(index: number): number;
}

/**
 * Writes as many of `ranges` as fit below `limit`.
 *
 * @returns the next offset, or `at` unchanged when not even the first range fits.
 */
export function encodeAck(
  out: Uint8Array,
  at: number,
  limit: number,
  ranges: RangesToAck,
  delayUs: number,
): number {
  const largest = ranges.highAt(0);
  const first = largest - ranges.lowAt(0);
  // 2: the count of further ranges.
  let needed = 1 + varintLength(largest) + varintLength(delayUs) + 2 + varintLength(first);
  if (at + needed > limit) return at;
  let further = 0;
  while (further + 1 < ranges.count && further + 1 < MAX_ACK_RANGES) {
    const gap = ranges.lowAt(further) - ranges.highAt(further + 1) - 2;
    const span = ranges.highAt(further + 1) - ranges.lowAt(further + 1);
    needed += varintLength(gap) + varintLength(span);
    if (at + needed > limit) break;
    further++;
  }
  out[at] = FrameType.Ack;
  at = encodeVarint(largest, out, at + 1);
  at = encodeVarint(delayUs, out, at);
  at = encodeVarint(further, out, at);
  at = encodeVarint(first, out, at);
  for (let i = 1; i <= further; i++) {
    at = encodeVarint(ranges.lowAt(i - 1) - ranges.highAt(i) - 2, out, at);
    at = encodeVarint(ranges.highAt(i) - ranges.lowAt(i), out, at);
  }
  return at;
}

export function encodePathFrame(out: Uint8Array, at: number, type: number, data: Uint8Array): number {
  out[at] = type;
  out.set(data, at + 1);
  return at + PATH_FRAME_LENGTH;
}

export function encodeRekey(
  out: Uint8Array,
  at: number,
  epoch: number,
  publicKey: Uint8Array,
  isResponse: boolean,
): number {
  out[at] = FrameType.Rekey;
  at = encodeVarint(epoch, out, at + 1);
  out[at] = isResponse ? 1 : 0;
  out.set(publicKey, at + 1);
  return at + 33;
}

/** Bytes of a DATAGRAM frame with `length` bytes of payload. */
export function datagramFrameLength(length: number): number {
  return 1 + varintLength(length) + length;
}

export function encodeDatagram(out: Uint8Array, at: number, payload: Uint8Array): number {
  out[at] = FrameType.Datagram;
  at = encodeVarint(payload.length, out, at + 1);
  out.set(payload, at);
  return at + payload.length;
}

/** Writes a CLOSE, its UTF-8 reason cut to what fits below `limit` and a peer will read. */
export function encodeClose(
  out: Uint8Array,
  at: number,
  limit: number,
  code: number,
  reason: Uint8Array,
): number {
  out[at] = FrameType.Close;
  at = encodeVarint(code, out, at + 1);
  const length = wholeCharacters(reason, Math.min(MAX_CLOSE_REASON, limit - at - 2));
  at = encodeVarint(length, out, at);
  out.set(reason.subarray(0, length), at);
  return at + length;
}
