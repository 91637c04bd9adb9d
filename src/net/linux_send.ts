/**
 * Hands runs of datagrams to the kernel: a whole run in one call where segmentation is offloaded, one message
 * per datagram where a path refuses that.
 *
 * @module
 */

import type { SocketStats } from "./datagram_socket.ts";
import {
  addressOfMemory,
  CMSGHDR,
  EAGAIN,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINTR,
  EINVAL,
  EIO,
  IOVEC,
  type Libc,
  MMSGHDR,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSGHDR,
  PinnedMemory,
  SOCKADDR_BYTES,
  SOL_UDP,
  UDP_SEGMENT,
} from "./linux_ffi.ts";

/** A remote as the kernel wants it, and what was learnt about the way there. */
export interface Destination {
  readonly sockaddr: Uint8Array<ArrayBuffer>;
  /** Whether runs may be offloaded; false once the path refused one. */
  offload: boolean;
}

/** The headers that `sendmsg` and `sendmmsg` read. */
export class SendMessages {
  readonly #libc: Libc;
  readonly #stats: SocketStats;
  readonly #onOffloadRefused: () => void;
  readonly #headers = new PinnedMemory(MAX_SEGMENTS * MMSGHDR.size);
  readonly #vectors = new PinnedMemory(MAX_SEGMENTS * IOVEC.size);
  readonly #control = new PinnedMemory(CONTROL_BYTES);
  readonly #name = new PinnedMemory(SOCKADDR_BYTES);
  #named: Destination | null = null;
  readonly #bufferAddresses = new WeakMap<ArrayBuffer, number>();
  #lastBuffer: ArrayBuffer | null = null;
  #lastBufferAddress = 0;

  constructor(libc: Libc, stats: SocketStats, onOffloadRefused: () => void) {
    this.#libc = libc;
    this.#stats = stats;
    this.#onOffloadRefused = onOffloadRefused;
    for (let i = 0; i < MAX_SEGMENTS; i++) {
      this.#headers.setUint64(i * MMSGHDR.size + MSGHDR.name, this.#name.address);
      this.#headers.setUint64(i * MMSGHDR.size + MSGHDR.iov, this.#vectors.address + i * IOVEC.size);
      this.#headers.setUint64(i * MMSGHDR.size + MSGHDR.iovLength, 1);
    }
    this.#control.setUint64(CMSGHDR.length, CMSGHDR.data + 2);
    this.#control.words[CMSGHDR.level >> 2] = SOL_UDP;
    this.#control.words[CMSGHDR.type >> 2] = UDP_SEGMENT;
  }

  /**
   * Sends a run without waiting. Returns how many of its bytes are dealt with, that is sent, or refused for good
   * and counted; fewer than `length` means that the send buffer is full.
   */
  send(
    fd: number,
    to: Destination,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
    segmentBytes: number,
  ): number {
    const address = this.#addressOf(slab) + offset;
    const partLimit = segmentBytes *
      Math.max(1, Math.min(MAX_SEGMENTS, Math.floor(MAX_RUN_BYTES / segmentBytes)));
    this.#setName(to);
    let done = 0;
    do {
      const part = Math.min(length - done, partLimit);
      const dealtWith = to.offload && part > segmentBytes
        ? this.#sendOffloaded(fd, to, address + done, part, segmentBytes)
        : this.#sendSingly(fd, address + done, part, segmentBytes);
      done += dealtWith;
      if (dealtWith < part) break;
    } while (done < length);
    return done;
  }

