/**
 * Hands every event to every subscriber, stamped with the time.
 *
 * @module
 */

import type { Clock, Instant } from "../clock.ts";
import type { EmitEvent, NodeEvent } from "./events.ts";

/** When an event happened: once for durations, once for people. */
export interface EventTime {
  readonly now: Instant;
  readonly epochMs: number;
}

/** A view of the stream. Runs inside the reporter's turn: it must be quick and must not block. */
export type EventSubscriber = (event: NodeEvent, time: EventTime) => void;

/** The stream itself. One per node; nothing about it is global. */
export class EventBus {
  readonly #clock: Clock;
  readonly #subscribers = new Set<EventSubscriber>();
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Subscribers that threw, in all. A view that fails costs itself an event, never the node. */
  get subscriberFailures(): number {
    return this.#failures;
  }

  /** Adds a view, called for each event in order of subscription. Returns what removes it again. */
  subscribe(subscriber: EventSubscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** Reports an event. Bound, so that it can be handed out as {@link EmitEvent}. */
  readonly emit: EmitEvent = (event) => {
    const time: EventTime = { now: this.#clock.now(), epochMs: this.#clock.epochMs() };
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(event, time);
      } catch {
        this.#failures++;
      }
    }
  };
}
