/**
 * A datagram as the packet that carried it: IPv4 (RFC 791) or IPv6 (RFC 8200), then UDP (RFC 768), with the
 * checksums that the operating system would have written.
 *
 * @module
 */

import { type Address, addressBytes } from "../../net/address.ts";

const UDP_HEADER = 8;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const PROTOCOL_UDP = 17;
const HOP_LIMIT = 64;
/** RFC 791: may not be fragmented. RFC 6864 allows the identification 0 then. */
const DONT_FRAGMENT = 0x4000;

/** One end of a datagram. */
export interface PacketEnd {
  readonly ip: Uint8Array;
  readonly port: number;
}

export function packetEnd(address: Address): PacketEnd {
  return { ip: addressBytes(address), port: address.port };
}

/** Bytes before a datagram's own when both ends have an IP address of `ipLength` bytes. */
export function headersLength(ipLength: number): number {
  return (ipLength === 4 ? IPV4_HEADER : IPV6_HEADER) + UDP_HEADER;
}

/** Writes the headers that stand before `slab[offset, offset + length)` to the front of `out`. */
export function writeHeaders(
  out: Uint8Array,
  from: PacketEnd,
  to: PacketEnd,
  slab: Uint8Array,
  offset: number,
  length: number,
): void {
  const view = new DataView(out.buffer, out.byteOffset, headersLength(from.ip.length));
  const udpLength = UDP_HEADER + length;
  const udpAt = from.ip.length === 4
    ? writeIpv4(view, out, from, to, udpLength)
    : writeIpv6(view, out, from, to, udpLength);
  view.setUint16(udpAt, from.port);
  view.setUint16(udpAt + 2, to.port);
  view.setUint16(udpAt + 4, udpLength);
  view.setUint16(udpAt + 6, 0);
  // The pseudo-header: both addresses, the protocol, the length of UDP's part (RFC 768; RFC 8200 §8.1).
  let sum = wordSum(from.ip, 0, from.ip.length) + wordSum(to.ip, 0, to.ip.length) + PROTOCOL_UDP + udpLength;
  sum += wordSum(out, udpAt, UDP_HEADER) + wordSum(slab, offset, length);
  // A sum of 0 is written as all ones: 0 says that there is none.
  view.setUint16(udpAt + 6, complement(sum) || 0xffff);
}

function writeIpv4(
  view: DataView,
  out: Uint8Array,
  from: PacketEnd,
  to: PacketEnd,
  udpLength: number,
): number {
  view.setUint16(0, 0x4500); // version 4, five words of header
  view.setUint16(2, IPV4_HEADER + udpLength);
  view.setUint16(4, 0);
  view.setUint16(6, DONT_FRAGMENT);
  view.setUint8(8, HOP_LIMIT);
  view.setUint8(9, PROTOCOL_UDP);
  view.setUint16(10, 0);
  out.set(from.ip, 12);
  out.set(to.ip, 16);
  view.setUint16(10, complement(wordSum(out, 0, IPV4_HEADER)));
  return IPV4_HEADER;
}

function writeIpv6(
  view: DataView,
  out: Uint8Array,
  from: PacketEnd,
  to: PacketEnd,
  udpLength: number,
): number {
  view.setUint32(0, 0x6000_0000); // version 6, no traffic class, no flow label
  view.setUint16(4, udpLength);
  view.setUint8(6, PROTOCOL_UDP);
  view.setUint8(7, HOP_LIMIT);
  out.set(from.ip, 8);
  out.set(to.ip, 24);
  return IPV6_HEADER;
}

/** The sum of the 16-bit words of `bytes[start, start + length)`, an odd last byte padded (RFC 1071). */
function wordSum(bytes: Uint8Array, start: number, length: number): number {
  const aligned = ((bytes.byteOffset + start) & 3) === 0 && length >= 64;
  return aligned && IS_LITTLE_ENDIAN
    ? wordSumOfAligned(bytes, start, length)
    : slowWordSum(bytes, start, length);
}

/**
 * Four bytes at a time, in the machine's order: the one's complement sum of swapped words is the swapped sum
 * (RFC 1071 §2 B). The result is folded to 16 bits. Neither half can pass 2^30 within a datagram.
 */
function wordSumOfAligned(bytes: Uint8Array, start: number, length: number): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + start, length >> 2);
  let low = 0, high = 0;
  for (let i = 0; i < words.length; i++) {
    low += words[i] & 0xffff;
    high += words[i] >>> 16;
  }
  const sum = ~complement(low + high) & 0xffff;
  const rest = slowWordSum(bytes, start + words.length * 4, length & 3);
  return ((sum & 0xff) << 8 | sum >>> 8) + rest;
}

function slowWordSum(bytes: Uint8Array, start: number, length: number): number {
  const end = start + (length & ~1);
  let sum = 0;
  for (let at = start; at < end; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
  return length & 1 ? sum + (bytes[end] << 8) : sum;
}

/** The one's complement of the one's complement sum. Sums of a packet stay below 2^32. */
function complement(sum: number): number {
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
