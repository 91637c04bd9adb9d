/**
 * How datagrams travel through a relay: a stream of type 3 carries first a greeting, then datagrams, each behind its
 * length as a varint. The datagrams are those of a session of their own between the two ends, handshake included,
 * so that the relay holds no key to them.
 *
 * @module
 */

import { concatBytes } from "../bytes.ts";
import { identityKeyOf, type PeerId, peerIdOf } from "../crypto/peer_id.ts";
import { DecodeError } from "../wire/decode_error.ts";
import { varintBytes } from "../wire/varint.ts";

/** `to`: asks the relay for `peer`. `from`: the relay brings `peer`. */
export interface RelayGreeting {
  readonly direction: "to" | "from";
  readonly peer: PeerId;
}

export const RELAY_GREETING_BYTES = 33;
/** The most bytes of one relayed datagram: what fits a session's largest packet. */
export const MAX_RELAYED_BYTES = 9000;

/** The answer to a greeting: one byte. */
export type RelayAnswer = typeof RELAY_ANSWERS[number];
export const RELAY_ANSWERS = ["accepted", "unwilling", "unknown_peer", "busy", "refused"] as const;

export function encodeGreeting({ direction, peer }: RelayGreeting): Uint8Array<ArrayBuffer> {
  return concatBytes(Uint8Array.of(direction === "to" ? 1 : 2), identityKeyOf(peer));
}

/** @throws {DecodeError} when `bytes` are no {@link RELAY_GREETING_BYTES} of a greeting. */
export function decodeGreeting(bytes: Uint8Array): RelayGreeting {
  if (bytes.length !== RELAY_GREETING_BYTES || (bytes[0] !== 1 && bytes[0] !== 2)) {
    throw new DecodeError("Malformed relay greeting");
  }
  return { direction: bytes[0] === 1 ? "to" : "from", peer: peerIdOf(bytes.subarray(1)) };
}

/** One datagram as it goes into the stream. @throws {RangeError} when it is empty or too large. */
export function frameDatagram(datagram: Uint8Array): Uint8Array<ArrayBuffer> {
  if (datagram.length < 1 || datagram.length > MAX_RELAYED_BYTES) {
    throw new RangeError(
      `Cannot relay datagram: length must be between 1 and ${MAX_RELAYED_BYTES}, got ${datagram.length}`,
    );
  }
  return concatBytes(varintBytes(datagram.length), datagram);
}

/** Cuts a stream back into datagrams, however its bytes arrive. */
export class RelayUnframer {
  readonly #buffer = new Uint8Array(2 + MAX_RELAYED_BYTES);
  #length = 0;

  /**
   * Takes the stream's next bytes (borrowed) and returns the datagrams they complete, each an array of its own.
   *
   * @throws {DecodeError} when a length is impossible; the stream is of no use then.
   */
  push(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
    const datagrams: Uint8Array<ArrayBuffer>[] = [];
    let offset = 0;
    while (offset < bytes.length) {
      const room = Math.min(bytes.length - offset, this.#buffer.length - this.#length);
      this.#buffer.set(bytes.subarray(offset, offset + room), this.#length);
      this.#length += room;
      offset += room;
      this.#cut(datagrams);
    }
    return datagrams;
  }

  #cut(into: Uint8Array<ArrayBuffer>[]): void {
    let start = 0;
    for (;;) {
      const left = this.#length - start;
      const prefix = left > 0 && this.#buffer[start] >= 0x40 ? 2 : 1;
      if (left < prefix) break;
      const first = this.#buffer[start];
      if (first >= 0x80) throw new DecodeError("Relayed datagram too large");
      const length = prefix === 1 ? first : ((first & 0x3f) << 8) | this.#buffer[start + 1];
      if (length < 1 || length > MAX_RELAYED_BYTES) {
        throw new DecodeError("Impossible length of a relayed datagram");
      }
      if (left < prefix + length) break;
      into.push(this.#buffer.slice(start + prefix, start + prefix + length));
      start += prefix + length;
    }
    this.#buffer.copyWithin(0, start, this.#length);
    this.#length -= start;
  }
}
