/**
 * IP addresses as text and as bytes. One spelling per address: dotted quad for IPv4, RFC 5952 for IPv6, and an
 * IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address it maps, because it is the same host.
 *
 * @module
 */

/**
 * The 4 or 16 bytes that an IP literal spells, or null when `text` is none. A mapped address yields 4 bytes. An
 * IPv6 zone (`fe80::1%eth0`) is no part of an address that another machine could use, so it yields null.
 */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** The canonical text of 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  return isMapped(bytes) ? bytes.subarray(12).join(".") : formatIpv6(bytes);
}

/** The 16 bytes a dual-stack IPv6 socket uses for a 4-byte address; 16 bytes pass unchanged. */
export function toIpv6Bytes(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 16) return bytes;
  const mapped = new Uint8Array(16);
  mapped.set([0xff, 0xff], 10);
  mapped.set(bytes, 12);
  return mapped;
}

function parseIpv4(text: string): Uint8Array<ArrayBuffer> | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const part = match[i + 1];
    // A leading zero means octal to some readers and decimal to others: refuse what is ambiguous.
    if (Number(part) > 255 || (part.length > 1 && part[0] === "0")) return null;
    bytes[i] = Number(part);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array<ArrayBuffer> | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1], true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group (RFC 4291 §2.2).
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => bytes.set([group >> 8, group & 0xff], 2 * i));
  return isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** The 16-bit groups of one side of "::"; only the end of the whole address may be a dotted quad. */
function parseGroups(text: string, isEnd: boolean): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const quad = isEnd && i === parts.length - 1 ? parseIpv4(part) : null;
    if (quad === null) return null;
    groups.push((quad[0] << 8) | quad[1], (quad[2] << 8) | quad[3]);
  }
  return groups;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8) | bytes[2 * i + 1]);
  const { start, length } = longestZeroRun(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

/** The first of the longest runs of zero groups: the one RFC 5952 §4.2 shortens. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > longest.length) longest = { start, length };
  }
  return longest;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}