  #sendOffloaded(fd: number, to: Destination, address: number, length: number, segmentBytes: number): number {
    const datagrams = Math.ceil(length / segmentBytes);
    this.#setVector(0, address, length);
    this.#control.words[CMSGHDR.data >> 2] = segmentBytes;
    this.#headers.setUint64(MSGHDR.control, this.#control.address);
    this.#headers.setUint64(MSGHDR.controlLength, CONTROL_BYTES);
    const errno = this.#sendFirstHeader(fd);
    this.#headers.setUint64(MSGHDR.control, 0);
    this.#headers.setUint64(MSGHDR.controlLength, 0);
    if (errno === EAGAIN) return 0;
    if (errno === EIO || errno === EINVAL) {
      // The device cannot (EIO: no checksum offload, or IPsec) or will not (EINVAL). Datagrams still may.
      const before = this.#stats.datagramsSent;
      const dealtWith = this.#sendSingly(fd, address, length, segmentBytes);
      if (this.#stats.datagramsSent > before) {
        to.offload = false;
        this.#onOffloadRefused();
      }
      return dealtWith;
    }
    if (errno !== 0) this.#stats.sendFailures += datagrams;
    else this.#countSent(datagrams, length);
    return length;
  }

  #sendFirstHeader(fd: number): number {
    for (let attempt = 1;; attempt++) {
      this.#stats.sendCalls++;
      if (this.#libc.sendmsg(fd, this.#headers.address, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
      const errno = this.#libc.errno();
      if (attempt === MAX_ATTEMPTS || !isAboutEarlier(errno)) return errno;
    }
  }

  #sendSingly(fd: number, address: number, length: number, segmentBytes: number): number {
    const datagrams = Math.max(1, Math.ceil(length / segmentBytes));
    for (let i = 0; i < datagrams; i++) {
      this.#setVector(i, address + i * segmentBytes, Math.min(segmentBytes, length - i * segmentBytes));
    }
    let next = 0;
    let attempt = 1;
    while (next < datagrams) {
      this.#stats.sendCalls++;
      const header = this.#headers.address + next * MMSGHDR.size;
      const sent = this.#libc.sendmmsg(fd, header, datagrams - next, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) {
        const end = Math.min(length, (next + sent) * segmentBytes);
        this.#countSent(sent, end - next * segmentBytes);
        next += sent;
        attempt = 1;
        continue;
      }
      const errno = this.#libc.errno();
      if (errno === EAGAIN && length > 0) return next * segmentBytes;
      if (isAboutEarlier(errno) && attempt++ < MAX_ATTEMPTS) continue;
      this.#stats.sendFailures++;
      next++;
    }
    return length;
  }

  #countSent(datagrams: number, bytes: number): void {
    this.#stats.datagramsSent += datagrams;
    this.#stats.bytesSent += bytes;
  }

  #setVector(i: number, address: number, length: number): void {
    this.#vectors.setUint64(i * IOVEC.size + IOVEC.base, address);
    this.#vectors.setUint64(i * IOVEC.size + IOVEC.length, length);
  }

  /** All headers share one name; it changes only with the destination. */
  #setName(to: Destination): void {
    if (to === this.#named) return;
    if (to.sockaddr.length !== this.#named?.sockaddr.length) {
      for (let i = 0; i < MAX_SEGMENTS; i++) {
        this.#headers.setUint64(i * MMSGHDR.size + MSGHDR.nameLength, to.sockaddr.length);
      }
    }
    this.#name.bytes.set(to.sockaddr);
    this.#named = to;
  }

  /** Where `slab` begins. Asked of the runtime once per buffer; used only while the caller holds the slab. */
  #addressOf(slab: Uint8Array<ArrayBuffer>): number {
    const buffer = slab.buffer;
    if (buffer !== this.#lastBuffer) {
      let address = this.#bufferAddresses.get(buffer);
      if (address === undefined) {
        address = addressOfMemory(new Uint8Array(buffer));
        this.#bufferAddresses.set(buffer, address);
      }
      this.#lastBuffer = buffer;
      this.#lastBufferAddress = address;
    }
    return this.#lastBufferAddress + slab.byteOffset;
  }
}

/** Sends one datagram from another thread, which sleeps while the send buffer is full. One at a time. */
export class BlockingSend {
  readonly #libc: Libc;
  readonly #fd: number;
  // Its own memory: the other thread reads it while this one may send elsewhere.
  readonly #header = new PinnedMemory(MSGHDR.size);
  readonly #vector = new PinnedMemory(IOVEC.size);
  readonly #name = new PinnedMemory(SOCKADDR_BYTES);

  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
    this.#header.setUint64(MSGHDR.name, this.#name.address);
    this.#header.setUint64(MSGHDR.iov, this.#vector.address);
    this.#header.setUint64(MSGHDR.iovLength, 1);
  }

  /** The bytes sent, or a negative number. Holds the slab until then. */
  async send(
    to: Destination,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
  ): Promise<number> {
    this.#name.bytes.set(to.sockaddr);
    this.#header.setUint64(MSGHDR.nameLength, to.sockaddr.length);
    this.#vector.setUint64(IOVEC.base, addressOfMemory(slab) + offset);
    this.#vector.setUint64(IOVEC.length, length);
    const sent = await this.#libc.sendmsgBlocking(this.#fd, this.#header.address, MSG_NOSIGNAL);
    // Reading it here keeps the slab reachable for as long as the other thread needed it.
    return slab.length >= 0 ? sent : -1;
  }
}

/** Errors that do not concern the datagram at hand: an interruption, or an ICMP message about an earlier one. */
function isAboutEarlier(errno: number): boolean {
  return errno === EINTR || errno === ECONNREFUSED || errno === EHOSTUNREACH;
}

/** The kernel's UDP_MAX_SEGMENTS before 6.x; later ones allow 128. */
export const MAX_SEGMENTS = 64;
/** The largest UDP payload over IPv4: a run is one such packet to the kernel until the device cuts it. */
export const MAX_RUN_BYTES = 65_507;
/** CMSG_SPACE of the 16-bit segment size. */
const CONTROL_BYTES = 24;
const MAX_ATTEMPTS = 3;
