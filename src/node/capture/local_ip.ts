/**
 * The node's own IP address as a peer sees it on the machine's network.
 *
 * @module
 */

import { type Address, addressBytes } from "../../net/address.ts";
import { parseIp } from "../../net/ip.ts";

/** An address of this machine: 4 or 16 bytes, and how many leading bits name its network. */
export interface OwnIp {
  readonly ip: Uint8Array;
  readonly prefixBits: number;
}

/**
 * The address that datagrams exchanged with `remote` have on this side. A socket bound to one address has that; one
 * bound to all is not told which, so it is the address in the remote's network, or else the machine's first one of
 * that family that is not loopback.
 */
export function localIp(bound: Address, remote: Address, own: () => readonly OwnIp[] = ownIps): Uint8Array {
  const boundIp = addressBytes(bound);
  const remoteIp = addressBytes(remote);
  if (boundIp.length === remoteIp.length && boundIp.some((byte) => byte !== 0)) return boundIp;
  const candidates = own().filter(({ ip }) => ip.length === remoteIp.length);
  const chosen = candidates.find(({ ip, prefixBits }) => sharesPrefix(ip, remoteIp, prefixBits)) ??
    candidates.find(({ ip }) => !isLoopback(ip)) ?? candidates[0];
  return chosen?.ip ?? new Uint8Array(remoteIp.length);
}

function ownIps(): OwnIp[] {
  return Deno.networkInterfaces().flatMap(({ cidr }) => {
    const [text, bits] = cidr.split("/");
    const ip = parseIp(text);
    return ip === null ? [] : [{ ip, prefixBits: Number(bits) }];
  });
}

function sharesPrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole] ^ b[whole]) >> (8 - rest) === 0;
}

function isLoopback(ip: Uint8Array): boolean {
  return ip.length === 4 ? ip[0] === 127 : ip[15] === 1 && ip.subarray(0, 15).every((byte) => byte === 0);
}
