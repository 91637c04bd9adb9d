/**
 * Frames inside Data packets: parsing in place, without an object per frame.
 *
 * @module
 */

import { DecodeError } from "./decode_error.ts";
import type { ByteReader } from "./varint.ts";

/** First byte of each frame. STREAM's lowest bit says whether the bytes end the stream. */
export const FrameType = {
  Padding: 0x00,
  Ping: 0x01,
  Ack: 0x02,
  ResetStream: 0x04,
  StopSending: 0x05,
  Stream: 0x08,
  StreamFin: 0x09,
  MaxData: 0x10,
  MaxStreamData: 0x11,
  MaxStreams: 0x12,
  PathChallenge: 0x1a,
  PathResponse: 0x1b,
  Close: 0x1c,
  Rekey: 0x20,
  Datagram: 0x30,
} as const;

/** The most ranges an ACK may carry. Ours stay far below; a peer's longer one is a frame error. */
export const MAX_ACK_RANGES = 256;
/** The longest CLOSE reason that is written or read, in bytes. */
export const MAX_CLOSE_REASON = 512;
/** Bytes of a path challenge and its response (RFC 9000 §19.17). */
export const PATH_DATA_LENGTH = 8;

/** Acknowledged packet numbers as the wire gives them, newest first. One object serves every ACK. */
export interface AckRanges {
  /** How many entries of the arrays mean anything; at least 1. */
  readonly count: number;
  /** Largest number of range `i`; strictly descending. */
  readonly high: Float64Array;
  /** Smallest number of range `i`. */
  readonly low: Float64Array;
}

/** Whether `ranges` acknowledges packet `number`. */
export function includesNumber(ranges: AckRanges, number: number): boolean {
  for (let i = 0; i < ranges.count && ranges.high[i] >= number; i++) {
    if (ranges.low[i] <= number) return true;
  }
  return false;
}

/**
 * What a packet's frames are told to. Byte ranges are borrowed until the call returns. A sink may throw its
 * own protocol error; parsing stops there.
 */
export interface FrameSink {
  onPing(): void;
  onAck(ranges: AckRanges, delayUs: number): void;
  onStream(id: number, offset: number, bytes: Uint8Array, start: number, length: number, fin: boolean): void;
  onResetStream(id: number, code: number, finalSize: number): void;
  onStopSending(id: number, code: number): void;
  onMaxData(limit: number): void;
  onMaxStreamData(id: number, limit: number): void;
  onMaxStreams(limit: number): void;
  onPathChallenge(data: Uint8Array): void;
  onPathResponse(data: Uint8Array): void;
  onRekey(epoch: number, publicKey: Uint8Array, isResponse: boolean): void;
  onDatagram(payload: Uint8Array): void;
  onClose(code: number, reason: string): void;
}

/**
 * Parses every frame in what is left of `reader` and tells `sink`.
 *
 * @returns whether any frame asks for an acknowledgement (all do but PADDING, ACK and CLOSE: RFC 9002 §2).
 * @throws {DecodeError} on an unknown or malformed frame, and on a packet without frames.
 */
export function parseFrames(reader: ByteReader, sink: FrameSink): boolean {
  if (reader.remaining === 0) throw new DecodeError("Packet without frames");
  let ackEliciting = false;
  while (reader.remaining > 0) {
    const type = reader.byte();
    if (type === FrameType.Padding) continue;
    if (type !== FrameType.Ack && type !== FrameType.Close) ackEliciting = true;
    parseFrame(type, reader, sink);
  }
  return ackEliciting;
}

function parseFrame(type: number, reader: ByteReader, sink: FrameSink): void {
  switch (type) {
    case FrameType.Stream:
    case FrameType.StreamFin:
      return parseStream(type === FrameType.StreamFin, reader, sink);
    case FrameType.Ack:
      return parseAck(reader, sink);
    case FrameType.Ping:
      return sink.onPing();
    case FrameType.ResetStream:
      return sink.onResetStream(reader.varint(), reader.varint(), reader.varint());
    case FrameType.StopSending:
      return sink.onStopSending(reader.varint(), reader.varint());
    case FrameType.MaxData:
      return sink.onMaxData(reader.varint());
    case FrameType.MaxStreamData:
      return sink.onMaxStreamData(reader.varint(), reader.varint());
    case FrameType.MaxStreams:
      return sink.onMaxStreams(reader.varint());
    case FrameType.PathChallenge:
      return sink.onPathChallenge(reader.view(PATH_DATA_LENGTH));
    case FrameType.PathResponse:
      return sink.onPathResponse(reader.view(PATH_DATA_LENGTH));
    case FrameType.Rekey:
      return parseRekey(reader, sink);
    case FrameType.Datagram:
      return sink.onDatagram(reader.view(reader.varint()));
    case FrameType.Close:
      return parseClose(reader, sink);
    default:
      throw new DecodeError(`Unknown frame type 0x${type.toString(16).padStart(2, "0")}`);
  }
}

function parseStream(fin: boolean, reader: ByteReader, sink: FrameSink): void {
  const id = reader.varint();
  const offset = reader.varint();
  const length = reader.varint();
  const start = reader.skip(length);
  if (offset + length > Number.MAX_SAFE_INTEGER) throw new DecodeError("Stream offset above 2^53 - 1");
  sink.onStream(id, offset, reader.bytes, start, length, fin);
}

/** RFC 9000 §19.3: largest, delay, further ranges, first range, then (gap, range) pairs downwards. */
function parseAck(reader: ByteReader, sink: FrameSink): void {
  const largest = reader.varint();
  const delayUs = reader.varint();
  const further = reader.varint();
  if (further >= MAX_ACK_RANGES) {
    throw new DecodeError(`ACK with ${further + 1} ranges, at most ${MAX_ACK_RANGES}`);
  }
  let high = largest;
  for (let i = 0; i <= further; i++) {
    if (i > 0) high = ackRanges.low[i - 1] - reader.varint() - 2;
    const low = high - reader.varint();
    if (low < 0) throw new DecodeError("ACK range below packet number 0");
    ackRanges.high[i] = high;
    ackRanges.low[i] = low;
  }
  ackRanges.count = further + 1;
  sink.onAck(ackRanges, delayUs);
}

function parseRekey(reader: ByteReader, sink: FrameSink): void {
  const epoch = reader.varint();
  const role = reader.byte();
  if (role > 1) throw new DecodeError(`REKEY role ${role}, expected 0 or 1`);
  sink.onRekey(epoch, reader.view(32), role === 1);
}

function parseClose(reader: ByteReader, sink: FrameSink): void {
  const code = reader.varint();
  const length = reader.varint();
  if (length > MAX_CLOSE_REASON) {
    throw new DecodeError(`CLOSE reason of ${length} bytes, at most ${MAX_CLOSE_REASON}`);
  }
  sink.onClose(code, reasonText.decode(reader.view(length)));
}

// Filled and read within one call: the parser never runs re-entrantly.
const ackRanges = {
  count: 0,
  high: new Float64Array(MAX_ACK_RANGES),
  low: new Float64Array(MAX_ACK_RANGES),
};
const reasonText = new TextDecoder();
