/**
 * Variable-length integers of RFC 9000 section 16, for values that a JavaScript number holds exactly.
 *
 * @module
 */

import { DecodeError } from "./decode_error.ts";

/** The largest value written or accepted: 2^53 - 1. The format itself reaches 2^62 - 1. */
export const VARINT_MAX = Number.MAX_SAFE_INTEGER;

/** How many bytes (1, 2, 4 or 8) the shortest form of `value` takes. */
export function varintLength(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x4000_0000) return 4;
  return 8;
}

/**
 * Writes the shortest form of `value` at `offset` and returns the next offset.
 *
 * @param value an integer in [0, 2^53).
 */
export function encodeVarint(value: number, out: Uint8Array, offset: number): number {
  if (value < 0x40) {
    out[offset] = value;
    return offset + 1;
  }
  if (value < 0x4000) {
    out[offset] = 0x40 | (value >>> 8);
    out[offset + 1] = value;
    return offset + 2;
  }
  if (value < 0x4000_0000) {
    out[offset] = 0x80 | (value >>> 24);
    out[offset + 1] = value >>> 16;
    out[offset + 2] = value >>> 8;
    out[offset + 3] = value;
    return offset + 4;
  }
  const high = Math.floor(value / 0x1_0000_0000);
  const low = value >>> 0;
  out[offset] = 0xc0 | (high >>> 24);
  out[offset + 1] = high >>> 16;
  out[offset + 2] = high >>> 8;
  out[offset + 3] = high;
  out[offset + 4] = low >>> 24;
  out[offset + 5] = low >>> 16;
  out[offset + 6] = low >>> 8;
  out[offset + 7] = low;
  return offset + 8;
}

/** `value` alone, in a new array: for the prefixes of stream messages. */
export function varintBytes(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(varintLength(value));
  encodeVarint(value, bytes, 0);
  return bytes;
}

/**
 * A position in borrowed bytes that moves forward as values are read. One object serves many inputs through
 * {@link reset}; it never copies and never reads at or past its end.
 */
export class ByteReader {
  #bytes: Uint8Array = EMPTY;
  #offset = 0;
  #end = 0;

  /** Starts over on `bytes[start, end)`. */
  reset(bytes: Uint8Array, start = 0, end: number = bytes.length): this {
    this.#bytes = bytes;
    this.#offset = start;
    this.#end = end;
    return this;
  }

  /** The array being read, for callers that take ranges of it in place. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  /** @throws {DecodeError} at the end of the input. */
  byte(): number {
    return this.#bytes[this.skip(1)];
  }

  /** A big-endian unsigned 32-bit integer. @throws {DecodeError} */
  uint32(): number {
    const at = this.skip(4);
    const bytes = this.#bytes;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  /** @throws {DecodeError} at the end of the input, or when the value exceeds {@link VARINT_MAX}. */
  varint(): number {
    const first = this.byte();
    const kind = first >>> 6;
    if (kind === 0) return first;
    const bytes = this.#bytes;
    if (kind === 1) return ((first & 0x3f) << 8) | bytes[this.skip(1)];
    const at = this.skip(3);
    const high = ((first & 0x3f) << 24) | (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
    if (kind === 2) return high;
    if (high > 0x1f_ffff) throw new DecodeError("Variable-length integer above 2^53 - 1");
    return high * 0x1_0000_0000 + this.uint32();
  }

  /** A view of the next `length` bytes: borrowed, like the input itself. @throws {DecodeError} */
  view(length: number): Uint8Array {
    const at = this.skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Moves over `length` bytes and returns where they start. @throws {DecodeError} when there are fewer. */
  skip(length: number): number {
    const at = this.#offset;
    if (length > this.#end - at) throw new DecodeError("Unexpected end of input");
    this.#offset = at + length;
    return at;
  }
}

const EMPTY = new Uint8Array(0);
