/**
 * Whom an address belongs to, as far as an address can tell: an IPv4 address, or the /64 that an IPv6
 * subscriber usually has to himself.
 *
 * @module
 */

/** The source of `remoteAddr` (`host:port` or a bare host): `192.0.2.10` or `2001:db8:0:1::/64`. */
export function sourceKeyOf(remoteAddr: string): string {
  const host = hostOf(remoteAddr);
  if (!host.includes(":")) return host;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host);
  return mapped ? mapped[1] : networkOf(host);
}

function hostOf(remoteAddr: string): string {
  if (remoteAddr.startsWith("[")) return remoteAddr.slice(1, remoteAddr.indexOf("]"));
  const colon = remoteAddr.indexOf(":");
  // One colon separates a port; several are an IPv6 address without brackets.
  return colon >= 0 && colon === remoteAddr.lastIndexOf(":") ? remoteAddr.slice(0, colon) : remoteAddr;
}

/** The first four groups, with the zeros that `::` leaves out (RFC 4291 §2.2). */
function networkOf(host: string): string {
  if (host.endsWith("::/64")) return host;
  const [front, back] = host.replace(/%.*$/, "").toLowerCase().split("::");
  const head = front === "" ? [] : front.split(":");
  const tail = back === undefined || back === "" ? [] : back.split(":");
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0");
  const groups = back === undefined ? head : [...head, ...zeros, ...tail];
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, "")).join(":") + "::/64";
}
