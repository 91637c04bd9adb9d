/**
 * The 16-byte header of every datagram.
 *
 * ```text
 *  0      type
 *  1      flags     Data: low 2 bits = key epoch mod 4. Others: protocol version
 *  2..3   zero
 *  4..7   receiver  index the receiver chose (Init: the sender's own)
 *  8..15  number    Data: packet number. Response: the responder's index. Init, Final, Retry: zero
 * 16..    body
 * ```
 *
 * @module
 */

export const PROTOCOL_VERSION = 1;
export const HEADER_LENGTH = 16;
/** An Init is padded to this: the path carries that much, and an answer amplifies little (RFC 9000 §14.1). */
export const MIN_INIT_LENGTH = 1200;
/** The largest UDP payload there is over IPv4. */
export const MAX_DATAGRAM_LENGTH = 65_507;
/** Room that a Data packet leaves for frames is its length less this: header and AEAD tag. */
export const DATA_OVERHEAD = HEADER_LENGTH + 16;

export const PacketType = { Init: 1, Response: 2, Final: 3, Data: 4, Retry: 5 } as const;

/**
 * Checks the header at `start` of a datagram of `length` bytes.
 *
 * @returns the packet type (1 to 5), 0 when malformed, or -1 when the version is not ours.
 */
export function checkHeader(bytes: Uint8Array, start: number, length: number): number {
  if (length < HEADER_LENGTH) return 0;
  const type = bytes[start];
  if (type < PacketType.Init || type > PacketType.Retry || bytes[start + 2] !== 0 || bytes[start + 3] !== 0) {
    return 0;
  }
  const flags = bytes[start + 1];
  if (type === PacketType.Data) return flags <= 3 && length > DATA_OVERHEAD ? type : 0;
  return flags === PROTOCOL_VERSION ? type : -1;
}

/** The receiver index of a checked header. */
export function receiverIndex(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start + 4);
}

/**
 * The number field of a checked header, below 2^53.
 *
 * @returns -1 when the field is larger: no sender reaches that under one key.
 */
export function packetNumber(bytes: Uint8Array, start: number): number {
  const high = readUint32(bytes, start + 8);
  if (high > 0x1f_ffff) return -1;
  return high * 0x1_0000_0000 + readUint32(bytes, start + 12);
}

/** Writes a header at `start` and returns the offset of the body. */
export function writeHeader(
  out: Uint8Array,
  start: number,
  type: number,
  flags: number,
  receiver: number,
  number: number,
): number {
  out[start] = type;
  out[start + 1] = flags;
  out[start + 2] = 0;
  out[start + 3] = 0;
  writeUint32(out, start + 4, receiver);
  writeUint32(out, start + 8, Math.floor(number / 0x1_0000_0000));
  writeUint32(out, start + 12, number >>> 0);
  return start + HEADER_LENGTH;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

function writeUint32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}
