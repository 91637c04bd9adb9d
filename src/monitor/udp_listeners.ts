/**
 * Which UDP ports this machine listens on.
 *
 * @module
 */

import { readKernelFile } from "./linux_facts.ts";

/** Whether some process listens on UDP `port` here; null where the system does not tell. */
export function isUdpPortBound(
  port: number,
  read: (path: string) => string | null = readKernelFile,
): boolean | null {
  const tables = ["/proc/net/udp", "/proc/net/udp6"].map(read).filter((table) => table !== null);
  if (tables.length === 0) return null;
  return tables.some((table) => localPorts(table).has(port));
}

/** The second column is the local address, in hexadecimal: `0100007F:A2A9`. */
function localPorts(table: string): ReadonlySet<number> {
  const ports = [...table.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /gm)];
  return new Set(ports.map(([, port]) => parseInt(port, 16)));
}
