/**
 * Takes many datagrams out of a socket with one call.
 *
 * @module
 */

import type { Address } from "./address.ts";
import type { ReceiveBatch, SocketStats } from "./datagram_socket.ts";
import {
  CMSGHDR,
  EAGAIN,
  IOVEC,
  type Libc,
  MMSGHDR,
  MSG_DONTWAIT,
  MSG_TRUNC,
  MSGHDR,
  PinnedMemory,
  SOCKADDR_BYTES,
  SOL_UDP,
  UDP_GRO,
} from "./linux_ffi.ts";
import type { SourceCache } from "./sockaddr.ts";

/**
 * The headers, buffers and names that `recvmmsg` fills. With UDP_GRO one message may hold a whole run of
 * datagrams; {@link ReceiveMessages.batch} shows them one by one.
 */
export class ReceiveMessages {
  readonly batch: ReceiveBatch & { count: number };

  readonly #libc: Libc;
  readonly #sources: SourceCache;
  readonly #stats: SocketStats;
  readonly #headers = new PinnedMemory(MESSAGES * MMSGHDR.size);
  readonly #vectors = new PinnedMemory(MESSAGES * IOVEC.size);
  readonly #names = new PinnedMemory(MESSAGES * NAME_BYTES);
  readonly #control = new PinnedMemory(MESSAGES * CONTROL_BYTES);
  readonly #slab = new PinnedMemory(MESSAGES * MESSAGE_BYTES);
  readonly #offsets = new Uint32Array(MAX_DATAGRAMS);
  readonly #lengths = new Uint32Array(MAX_DATAGRAMS);
  readonly #from: Address[] = [];

  constructor(libc: Libc, sources: SourceCache, stats: SocketStats) {
    this.#libc = libc;
    this.#sources = sources;
    this.#stats = stats;
    this.batch = {
      count: 0,
      slab: this.#slab.bytes,
      offsets: this.#offsets,
      lengths: this.#lengths,
      sources: this.#from,
    };
    for (let i = 0; i < MESSAGES; i++) this.#prepare(i);
  }

  /**
   * Fills {@link batch} with what waits, up to a bounded amount, and returns how many datagrams that is. 0 means
   * that nothing waits. An error that the kernel kept for this socket (an ICMP refusal) is taken off and passed
   * over: it concerns a datagram sent earlier.
   */
  fill(fd: number): number {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      this.#stats.receiveCalls++;
      const received = this.#libc.recvmmsg(fd, this.#headers.address, MESSAGES, MSG_DONTWAIT, 0);
      if (received < 0) {
        if (this.#libc.errno() === EAGAIN) return 0;
        continue;
      }
      if (this.#collect(received) > 0) return this.batch.count;
    }
    return 0;
  }

  #collect(received: number): number {
    const batch = this.batch;
    const words = this.#headers.words;
    batch.count = 0;
    for (let i = 0; i < received; i++) {
      const header = (i * MMSGHDR.size) >> 2;
      const length = words[header + (MMSGHDR.length >> 2)];
      const isWhole = (words[header + (MSGHDR.flags >> 2)] & MSG_TRUNC) === 0;
      if (isWhole && length <= MESSAGE_BYTES) this.#split(i, length, this.#segmentBytes(i, length));
      words[header + (MSGHDR.nameLength >> 2)] = SOCKADDR_BYTES;
      words[header + (MSGHDR.controlLength >> 2)] = CONTROL_BYTES;
    }
    this.#stats.datagramsReceived += batch.count;
    return batch.count;
  }

  /** How long each datagram in message `i` is: the message's length unless the kernel says it is a run. */
  #segmentBytes(i: number, length: number): number {
    const controlLength = this.#headers.words[(i * MMSGHDR.size + MSGHDR.controlLength) >> 2];
    if (controlLength < CMSGHDR.data + 4) return length;
    const control = this.#control.words;
    const at = (i * CONTROL_BYTES) >> 2;
    const isRun = control[at + (CMSGHDR.level >> 2)] === SOL_UDP &&
      control[at + (CMSGHDR.type >> 2)] === UDP_GRO;
    const segmentBytes = isRun ? control[at + (CMSGHDR.data >> 2)] : length;
    return segmentBytes > 0 ? segmentBytes : length;
  }

  #split(i: number, length: number, segmentBytes: number): void {
    const from = this.#sources.lookUp(this.#names.words, (i * NAME_BYTES) >> 2);
    const start = i * MESSAGE_BYTES;
    let count = this.batch.count;
    let offset = 0;
    do {
      // The kernel makes no runs this long; were that to change, the tail is lost like any datagram.
      if (count === MAX_DATAGRAMS) break;
      this.#offsets[count] = start + offset;
      this.#lengths[count] = Math.min(segmentBytes, length - offset);
      this.#from[count] = from;
      this.#stats.bytesReceived += this.#lengths[count];
      count++;
      offset += segmentBytes;
    } while (offset < length);
    this.batch.count = count;
  }

  #prepare(i: number): void {
    const header = i * MMSGHDR.size;
    const vector = i * IOVEC.size;
    this.#vectors.setUint64(vector + IOVEC.base, this.#slab.address + i * MESSAGE_BYTES);
    this.#vectors.setUint64(vector + IOVEC.length, MESSAGE_BYTES);
    this.#headers.setUint64(header + MSGHDR.name, this.#names.address + i * NAME_BYTES);
    this.#headers.setUint64(header + MSGHDR.nameLength, SOCKADDR_BYTES);
    this.#headers.setUint64(header + MSGHDR.iov, this.#vectors.address + vector);
    this.#headers.setUint64(header + MSGHDR.iovLength, 1);
    this.#headers.setUint64(header + MSGHDR.control, this.#control.address + i * CONTROL_BYTES);
    this.#headers.setUint64(header + MSGHDR.controlLength, CONTROL_BYTES);
  }
}

/**
 * Messages per call: up to 512 KiB, or about 360 datagrams of 1452 bytes, before timers and acknowledgements get
 * their turn. 16 and 32 cost about the same CPU time per byte (`deno task bench sockets`).
 */
const MESSAGES = 8;
const MESSAGE_BYTES = 65_536;
/** A sockaddr, rounded up so that every name begins on a word. */
const NAME_BYTES = 32;
/** One UDP_GRO message needs 24 bytes. */
const CONTROL_BYTES = 64;
/** Linux coalesces at most 64 datagrams from a network and 128 from a local sender. */
const MAX_DATAGRAMS = MESSAGES * 128;
/** Errors in a row before the socket is taken to have nothing: each call takes one pending error off it. */
const MAX_ATTEMPTS = 8;
