/**
 * One session index of an endpoint: a handshake under way, then the connection it became.
 *
 * @module
 */

import type { Instant } from "../clock.ts";
import type { Connection } from "./connection.ts";
import type { HeapEntry } from "./deadline_heap.ts";
import type { InitiatorHandshake } from "./initiator_handshake.ts";
import type { ResponderHandshake } from "./responder_handshake.ts";

export type SlotState =
  | { readonly kind: "initiating"; readonly handshake: InitiatorHandshake }
  | { readonly kind: "responding"; readonly handshake: ResponderHandshake; readonly ephemeral: string }
  /** `final`: repeated until the responder's first packet shows that it arrived. */
  | { readonly kind: "connected"; readonly connection: Connection; readonly final: InitiatorHandshake | null }
  | { readonly kind: "over" };

export class Slot implements HeapEntry {
  readonly index: number;
  state: SlotState;
  /** Whether the endpoint's send queue holds this slot. */
  queued = false;
  heapIndex = -1;
  heapDeadline = 0;

  constructor(index: number, state: SlotState) {
    this.index = index;
    this.state = state;
  }

  /** When this slot wants {@link Endpoint.handleTimeout}, or null. */
  get nextTimeout(): Instant | null {
    const { state } = this;
    if (state.kind === "over") return null;
    if (state.kind !== "connected") return state.handshake.nextTimeout;
    const own = state.connection.nextTimeout;
    if (state.final === null) return own;
    const repeat = state.final.nextTimeout;
    return own === null || repeat < own ? repeat : own;
  }
}
