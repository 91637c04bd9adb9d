/**
 * The node's socket with circuits through relays plugged in: to the sessions above, a circuit is one more address.
 *
 * @module
 */

import { RELAYED_NETWORK } from "../dht/endpoint_address.ts";
import type { RelayLink } from "../dht/relay_link_edge.ts";
import { type Address, makeAddress } from "../net/address.ts";
import type { DatagramSocket, ReceiveBatch, SocketStats } from "../net/datagram_socket.ts";
import type { Turn } from "../net/turn.ts";

export class RelayedSocket implements DatagramSocket {
  readonly #socket: DatagramSocket;
  readonly #links = new Map<string, RelayLink>();
  readonly #queue: { readonly from: Address; readonly datagram: Uint8Array }[] = [];
  readonly #slab = new Uint8Array(MAX_DATAGRAM_BYTES);
  /** Whoever waits in {@link receive}. */
  #waiting: ((batch: ReceiveBatch | null) => void) | null = null;
  #isReceiving = false;
  /** A batch that came when nobody waited: a circuit had just been quicker. */
  #held: { readonly batch: ReceiveBatch | null } | null = null;
  #circuits = 0;

  constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  get backend(): DatagramSocket["backend"] {
    return this.#socket.backend;
  }

  get localAddress(): Address {
    return this.#socket.localAddress;
  }

  get maxRunBytes(): number {
    return this.#socket.maxRunBytes;
  }

  get maxRunSegments(): number {
    return this.#socket.maxRunSegments;
  }

  get turn(): Turn {
    return this.#socket.turn;
  }

  get stats(): Readonly<SocketStats> {
    return this.#socket.stats;
  }

  /** Gives a circuit an address, under which sessions reach its other end until it closes. */
  attach(link: RelayLink): Address {
    const address = makeAddress(`${RELAYED_NETWORK}:${(++this.#circuits).toString(16)}`, 1);
    this.#links.set(address.text, link);
    void this.#pump(address, link);
    return address;
  }

  receive(): Promise<ReceiveBatch | null> {
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      return Promise.resolve(held.batch);
    }
    if (this.#queue.length > 0) return Promise.resolve(this.#nextRelayed());
    const { promise, resolve } = Promise.withResolvers<ReceiveBatch | null>();
    this.#waiting = resolve;
    if (!this.#isReceiving) {
      this.#isReceiving = true;
      void this.#socket.receive().then((batch) => {
        this.#isReceiving = false;
        this.#give(batch);
      });
    }
    return promise;
  }

  send(
    to: Address,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
    segmentBytes: number,
  ): Promise<void> | null {
    const link = this.#links.get(to.text);
    if (link === undefined) return this.#socket.send(to, slab, offset, length, segmentBytes);
    const end = offset + length;
    for (let at = offset; at < end; at += segmentBytes) {
      const datagram = slab.subarray(at, Math.min(at + segmentBytes, end));
      // What a circuit cannot carry is lost, as on any path; path MTU discovery finds the limit.
      if (datagram.length <= MAX_DATAGRAM_BYTES) link.send(datagram);
    }
    return null;
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#socket.close();
  }

  async #pump(from: Address, link: RelayLink): Promise<void> {
    for (let datagram = await link.receive(); datagram !== null; datagram = await link.receive()) {
      if (this.#queue.length < MAX_QUEUED) this.#queue.push({ from, datagram });
      if (this.#waiting !== null && this.#queue.length > 0) this.#give(this.#nextRelayed());
    }
    this.#links.delete(from.text);
  }

  #give(batch: ReceiveBatch | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) this.#held = { batch };
    else waiting(batch);
  }

  #nextRelayed(): ReceiveBatch {
    const { from, datagram } = this.#queue.shift()!;
    this.#slab.set(datagram);
    return {
      count: 1,
      slab: this.#slab,
      offsets: Uint32Array.of(0),
      lengths: Uint32Array.of(datagram.length),
      sources: [from],
    };
  }
}

/** What one circuit carries at most, see MAX_RELAYED_BYTES. */
const MAX_DATAGRAM_BYTES = 9000;
const MAX_QUEUED = 256;
