/**
 * An endpoint's sessions by index, by deadline, and by turn to send.
 *
 * @module
 */

import { type Instant, later } from "../clock.ts";
import { type Entropy, randomBytes } from "../entropy.ts";
import { DeadlineHeap } from "./deadline_heap.ts";
import { Slot } from "./endpoint_slot.ts";

/** A deadline that a turn could not settle is looked at again after this. */
const STUCK_DEADLINE_MS = 1;

export class SlotTable {
  readonly #entropy: Entropy;
  readonly #slots = new Map<number, Slot>();
  /** Half-open handshakes of responders by ephemeral key, oldest first. */
  readonly #halfOpen = new Map<string, Slot>();
  readonly #deadlines = new DeadlineHeap<Slot>();
  readonly #sendQueue: Slot[] = [];

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  /** Session indexes in use. */
  get size(): number {
    return this.#slots.size;
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  /** The earliest deadline of all, or null. */
  get nextDeadline(): Instant | null {
    return this.#deadlines.next;
  }

  get(index: number): Slot | undefined {
    return this.#slots.get(index);
  }

  /** The half-open handshake that an Init with this ephemeral key began. */
  halfOpenWith(ephemeral: string): Slot | undefined {
    return this.#halfOpen.get(ephemeral);
  }

  /** In order of creation. */
  values(): IterableIterator<Slot> {
    return this.#slots.values();
  }

  /** An index that no session uses and nobody can guess. */
  freshIndex(): number {
    for (;;) {
      const bytes = randomBytes(this.#entropy, 4);
      const index = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
      if (index !== 0 && !this.#slots.has(index)) return index;
    }
  }

  /** Adds a slot and queues it to send. */
  add(slot: Slot): void {
    this.#slots.set(slot.index, slot);
    if (slot.state.kind === "responding") this.#halfOpen.set(slot.state.ephemeral, slot);
    this.queue(slot);
  }

  /** The handshake of `slot` is over: it counts as half-open no more. */
  settleHandshake(ephemeral: string): void {
    this.#halfOpen.delete(ephemeral);
  }

  /** The half-open handshake that began longest ago. */
  get oldestHalfOpen(): Slot | null {
    for (const slot of this.#halfOpen.values()) return slot;
    return null;
  }

  remove(slot: Slot): void {
    const { state } = slot;
    if (state.kind === "responding") this.#halfOpen.delete(state.ephemeral);
    if (state.kind === "initiating" || state.kind === "responding") state.handshake.wipe();
    slot.state = { kind: "over" };
    this.#slots.delete(slot.index);
    this.#deadlines.update(slot, null);
  }

  /** Gives `slot` a turn to send, once. */
  queue(slot: Slot): void {
    if (slot.queued) return;
    slot.queued = true;
    this.#sendQueue.push(slot);
  }

  /** Whose turn to send it is, or null. */
  get sender(): Slot | null {
    return this.#sendQueue[0] ?? null;
  }

  /** The sender has sent a run: the next one's turn. */
  rotate(): void {
    if (this.#sendQueue.length > 1) this.#sendQueue.push(this.#sendQueue.shift()!);
  }

  /** The sender has nothing more to send: its deadline goes back into the heap, or the slot away. */
  settle(now: Instant): void {
    const slot = this.#sendQueue.shift()!;
    slot.queued = false;
    const { state } = slot;
    if (state.kind === "over") return;
    if (state.kind === "connected" && state.connection.state === "closed") return this.remove(slot);
    const next = slot.nextTimeout;
    this.#deadlines.update(slot, next === null || next > now ? next : later(now, STUCK_DEADLINE_MS));
  }

  /**
   * A slot whose deadline has come, or null. It leaves the heap until its packets are drained: an ACK that is due
   * stays due until it is sent.
   */
  takeDue(now: Instant): Slot | null {
    const slot = this.#deadlines.due(now);
    if (slot === null) return null;
    this.#deadlines.update(slot, null);
    this.queue(slot);
    return slot;
  }
}
