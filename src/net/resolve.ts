/**
 * Names to addresses, at the edge only: the protocol knows no names.
 *
 * @module
 */

import process from "node:process";
import { type Address, makeAddress, parseHostPort } from "./address.ts";
import { parseIp } from "./ip.ts";

/** How a name becomes IP literals. The default asks the operating system. */
export type LookupName = (host: string) => Promise<readonly string[]>;

/** What {@link resolveAddress} needs to know beyond the text. */
export interface ResolveOptions {
  /** Only this family will do, for instance because the local socket is bound to an IPv4 address. */
  readonly family?: 4 | 6;
  readonly lookup?: LookupName;
}

/**
 * The address of `host:port`. A literal is taken as it is; a name is looked up the way every other program on
 * the machine does (hosts file first), and the first address that fits wins.
 *
 * @throws {TypeError} when the text is no `host:port`.
 * @throws {AddressLookupError} when the name has no (fitting) address.
 */
export async function resolveAddress(text: string, options: ResolveOptions = {}): Promise<Address> {
  const { host, port } = parseHostPort(text);
  const found = parseIp(host) !== null ? [host] : await lookUp(host, options.lookup ?? systemLookup);
  for (const ip of found) {
    const address = makeAddress(ip, port);
    if (options.family === undefined || address.family === options.family) return address;
  }
  const wanted = options.family === undefined ? "" : `IPv${options.family} `;
  throw new AddressLookupError(
    `Cannot resolve "${host}": it has no ${wanted}address${
      options.family === 4 ? " (listen on [::] to reach IPv6 peers)" : ""
    }`,
  );
}

/** A name that leads nowhere. The message is one line for people. */
export class AddressLookupError extends Error {
  override readonly name = "AddressLookupError";
}

async function lookUp(host: string, lookup: LookupName): Promise<readonly string[]> {
  try {
    return await lookup(host);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new AddressLookupError(`Cannot resolve "${host}": ${REASONS[code] ?? code}`, { cause: error });
  }
}

const REASONS: Record<string, string> = {
  ENOTFOUND: "no such name, check the spelling or use an IP address",
  EAI_AGAIN: "the name server does not answer, try again or use an IP address",
};

// Deno.resolveDns asks name servers only; this one reads the hosts file first, so that "localhost" works.
async function systemLookup(host: string): Promise<readonly string[]> {
  const flags: typeof process & { noDeprecation?: boolean } = process;
  const before = flags.noDeprecation ?? false;
  // Deno 2.6 tells of a deprecation in its own innards, some ticks after node:dns is first imported.
  flags.noDeprecation = true;
  try {
    const dns = await import("node:dns/promises");
    const found = await dns.lookup(host, { all: true, verbatim: true });
    return found.map((entry) => entry.address);
  } finally {
    flags.noDeprecation = before;
  }
}
