/**
 * What was sent and is neither acknowledged nor given up: a ring of typed arrays indexed by packet number, and
 * a pool of frame records hanging off it. Sending, acknowledging and losing a packet create no object.
 *
 * @module
 */

import type { Instant } from "../clock.ts";

/** Kinds of frame records: what to do when the packet is acknowledged or lost. Meaning of a, b, c per kind. */
export const SentFrame = {
  /** a: stream id, b: offset, c: length. */
  Stream: 1,
  /** As Stream, and the bytes end the stream. */
  StreamFin: 2,
  Ping: 3,
  MaxData: 4,
  /** a: stream id. */
  MaxStreamData: 5,
  MaxStreams: 6,
  /** a: stream id. */
  ResetStream: 7,
  /** a: stream id. */
  StopSending: 8,
  /** a: epoch, b: 1 for a response. */
  Rekey: 9,
  /** a: largest packet number the ACK covered. */
  Ack: 10,
  /** a: the probed datagram size. */
  MtuProbe: 11,
} as const;

/** Hears about each frame of a packet whose fate is known. */
export interface FrameFate {
  onFrameAcked(kind: number, a: number, b: number, c: number): void;
  onFrameLost(kind: number, a: number, b: number, c: number): void;
}

const OUTSTANDING = 1;
const ACKNOWLEDGED = 2;
const IN_FLIGHT = 4;
const APP_LIMITED = 8;

/** V8 keeps typed arrays of up to 64 bytes within the object: a session at rest has no buffers outside the heap. */
const INITIAL_PACKETS = 8;
/** Rings up to this size are kept through a pause. */
const KEPT_PACKETS = 64;
const NONE = -1;

/** Ack-eliciting packets from {@link SentPackets.lowest} to {@link SentPackets.next} - 1, by number. */
export class SentPackets {
  #mask = INITIAL_PACKETS - 1;
  #flags = new Uint8Array(INITIAL_PACKETS);
  #bytes = new Uint16Array(INITIAL_PACKETS);
  #firstFrame = new Int32Array(INITIAL_PACKETS);
  #sentAt = new Float64Array(INITIAL_PACKETS);
  #delivered = new Float64Array(INITIAL_PACKETS);
  #deliveredAt = new Float64Array(INITIAL_PACKETS);
  #firstSentAt = new Float64Array(INITIAL_PACKETS);

  #frameKind = new Uint8Array(INITIAL_PACKETS);
  #frameA = new Float64Array(INITIAL_PACKETS);
  #frameB = new Float64Array(INITIAL_PACKETS);
  #frameC = new Uint32Array(INITIAL_PACKETS);
  #frameNext = freeList(INITIAL_PACKETS);
  #freeFrame = 0;

  #pendingFrame = NONE;
  #lowest = 0;
  #next = 0;
  #elicitingInFlight = 0;

  /** The number the next packet will have. */
  get next(): number {
    return this.#next;
  }

  /** No packet below this is outstanding. */
  get lowest(): number {
    return this.#lowest;
  }

  /** How many packets are outstanding. */
  get elicitingInFlight(): number {
    return this.#elicitingInFlight;
  }

