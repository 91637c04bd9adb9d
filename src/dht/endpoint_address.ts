/**
 * UDP addresses as the DHT stores, compares and sends them: canonical `host:port` text in memory, a tag with 6
 * or 18 bytes on the wire.
 *
 * @module
 */

import { formatHostPort } from "../net/address.ts";
import { formatIp, parseIp } from "../net/ip.ts";
import { DecodeError } from "../wire/decode_error.ts";
import type { ByteReader } from "../wire/varint.ts";

/** How far an address reaches. A peer may only tell others of addresses that reach as far as its own. */
export type AddressScope = "loopback" | "private" | "public";

/** A literal address: 4 or 16 bytes, and a port in [1, 65535]. */
export interface ParsedAddress {
  readonly bytes: Uint8Array;
  readonly port: number;
}

/** The most bytes {@link encodeAddress} writes. */
export const MAX_ADDRESS_BYTES = 19;

/** `text` (`192.0.2.10:41641`, `[2001:db8::1]:41641`) taken apart, or null when it is no literal address. */
export function parseAddress(text: string): ParsedAddress | null {
  const colon = text.lastIndexOf(":");
  const port = parsePort(text, colon);
  if (port < 1) return null;
  const isBracketed = text.charCodeAt(0) === BRACKET && text.charCodeAt(colon - 1) === 0x5d;
  if (!isBracketed) {
    const host = parseIpv4(text, colon);
    return host < 0 ? null : { bytes: Uint8Array.of(host >>> 24, host >>> 16, host >>> 8, host), port };
  }
  const bytes = parseIp(text.slice(1, colon - 1));
  return bytes === null || text.indexOf(":") === colon ? null : { bytes, port };
}

/** Canonical text (RFC 5952 for IPv6): equal exactly when the addresses are. */
export function formatAddress({ bytes, port }: ParsedAddress): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}:${port}`;
  return formatHostPort(formatIp(bytes), port);
}

/** Whether `text` is a literal address in canonical form. */
export function isCanonicalAddress(text: string): boolean {
  const parsed = parseAddress(text);
  return parsed !== null && formatAddress(parsed) === text;
}

/**
 * Writes tag, address and port at `offset` and returns the next offset.
 *
 * @throws {RangeError} when `text` is no literal address: names are resolved before they come here.
 */
export function encodeAddress(text: string, out: Uint8Array, offset: number): number {
  const colon = text.lastIndexOf(":");
  const host = parseIpv4(text, colon);
  const port = parsePort(text, colon);
  if (host >= 0 && port > 0) {
    out[offset++] = TAG_IPV4;
    out[offset++] = host >>> 24;
    out[offset++] = host >>> 16;
    out[offset++] = host >>> 8;
    out[offset++] = host;
  } else {
    const parsed = parseAddress(text);
    if (parsed === null) throw new RangeError(`Cannot encode address: expected host:port, got ${text}`);
    out[offset++] = parsed.bytes.length === 4 ? TAG_IPV4 : TAG_IPV6;
    out.set(parsed.bytes, offset);
    offset += parsed.bytes.length;
  }
  out[offset++] = port >>> 8;
  out[offset++] = port;
  return offset;
}

/** Reads what {@link encodeAddress} wrote. @throws {DecodeError} on an unknown tag or port 0. */
export function decodeAddress(reader: ByteReader): string {
  const tag = reader.byte();
  if (tag !== TAG_IPV4 && tag !== TAG_IPV6) throw new DecodeError(`Unknown address family ${tag}`);
  const bytes = reader.view(tag === TAG_IPV4 ? 4 : 16);
  const port = (reader.byte() << 8) | reader.byte();
  if (port === 0) throw new DecodeError("Address with port 0");
  return formatAddress({ bytes, port });
}

/**
 * The network that `address` belongs to for the purpose of counting neighbours: its /24 (IPv4) or /48 (IPv6), or
 * null where such a count means nothing. Loopback and private addresses cannot be reached from the internet,
 * so an attacker there gains nothing by them, and a fleet in one private network must be able to form a DHT.
 */
export function networkOf(address: string): string | null {
  const colon = address.lastIndexOf(":");
  const host = parseIpv4(address, colon);
  if (host >= 0) {
    const isPublic = parsePort(address, colon) > 0 &&
      scopeOfIpv4(host >>> 24, (host >>> 16) & 0xff) === "public";
    return isPublic ? `${address.slice(0, address.lastIndexOf(".", colon))}.0/24` : null;
  }
  const parsed = parseAddress(address);
  if (parsed === null || scopeOfBytes(parsed.bytes) !== "public") return null;
  const { bytes } = parsed;
  // A mapped address is the IPv4 address it maps.
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.0/24`;
  return `${formatIp(Uint8Array.from({ length: 16 }, (_, i) => i < 6 ? bytes[i] : 0))}/48`;
}

