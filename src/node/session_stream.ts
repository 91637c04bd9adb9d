/**
 * A stream as transfers use it: promises over the connection's calls and events.
 *
 * @module
 */

import type { Connection } from "../session/connection.ts";
import type { Stream } from "../session/stream.ts";
import { type PeerStream, StreamError } from "../transfer/peer_stream.ts";
import { Gate } from "./gate.ts";
import type { Driver } from "./driver.ts";

export class SessionStream implements PeerStream {
  readonly id: number;
  readonly #driver: Driver;
  readonly #connection: Connection;
  readonly #stream: Stream;
  readonly #readable = new Gate();
  readonly #writable = new Gate();
  readonly #delivered = new Gate();
  #readFailure: StreamError | null = null;
  #writeFailure: StreamError | null = null;
  #isDelivered = false;

  constructor(driver: Driver, connection: Connection, stream: Stream) {
    this.id = stream.id;
    this.#driver = driver;
    this.#connection = connection;
    this.#stream = stream;
  }

  get unacknowledgedBytes(): number {
    return this.#stream.sending.size;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (into.length === 0) throw new RangeError("Cannot read: the buffer must hold at least 1 byte, got 0");
    for (;;) {
      const length = this.#connection.read(this.#driver.now, this.#stream, into);
      if (length > 0) {
        // Reading gives the peer credit: the frame that says so leaves with the next turn.
        this.#driver.wake(this.#connection);
        const pause = this.#driver.turn.pause();
        if (pause !== null) await pause;
        return length;
      }
      if (length < 0) return null;
      if (this.#readFailure !== null) throw this.#readFailure;
      await this.#readable.wait();
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    let offset = 0;
    do {
      if (this.#writeFailure !== null) throw this.#writeFailure;
      const rest = offset === 0 ? bytes : bytes.subarray(offset);
      offset += this.#connection.write(this.#stream, rest);
      this.#driver.wake(this.#connection);
      if (offset < bytes.length) await this.#writable.wait();
    } while (offset < bytes.length);
  }

  async finish(): Promise<void> {
    if (this.#writeFailure !== null) throw this.#writeFailure;
    this.#connection.finish(this.#stream);
    this.#driver.wake(this.#connection);
    while (!this.#isDelivered) {
      if (this.#writeFailure !== null) throw this.#writeFailure;
      await this.#delivered.wait();
    }
  }

  reset(code: number): void {
    this.#connection.resetStream(this.#driver.now, this.#stream, code);
    this.#driver.wake(this.#connection);
    this.fail(new StreamError("closed", code, "Stream was reset by this side"));
  }

  // Called by the session that owns this stream.

  onReadable(): void {
    this.#readable.open();
  }

  onWritable(): void {
    this.#writable.open();
  }

  onDelivered(): void {
    this.#isDelivered = true;
    this.#delivered.open();
  }

  /** The peer gave up sending. */
  onReset(code: number): void {
    this.#readFailure ??= new StreamError("reset", code, `Stream was reset by the peer with code ${code}`);
    this.#readable.open();
  }

  /** The peer wants no more. */
  onStopped(code: number): void {
    this.#writeFailure ??= new StreamError(
      "stopped",
      code,
      `Stream was stopped by the peer with code ${code}`,
    );
    this.#writable.open();
    this.#delivered.open();
  }

  /** Both directions are over. What has arrived can still be read. */
  fail(error: StreamError): void {
    this.#readFailure ??= error;
    this.#writeFailure ??= error;
    this.#readable.open();
    this.#writable.open();
    this.#delivered.open();
  }
}
