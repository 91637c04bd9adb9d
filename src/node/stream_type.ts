/**
 * The varint that opens every stream.
 *
 * @module
 */

import { type PeerStream, StreamError } from "../transfer/mod.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { ByteReader } from "../wire/varint.ts";

/**
 * Reads a stream's type, byte by byte so that nothing behind it is taken; null when the stream ends before, or
 * begins with no type there could be.
 */
export async function readStreamType(stream: PeerStream): Promise<number | null> {
  const bytes = new Uint8Array(MAX_VARINT_BYTES);
  try {
    if (await stream.read(bytes.subarray(0, 1)) === null) return null;
    // RFC 9000 §16: the two highest bits of the first byte say how long the integer is.
    const length = 1 << (bytes[0] >> 6);
    for (let at = 1; at < length; at++) {
      if (await stream.read(bytes.subarray(at, at + 1)) === null) return null;
    }
    return new ByteReader().reset(bytes, 0, length).varint();
  } catch (error) {
    if (error instanceof StreamError || error instanceof DecodeError) return null;
    throw error;
  }
}

const MAX_VARINT_BYTES = 8;