/** Whether {@link networkOf} of a literal `address` is `network`, which is never null. */
export function isInNetwork(address: string, network: string): boolean {
  return network.endsWith(".0/24")
    ? address.startsWith(network.slice(0, -"0/24".length))
    : networkOf(address) === network;
}

/** What one source of queries or stores is: the /24 or /48 of public addresses, the host of others. */
export function sourceOf(address: string): string {
  return networkOf(address) ?? address.slice(0, address.lastIndexOf(":"));
}

/**
 * Whether `address` stands for a circuit through a relay: it is then one of a private IPv6 network that the node
 * numbers its circuits by, and says nothing about where the peer is.
 */
export function isRelayedAddress(address: string): boolean {
  return address.startsWith(`[${RELAYED_NETWORK}`);
}

/** Whether a session's remote address is one that others could be told: a literal one, and no circuit. */
export function hasOwnAddress({ remoteAddr }: { readonly remoteAddr: string }): boolean {
  return isCanonicalAddress(remoteAddr) && !isRelayedAddress(remoteAddr);
}

/** The first 64 bits of circuit addresses: `fd` and "WRAITH" in ASCII, as a unique local network (RFC 4193). */
export const RELAYED_NETWORK = "fd57:5241:4954:4800:";

/** How far `address` reaches; text that is no literal address counts as public. */
export function scopeOf(address: string): AddressScope {
  // Asked for each of the twenty contacts of every answer, so the common case takes nothing apart.
  const firstDot = address.indexOf(".");
  if (firstDot > 0 && address.charCodeAt(0) !== BRACKET) {
    const a = decimal(address, 0, firstDot, 255);
    const b = decimal(address, firstDot + 1, address.indexOf(".", firstDot + 1), 255);
    return scopeOfIpv4(a, b);
  }
  const parsed = parseAddress(address);
  return parsed === null ? "public" : scopeOfBytes(parsed.bytes);
}

/** Whether someone at `from` may be told of, or may tell of, a peer at `of`. */
export function mayMention(from: string, of: string): boolean {
  const reach = REACH[scopeOf(of)];
  return reach === REACH.public || reach >= REACH[scopeOf(from)];
}

function scopeOfBytes(bytes: Uint8Array): AddressScope {
  if (bytes.length === 16) {
    if (bytes.subarray(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "loopback";
    const uniqueLocal = (bytes[0] & 0xfe) === 0xfc;
    const linkLocal = bytes[0] === 0xfe && (bytes[1] & 0xc0) === 0x80;
    return uniqueLocal || linkLocal ? "private" : "public";
  }
  return scopeOfIpv4(bytes[0], bytes[1]);
}

function scopeOfIpv4(a: number, b: number): AddressScope {
  if (a === 127) return "loopback";
  const sharedByCarrier = a === 100 && (b & 0xc0) === 64; // RFC 6598
  const rfc1918 = a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168);
  const linkLocal = a === 169 && b === 254;
  return sharedByCarrier || rfc1918 || linkLocal ? "private" : "public";
}

/**
 * The dotted quad that `text[0, end)` is, as a number below 2^32, or -1. A number and no array: asked for every contact
 * of every answer.
 */
function parseIpv4(text: string, end: number): number {
  let host = 0;
  let start = 0;
  for (let i = 0; i < 4; i++) {
    const dot = i < 3 ? text.indexOf(".", start) : end;
    if (dot < 0 || dot > end) return -1;
    const value = decimal(text, start, dot, 255);
    if (value < 0) return -1;
    host = 256 * host + value;
    start = dot + 1;
  }
  return host;
}

/** The port after the colon at `colon`, or less than 1 when there is none. */
function parsePort(text: string, colon: number): number {
  return colon < 0 ? -1 : decimal(text, colon + 1, text.length, 65_535);
}

/** The number that the digits in `text[start, end)` spell without leading zeros, or -1. */
function decimal(text: string, start: number, end: number, most: number): number {
  const length = end - start;
  if (length < 1 || length > 5 || (length > 1 && text.charCodeAt(start) === 0x30)) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = 10 * value + digit;
  }
  return value > most ? -1 : value;
}

/** `[` */
const BRACKET = 0x5b;
const TAG_IPV4 = 4;
const TAG_IPV6 = 6;
const REACH = { loopback: 0, private: 1, public: 2 } as const;