  /** Notes a frame of the packet being built. */
  addFrame(kind: number, a: number, b: number, c: number): void {
    if (this.#freeFrame === NONE) this.#growFrames();
    const frame = this.#freeFrame;
    this.#freeFrame = this.#frameNext[frame];
    this.#frameKind[frame] = kind;
    this.#frameA[frame] = a;
    this.#frameB[frame] = b;
    this.#frameC[frame] = c;
    this.#frameNext[frame] = this.#pendingFrame;
    this.#pendingFrame = frame;
  }

  /** Whether the packet being built has any frame worth a record. */
  get hasPendingFrames(): boolean {
    return this.#pendingFrame !== NONE;
  }

  /**
   * Records the packet being built as sent and returns its number. A packet that asks for no acknowledgement
   * takes a number and leaves no record: the peer may never mention it.
   *
   * @param bytes its whole datagram, at most 65,535.
   * @param inFlight whether it counts against the congestion window.
   * @param delivery the connection's delivery state at this moment, for rate samples.
   */
  commit(
    now: Instant,
    bytes: number,
    ackEliciting: boolean,
    inFlight: boolean,
    delivery: DeliveryState,
  ): number {
    const number = this.#next++;
    if (number - this.#lowest > this.#mask) this.#growPackets();
    const slot = number & this.#mask;
    if (!ackEliciting) {
      this.#flags[slot] = 0;
      this.#firstFrame[slot] = NONE;
      this.#dropPendingFrames();
      if (this.#lowest === number) this.#lowest++;
      return number;
    }
    this.#flags[slot] = OUTSTANDING | (inFlight ? IN_FLIGHT : 0) | (delivery.appLimited ? APP_LIMITED : 0);
    this.#bytes[slot] = bytes;
    this.#sentAt[slot] = now;
    this.#firstFrame[slot] = this.#pendingFrame;
    this.#delivered[slot] = delivery.delivered;
    this.#deliveredAt[slot] = delivery.deliveredAt;
    this.#firstSentAt[slot] = delivery.firstSentAt;
    this.#pendingFrame = NONE;
    this.#elicitingInFlight++;
    return number;
  }

  /** Leaves out the next number: no packet will ever have it. */
  skip(): void {
    const number = this.#next++;
    if (number - this.#lowest > this.#mask) this.#growPackets();
    this.#flags[number & this.#mask] = 0;
    this.#firstFrame[number & this.#mask] = NONE;
    if (this.#lowest === number) this.#lowest++;
  }

  isOutstanding(number: number): boolean {
    return number >= this.#lowest && number < this.#next &&
      (this.#flags[number & this.#mask] & OUTSTANDING) !== 0;
  }

  /** Whether packet `number`, not below {@link lowest}, was acknowledged. */
  wasAcknowledged(number: number): boolean {
    return (this.#flags[number & this.#mask] & ACKNOWLEDGED) !== 0;
  }

  isInFlight(number: number): boolean {
    return (this.#flags[number & this.#mask] & IN_FLIGHT) !== 0;
  }

  wasAppLimited(number: number): boolean {
    return (this.#flags[number & this.#mask] & APP_LIMITED) !== 0;
  }

  bytesOf(number: number): number {
    return this.#bytes[number & this.#mask];
  }

  sentAt(number: number): Instant {
    return this.#sentAt[number & this.#mask] as Instant;
  }

  /** {@link DeliveryState.delivered} when the packet left. */
  deliveredWhenSent(number: number): number {
    return this.#delivered[number & this.#mask];
  }

  deliveredAtWhenSent(number: number): Instant {
    return this.#deliveredAt[number & this.#mask] as Instant;
  }

  firstSentAtWhenSent(number: number): Instant {
    return this.#firstSentAt[number & this.#mask] as Instant;
  }

  /** Ends an outstanding packet as acknowledged, telling `fate` of each frame. */
  acknowledge(number: number, fate: FrameFate): void {
    this.#flags[number & this.#mask] |= ACKNOWLEDGED;
    for (let frame = this.#release(number); frame !== NONE; frame = this.#freeAndNext(frame)) {
      fate.onFrameAcked(
        this.#frameKind[frame],
        this.#frameA[frame],
        this.#frameB[frame],
        this.#frameC[frame],
      );
    }
  }

  /** Ends an outstanding packet as lost, telling `fate` of each frame. */
  lose(number: number, fate: FrameFate): void {
    for (let frame = this.#release(number); frame !== NONE; frame = this.#freeAndNext(frame)) {
      fate.onFrameLost(this.#frameKind[frame], this.#frameA[frame], this.#frameB[frame], this.#frameC[frame]);
    }
  }

  /** Tells `fate` that the frames should travel again, while the packet stays outstanding (a probe). */
  repeatFrames(number: number, fate: FrameFate): void {
    let frame = this.#firstFrame[number & this.#mask];
    for (; frame !== NONE; frame = this.#frameNext[frame]) {
      // What a path MTU probe asks is whether this very packet arrives.
      if (this.#frameKind[frame] === SentFrame.MtuProbe) continue;
      fate.onFrameLost(this.#frameKind[frame], this.#frameA[frame], this.#frameB[frame], this.#frameC[frame]);
    }
  }

  /** Gives back rings that a busy time has grown, once nothing is outstanding. */
  trim(): void {
    if (this.#elicitingInFlight > 0 || this.#pendingFrame !== NONE) return;
    if (this.#mask >= KEPT_PACKETS) this.#makePackets(INITIAL_PACKETS);
    if (this.#frameKind.length > KEPT_PACKETS) this.#makeFrames(INITIAL_PACKETS);
  }

  #makePackets(capacity: number): void {
    this.#lowest = this.#next;
    this.#mask = capacity - 1;
    this.#flags = new Uint8Array(capacity);
    this.#bytes = new Uint16Array(capacity);
    this.#firstFrame = new Int32Array(capacity);
    this.#sentAt = new Float64Array(capacity);
    this.#delivered = new Float64Array(capacity);
    this.#deliveredAt = new Float64Array(capacity);
    this.#firstSentAt = new Float64Array(capacity);
  }

  #makeFrames(capacity: number): void {
    this.#frameKind = new Uint8Array(capacity);
    this.#frameA = new Float64Array(capacity);
    this.#frameB = new Float64Array(capacity);
    this.#frameC = new Uint32Array(capacity);
    this.#frameNext = freeList(capacity);
    this.#freeFrame = 0;
  }

  #release(number: number): number {
    const slot = number & this.#mask;
    const flags = this.#flags[slot];
    if ((flags & OUTSTANDING) === 0) throw new Error(`Packet ${number} ended twice`);
    this.#flags[slot] = flags & ~OUTSTANDING;
    this.#elicitingInFlight--;
    const frame = this.#firstFrame[slot];
    this.#firstFrame[slot] = NONE;
    while (this.#lowest < this.#next && (this.#flags[this.#lowest & this.#mask] & OUTSTANDING) === 0) {
      this.#lowest++;
    }
    return frame;
  }

  #dropPendingFrames(): void {
    for (let frame = this.#pendingFrame; frame !== NONE;) frame = this.#freeAndNext(frame);
    this.#pendingFrame = NONE;
  }

  #freeAndNext(frame: number): number {
    const next = this.#frameNext[frame];
    this.#frameNext[frame] = this.#freeFrame;
    this.#freeFrame = frame;
    return next;
  }

  #growPackets(): void {
    const oldMask = this.#mask;
    const capacity = 2 * (oldMask + 1);
    const move = <T extends Uint8Array | Uint16Array | Int32Array | Float64Array>(old: T, grown: T): T => {
      // The newest packet is not stored yet: its slot may collide until the arrays have grown.
      for (let number = this.#lowest; number < this.#next - 1; number++) {
        grown[number & (capacity - 1)] = old[number & oldMask];
      }
      return grown;
    };
    this.#flags = move(this.#flags, new Uint8Array(capacity));
    this.#bytes = move(this.#bytes, new Uint16Array(capacity));
    this.#firstFrame = move(this.#firstFrame, new Int32Array(capacity));
    this.#sentAt = move(this.#sentAt, new Float64Array(capacity));
    this.#delivered = move(this.#delivered, new Float64Array(capacity));
    this.#deliveredAt = move(this.#deliveredAt, new Float64Array(capacity));
    this.#firstSentAt = move(this.#firstSentAt, new Float64Array(capacity));
    this.#mask = capacity - 1;
  }

  #growFrames(): void {
    const old = this.#frameKind.length;
    const capacity = 2 * old;
    this.#frameKind = grow(this.#frameKind, new Uint8Array(capacity));
    this.#frameA = grow(this.#frameA, new Float64Array(capacity));
    this.#frameB = grow(this.#frameB, new Float64Array(capacity));
    this.#frameC = grow(this.#frameC, new Uint32Array(capacity));
    this.#frameNext = grow(this.#frameNext, freeList(capacity));
    this.#freeFrame = old;
  }
}

/** Running totals behind delivery-rate samples (draft-cheng-iccrg-delivery-rate-estimation §3.2). */
export interface DeliveryState {
  /** Bytes acknowledged so far. */
  delivered: number;
  /** When that last grew. */
  deliveredAt: Instant;
  /** Send time of the packet most recently acknowledged: where the current sampling interval starts. */
  firstSentAt: Instant;
  /** Whether the sender has too little to send to fill the path. */
  appLimited: boolean;
}

function grow<T extends Uint8Array | Uint32Array | Int32Array | Float64Array>(old: T, grown: T): T {
  grown.set(old);
  return grown;
}

function freeList(capacity: number): Int32Array {
  const next = new Int32Array(capacity);
  for (let i = 0; i < capacity; i++) next[i] = i + 1 < capacity ? i + 1 : NONE;
  return next;
}
