/**
 * Socket addresses as Linux lays them out, and the objects that stand for them.
 *
 * @module
 */

import { type Address, addressBytes, addressOfBytes } from "./address.ts";
import { toIpv6Bytes } from "./ip.ts";
import { AF_INET, AF_INET6, SOCKADDR_BYTES } from "./linux_ffi.ts";

/**
 * `struct sockaddr_in` or `sockaddr_in6` for a socket of `socketFamily`, or null when such a socket cannot reach
 * the address. An IPv6 socket reaches IPv4 through the mapped form.
 */
export function encodeSockaddr(address: Address, socketFamily: 4 | 6): Uint8Array<ArrayBuffer> | null {
  if (address.family === 6 && socketFamily === 4) return null;
  const ip = socketFamily === 6 ? toIpv6Bytes(addressBytes(address)) : addressBytes(address);
  const sockaddr = new Uint8Array(socketFamily === 4 ? 16 : SOCKADDR_BYTES);
  const view = new DataView(sockaddr.buffer);
  view.setUint16(0, socketFamily === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, address.port);
  sockaddr.set(ip, socketFamily === 4 ? 4 : 8);
  return sockaddr;
}

/** The address in a `sockaddr`. The scope of a link-local one is left out: it means nothing elsewhere. */
export function decodeSockaddr(sockaddr: Uint8Array): Address {
  const isIpv4 = sockaddr[0] === AF_INET;
  const port = (sockaddr[2] << 8) | sockaddr[3];
  return addressOfBytes(isIpv4 ? sockaddr.subarray(4, 8) : sockaddr.subarray(8, 24), port);
}

/**
 * Maps the `sockaddr` of each received datagram to its Address without making anything for a known one: a
 * set-associative cache, as in a processor, so it is bounded and a lookup compares at most {@link WAYS} entries.
 */
export class SourceCache {
  readonly #keys = new Uint32Array(SETS * WAYS * KEY_WORDS);
  readonly #addresses = new Array<Address | null>(SETS * WAYS).fill(null);
  readonly #onNew: (address: Address, sockaddr: Uint8Array<ArrayBuffer>) => void;
  #victim = 0;

  /** @param onNew is told of each address that enters, with a copy of its `sockaddr` (scope included). */
  constructor(onNew: (address: Address, sockaddr: Uint8Array<ArrayBuffer>) => void) {
    this.#onNew = onNew;
  }

  /** The address that begins at word `at` of `words`: {@link SOCKADDR_BYTES} of them belong to it. */
  lookUp(words: Uint32Array, at: number): Address {
    const isIpv4 = (words[at] & 0xffff) === AF_INET;
    // Family and port; then the IP; then the scope. A sockaddr_in ends after the IP and padding.
    const w0 = words[at];
    const w1 = isIpv4 ? words[at + 1] : words[at + 2];
    const w2 = isIpv4 ? 0 : words[at + 3];
    const w3 = isIpv4 ? 0 : words[at + 4];
    const w4 = isIpv4 ? 0 : words[at + 5];
    const w5 = isIpv4 ? 0 : words[at + 6];
    const set = mix(w0, w1, w2, w3, w4) % SETS;
    const keys = this.#keys;
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) {
      const key = entry * KEY_WORDS;
      const known = keys[key] === w0 && keys[key + 1] === w1 && keys[key + 2] === w2 &&
        keys[key + 3] === w3 && keys[key + 4] === w4 && keys[key + 5] === w5;
      const address = this.#addresses[entry];
      if (known && address !== null) return address;
    }
    const sockaddr = copySockaddr(words, at, isIpv4);
    const address = decodeSockaddr(sockaddr);
    const entry = set * WAYS + (this.#victim++ % WAYS);
    keys.set([w0, w1, w2, w3, w4, w5], entry * KEY_WORDS);
    this.#addresses[entry] = address;
    this.#onNew(address, sockaddr);
    return address;
  }
}

function copySockaddr(words: Uint32Array, at: number, isIpv4: boolean): Uint8Array<ArrayBuffer> {
  const start = words.byteOffset + 4 * at;
  return new Uint8Array(words.buffer.slice(start, start + (isIpv4 ? 16 : SOCKADDR_BYTES)) as ArrayBuffer);
}

function mix(w0: number, w1: number, w2: number, w3: number, w4: number): number {
  let hash = Math.imul(w0 ^ w1, 0x9e3779b1) ^ Math.imul(w2 ^ w3, 0x85ebca6b) ^ Math.imul(w4, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** 4,096 remotes: with more than that at once, some are new objects each time, which costs time only. */
const SETS = 1024;
const WAYS = 4;
const KEY_WORDS = 6;
