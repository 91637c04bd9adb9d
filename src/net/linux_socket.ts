/**
 * UDP through Linux's own calls: runs of datagrams cross into the kernel and back in one call each (UDP_SEGMENT
 * and UDP_GRO), nothing is allocated per packet, and the path MTU is the session's business.
 *
 * @module
 */

import { type Address, makeAddress } from "./address.ts";
import type { DatagramSocket, ReceiveBatch, SocketOptions, SocketStats } from "./datagram_socket.ts";
import { bindUdp, type BoundUdp } from "./linux_bind.ts";
import { type Libc, SHUT_RDWR } from "./linux_ffi.ts";
import { ReadableWait } from "./linux_readable.ts";
import { ReceiveMessages } from "./linux_receive.ts";
import { BlockingSend, type Destination, MAX_RUN_BYTES, MAX_SEGMENTS, SendMessages } from "./linux_send.ts";
import { encodeSockaddr, SourceCache } from "./sockaddr.ts";
import { Turn } from "./turn.ts";

/**
 * Binds a native socket.
 *
 * @throws {SocketError} with one line when the address cannot be bound.
 */
export function openLinuxSocket(options: SocketOptions, libc: Libc): DatagramSocket {
  const bound = bindUdp(libc, makeAddress(options.hostname, options.port));
  return new LinuxSocket(libc, bound, options.onNotice ?? (() => {}));
}

class LinuxSocket implements DatagramSocket {
  readonly backend = "linux";
  readonly localAddress: Address;
  readonly turn = new Turn(() => this.#libc.usleepBlocking(REST_US));
  readonly maxRunBytes = MAX_RUN_BYTES;
  readonly maxRunSegments = MAX_SEGMENTS;
  readonly stats: SocketStats = {
    datagramsSent: 0,
    datagramsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    sendFailures: 0,
    sendCalls: 0,
    receiveCalls: 0,
  };

  readonly #libc: Libc;
  readonly #fd: number;
  readonly #offload: boolean;
  readonly #destinations = new WeakMap<Address, Destination>();
  readonly #received: ReceiveMessages;
  readonly #readable: ReadableWait;
  readonly #messages: SendMessages;
  readonly #blocking: BlockingSend;
  /** Calls of this socket on other threads. The descriptor outlives them, since its number would be reused. */
  #callsElsewhere = 0;
  /** What a full send buffer holds up. */
  #rest: Promise<void> | null = null;
  #closed = false;

  constructor(libc: Libc, bound: BoundUdp, onNotice: (message: string) => void) {
    this.#libc = libc;
    this.#fd = bound.fd;
    this.#offload = bound.offload;
    this.localAddress = bound.localAddress;
    const remember = (address: Address, sockaddr: Uint8Array<ArrayBuffer>) => {
      this.#destinations.set(address, { sockaddr, offload: this.#offload });
    };
    this.#received = new ReceiveMessages(libc, new SourceCache(remember), this.stats);
    this.#readable = new ReadableWait(libc, bound.fd);
    let noticed = false;
    this.#messages = new SendMessages(libc, this.stats, () => {
      if (!noticed) onNotice("a device refused UDP segmentation offload: datagrams go out one by one there");
      noticed = true;
    });
    this.#blocking = new BlockingSend(libc, bound.fd);
    if (!bound.offload) onNotice("this kernel has no UDP segmentation offload: datagrams go out one by one");
  }

  async receive(): Promise<ReceiveBatch | null> {
    const pause = this.turn.pause();
    if (pause !== null) await pause;
    while (!this.#closed) {
      if (this.#received.fill(this.#fd) > 0) return this.#received.batch;
      if (this.#readable.arrivesSoon()) continue;
      if (this.#readable.isAttentive()) await this.turn.end();
      else {
        await this.#elsewhere(this.#readable.sleep());
        this.turn.rested();
      }
    }
    return null;
  }

  send(
    to: Address,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
    segmentBytes: number,
  ): Promise<void> | null {
    if (offset < 0 || length < 0 || offset + length > slab.length || !(segmentBytes > 0)) {
      throw new RangeError(
        `Cannot send: ${length} bytes from ${offset}, cut every ${segmentBytes}, do not fit a slab of ${slab.length}`,
      );
    }
    if (this.#closed) return null;
    const destination = this.#destinationOf(to);
    if (destination === null) {
      this.stats.sendFailures += Math.max(1, Math.ceil(length / segmentBytes));
      return null;
    }
    // A second send while one waits breaks the contract; it must not overwrite what another thread reads.
    if (this.#rest !== null) {
      return this.#rest.then(() => this.send(to, slab, offset, length, segmentBytes) ?? undefined);
    }
    this.#readable.sent();
    const done = this.#messages.send(this.#fd, destination, slab, offset, length, segmentBytes);
    if (done === length) return null;
    this.#rest = this.#sendRest(destination, slab, offset + done, length - done, segmentBytes)
      .finally(() => this.#rest = null);
    return this.#rest;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // On an unconnected socket this reports ENOTCONN and wakes the threads that sleep in it all the same.
    if (this.#callsElsewhere > 0) this.#libc.shutdown(this.#fd, SHUT_RDWR);
    else this.#libc.close(this.#fd);
  }

  /** Waits for room in the send buffer with the next datagram, then goes on without waiting. */
  async #sendRest(
    to: Destination,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
    segmentBytes: number,
  ): Promise<void> {
    const end = offset + length;
    while (offset < end && !this.#closed) {
      const datagramBytes = Math.min(segmentBytes, end - offset);
      this.stats.sendCalls++;
      const sent = await this.#elsewhere(this.#blocking.send(to, slab, offset, datagramBytes));
      if (sent < 0) this.stats.sendFailures++;
      else {
        this.stats.datagramsSent++;
        this.stats.bytesSent += sent;
      }
      offset += datagramBytes;
      if (offset < end && !this.#closed) {
        offset += this.#messages.send(this.#fd, to, slab, offset, end - offset, segmentBytes);
      }
    }
    this.stats.sendFailures += Math.ceil((end - offset) / segmentBytes);
  }

  async #elsewhere(call: Promise<number>): Promise<number> {
    this.#callsElsewhere++;
    try {
      return await call;
    } finally {
      this.#callsElsewhere--;
      if (this.#closed && this.#callsElsewhere === 0) this.#libc.close(this.#fd);
    }
  }

  #destinationOf(to: Address): Destination | null {
    const known = this.#destinations.get(to);
    if (known !== undefined) return known;
    const sockaddr = encodeSockaddr(to, this.localAddress.family);
    if (sockaddr === null) return null;
    const destination = { sockaddr, offload: this.#offload };
    this.#destinations.set(to, destination);
    return destination;
  }
}

/** Long enough for the runtime to notice that it has nothing to run. */
const REST_US = 30;
