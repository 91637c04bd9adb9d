/**
 * Where a datagram comes from or goes to.
 *
 * @module
 */

import { formatIp, parseIp } from "./ip.ts";

/**
 * One UDP address. Sockets intern the addresses they report: the same remote is the same object for as long
 * as the socket's bounded table remembers it, so comparing references is a fast path, {@link Address.text}
 * the truth.
 */
export interface Address {
  readonly family: 4 | 6;
  /** Canonical text: dotted quad, or RFC 5952 without brackets. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
  /** `192.0.2.10:41641` or `[2001:db8::1]:41641`: canonical, equal exactly when the addresses are. */
  readonly text: string;
}

/** The two sides of `host:port`, before anyone asked what the host is. */
export interface HostPort {
  /** A name or an IP literal, without brackets. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/**
 * Splits `host:port` or `[v6]:port`.
 *
 * @throws {TypeError} with one line naming the text and the form expected.
 */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([^\[\]]*)\]|([^:\[\]]*)):(\d{1,5})$/.exec(text);
  const host = match === null ? "" : match[1] ?? match[2];
  const port = match === null ? -1 : Number(match[3]);
  const bracketed = match?.[1] !== undefined;
  if (host === "" || /[\s/]/.test(host) || port < 0 || port > 65_535) throw notHostPort(text);
  if (bracketed && !(host.includes(":") && parseIp(host) !== null)) throw notHostPort(text);
  return { host, port };
}

/** `host:port`, with brackets where the host needs them. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The address that an IP literal and a port name. A v4-mapped IPv6 literal gives the IPv4 address: both are the
 * same host, and rate limits and tokens must see one.
 *
 * @throws {TypeError} when `ip` is no IP literal. @throws {RangeError} when the port is not 0 to 65535.
 */
export function makeAddress(ip: string, port: number): Address {
  const bytes = parseIp(ip);
  if (bytes === null) throw new TypeError(`Cannot use "${ip}" as an address: it is no IP literal`);
  return addressOfBytes(bytes, port);
}

/**
 * Reads `192.0.2.1:41641` or `[2001:db8::1]:41641`. Literals only; names need {@link resolveAddress}.
 *
 * @throws {TypeError} when the text is anything else.
 */
export function parseAddress(text: string): Address {
  const { host, port } = parseHostPort(text);
  return makeAddress(host, port);
}

/** The address with these 4 or 16 bytes (network order). */
export function addressOfBytes(bytes: Uint8Array, port: number): Address {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new RangeError(`Cannot make an address: an IP address has 4 or 16 bytes, got ${bytes.length}`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`Cannot make an address: port must be 0 to 65535, got ${port}`);
  }
  const hostname = formatIp(bytes);
  return {
    family: hostname.includes(":") ? 6 : 4,
    hostname,
    port,
    text: formatHostPort(hostname, port),
  };
}

/** The 4 or 16 bytes of the address, network order, without the port. */
export function addressBytes(address: Address): Uint8Array<ArrayBuffer> {
  const bytes = parseIp(address.hostname);
  if (bytes === null) throw new TypeError(`Cannot encode "${address.hostname}": it is no IP literal`);
  return bytes;
}

/**
 * What one sender is likely to control, as a key for rate limits: an IPv4 address alone (`192.0.2.1/32`), or an
 * IPv6 /64 (`2001:db8:1:2::/64`), since a single host is usually given a whole /64.
 */
export function addressPrefix(address: Address): string {
  if (address.family === 4) return `${address.hostname}/32`;
  const bytes = addressBytes(address);
  bytes.fill(0, 8);
  return `${formatIp(bytes)}/64`;
}

/**
 * Remembers address objects, so that the same remote is the same object. Bounded: it holds between `capacity` and
 * twice `capacity` entries, and forgets the ones not asked for during the last `capacity` new ones.
 */
export class AddressTable {
  readonly #capacity: number;
  #young = new Map<string, Address>();
  #old = new Map<string, Address>();

  constructor(capacity = 4096) {
    this.#capacity = capacity;
  }

  /** Entries held at the moment. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** The address of `ip` (any spelling) and `port`; the same object as last time while it is remembered. */
  intern(ip: string, port: number): Address {
    const key = `${port} ${ip}`;
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const address = this.#old.get(key) ?? this.#canonical(ip, port);
    // Two generations instead of an order of use: a lookup that hits writes nothing.
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, address);
    return address;
  }

  /** The object kept under the canonical spelling, so that another spelling leads to the same one. */
  #canonical(ip: string, port: number): Address {
    const address = makeAddress(ip, port);
    return address.hostname === ip ? address : this.intern(address.hostname, port);
  }
}

function notHostPort(text: string): TypeError {
  return new TypeError(
    `Cannot read "${text}" as an address: write host:port or [ipv6]:port, with a port of 0 to 65535`,
  );
}
