/**
 * Makes and binds the descriptor of a native socket.
 *
 * @module
 */

import type { Address } from "./address.ts";
import { refusedBind, type SocketError, type SocketErrorCode } from "./bind_error.ts";
import {
  AF_INET,
  AF_INET6,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EPERM,
  IP_MTU_DISCOVER,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_MTU_DISCOVER,
  IPV6_V6ONLY,
  type Libc,
  PinnedMemory,
  PMTUDISC_PROBE,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCKADDR_BYTES,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from "./linux_ffi.ts";
import { decodeSockaddr, encodeSockaddr } from "./sockaddr.ts";

/** A bound descriptor, owned by the caller. */
export interface BoundUdp {
  readonly fd: number;
  readonly localAddress: Address;
  /** Whether the kernel knows UDP_SEGMENT (Linux 4.18). */
  readonly offload: boolean;
}

/**
 * Binds a UDP socket to `where`; an IPv6 one takes IPv4 too when it is bound to `::`.
 *
 * @throws {SocketError} when the system refuses.
 */
export function bindUdp(libc: Libc, where: Address): BoundUdp {
  const fd = libc.socket(where.family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw refused(where, libc.errno());
  try {
    const offload = configure(libc, fd, where.family);
    return { fd, localAddress: bind(libc, fd, where), offload };
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Options are wishes: what a kernel or its limits refuse costs speed, not service. */
function configure(libc: Libc, fd: number, family: 4 | 6): boolean {
  const value = new PinnedMemory(4);
  const set = (level: number, option: number, wanted: number): boolean => {
    value.words[0] = wanted;
    return libc.setsockopt(fd, level, option, value.address, 4) === 0;
  };
  // FORCE needs CAP_NET_ADMIN; without it the sysctl net.core.[rw]mem_max is the limit.
  if (!set(SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)) set(SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
  if (!set(SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES)) set(SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
  set(IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE);
  if (family === 6) {
    set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE);
    set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  set(SOL_UDP, UDP_GRO, 1);
  return set(SOL_UDP, UDP_SEGMENT, 0);
}

function bind(libc: Libc, fd: number, where: Address): Address {
  const name = new PinnedMemory(SOCKADDR_BYTES);
  const length = new PinnedMemory(4);
  const sockaddr = encodeSockaddr(where, where.family)!;
  name.bytes.set(sockaddr);
  if (libc.bind(fd, name.address, sockaddr.length) !== 0) throw refused(where, libc.errno());
  length.words[0] = SOCKADDR_BYTES;
  if (libc.getsockname(fd, name.address, length.address) !== 0) throw refused(where, libc.errno());
  return decodeSockaddr(name.bytes);
}

function refused(where: Address, errno: number): SocketError {
  return refusedBind(where, CODES[errno] ?? "failed", `errno ${errno}`);
}

const CODES: Record<number, SocketErrorCode> = {
  [EADDRINUSE]: "in_use",
  [EADDRNOTAVAIL]: "not_available",
  [EACCES]: "forbidden",
  [EPERM]: "forbidden",
  [EAFNOSUPPORT]: "unsupported",
};

/** Holds what arrives while one turn of JavaScript runs: 16 ms at 2 Gbit/s. */
const BUFFER_BYTES = 4 * 1024 * 1024;
