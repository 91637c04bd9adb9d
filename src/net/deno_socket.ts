/**
 * UDP through `Deno.listenDatagram`: works wherever Deno does and needs no permission beyond the network.
 *
 * @module
 */

import { type Address, AddressTable, makeAddress } from "./address.ts";
import { bindError, SocketError } from "./bind_error.ts";
import type { DatagramSocket, ReceiveBatch, SocketOptions, SocketStats } from "./datagram_socket.ts";
import { Turn } from "./turn.ts";

/** Binds a portable socket. @throws {SocketError} with one line when the address cannot be bound. */
export function openDenoSocket(options: SocketOptions): DatagramSocket {
  if (typeof Deno.listenDatagram !== "function") {
    throw new SocketError("unsupported", "Cannot open a UDP socket: run Deno with --unstable-net");
  }
  let conn: Deno.DatagramConn;
  try {
    conn = Deno.listenDatagram({ transport: "udp", hostname: options.hostname, port: options.port });
  } catch (error) {
    throw bindError(options, error);
  }
  return new DenoSocket(conn);
}

class DenoSocket implements DatagramSocket {
  readonly backend = "deno";
  readonly localAddress: Address;
  // A run saves no operations here; it only keeps the caller's loop short.
  readonly maxRunBytes = 65_507;
  readonly maxRunSegments = 32;
  readonly stats: SocketStats = {
    datagramsSent: 0,
    datagramsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    sendFailures: 0,
    sendCalls: 0,
    receiveCalls: 0,
  };

  /** Datagrams that wait settle in microtasks, and would never let others run. */
  readonly turn = new Turn();

  readonly #conn: Deno.DatagramConn;
  readonly #remotes = new AddressTable();
  readonly #slab = new Uint8Array(SLAB_BYTES);
  readonly #batch = {
    count: 0,
    slab: this.#slab,
    offsets: new Uint32Array(MAX_BATCH),
    lengths: new Uint32Array(MAX_BATCH),
    sources: [] as Address[],
  };
  /** The receive under way, and what became of it. It outlives the batch during which it was started. */
  #pending: Promise<void> | null = null;
  #arrived: [Uint8Array, Deno.Addr] | null = null;
  /** Where the next datagram goes in the slab. */
  #cursor = 0;
  #failuresInARow = 0;
  #closed = false;

  constructor(conn: Deno.DatagramConn) {
    this.#conn = conn;
    const { hostname, port } = conn.addr as Deno.NetAddr;
    this.localAddress = makeAddress(hostname, port);
  }

  async receive(): Promise<ReceiveBatch | null> {
    const batch = this.#batch;
    batch.count = 0;
    const pause = this.turn.pause();
    if (pause !== null) await pause;
    while (batch.count < MAX_BATCH && !this.#closed) {
      if (this.#pending === null && !this.#hasRoom()) {
        if (batch.count > 0) break;
        this.#cursor = 0;
      }
      const pending = this.#pending ??= this.#startReceive();
      // What is waiting in the kernel settles within these ticks; what is not ends the batch.
      for (let tick = 0; tick < SETTLE_TICKS && this.#pending !== null; tick++) await null;
      if (this.#pending !== null) {
        if (batch.count > 0) break;
        await pending;
        this.turn.rested();
      }
      if (this.#arrived !== null) this.#append(this.#arrived);
      else if (!this.#closed) await this.#recover();
    }
    return this.#closed ? null : batch;
  }

  send(
    to: Address,
    slab: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
    segmentBytes: number,
  ): Promise<void> | null {
    if (this.#closed) return null;
    const destination: Deno.NetAddr = { transport: "udp", hostname: to.hostname, port: to.port };
    return this.#sendRun(slab.subarray(offset, offset + length), segmentBytes, destination);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  /** Settles (never rejects) when a datagram arrived, a receive failed, or the socket closed. */
  #startReceive(): Promise<void> {
    this.stats.receiveCalls++;
    const buffer = this.#slab.subarray(this.#cursor, this.#cursor + MAX_DATAGRAM_BYTES);
    return this.#conn.receive(buffer).then(
      (arrived) => {
        this.#pending = null;
        this.#arrived = arrived;
        this.#failuresInARow = 0;
      },
      () => {
        this.#pending = null;
        this.#failuresInARow++;
      },
    );
  }

  #append(arrived: [Uint8Array, Deno.Addr]): void {
    const [bytes, from] = arrived;
    const { hostname, port } = from as Deno.NetAddr;
    const batch = this.#batch;
    batch.offsets[batch.count] = this.#cursor;
    batch.lengths[batch.count] = bytes.length;
    batch.sources[batch.count] = this.#remotes.intern(hostname, port);
    batch.count++;
    this.#cursor += bytes.length;
    this.#arrived = null;
    this.stats.datagramsReceived++;
    this.stats.bytesReceived += bytes.length;
  }

  /** After a failed receive: Windows reports an ICMP refusal here, which concerns one datagram, not the socket. */
  async #recover(): Promise<void> {
    if (this.#failuresInARow < FAILURES_BEFORE_PAUSE) return;
    await new Promise((resolve) => setTimeout(resolve, FAILURE_PAUSE_MS));
  }

  #hasRoom(): boolean {
    return this.#cursor + MAX_DATAGRAM_BYTES <= SLAB_BYTES;
  }

  /** One after the other: sends under way together overtake each other whenever the socket has to wait. */
  async #sendRun(run: Uint8Array, segmentBytes: number, destination: Deno.NetAddr): Promise<void> {
    let start = 0;
    do {
      const segment = run.subarray(start, start + segmentBytes);
      this.stats.sendCalls++;
      try {
        this.stats.bytesSent += await this.#conn.send(segment, destination);
        this.stats.datagramsSent++;
      } catch {
        this.stats.sendFailures++;
      }
      start += segmentBytes;
    } while (start < run.length);
  }
}

/** The largest UDP payload over IPv6; over IPv4 it is 20 bytes less. */
const MAX_DATAGRAM_BYTES = 65_527;
/** Room for a batch and, behind it, for one more datagram of any size. */
const SLAB_BYTES = 4 * 65_536;
/** Datagrams per batch: enough to spread the cost of a turn, few enough to keep acknowledgements prompt. */
const MAX_BATCH = 64;
/** A receive that finds a datagram waiting settles two microtasks later; one more for our own handler. */
const SETTLE_TICKS = 4;
/** A socket that fails this often in a row is paused instead of spinning. */
const FAILURES_BEFORE_PAUSE = 16;
const FAILURE_PAUSE_MS = 10;
