/**
 * The running node, as monitoring sees it.
 *
 * @module
 */

import type { DhtService } from "../dht/dht_service.ts";
import type {
  DhtView,
  NodeFacts,
  NodeView,
  ObserverCounters,
  SessionView,
  TransferView,
  TransportCounters,
} from "../monitor/node_view.ts";
import type { TransferService } from "../transfer/mod.ts";
import type { Network } from "./network.ts";
import type { Observers } from "./observers.ts";

/** The parts that monitoring looks at. */
export interface ViewedParts {
  readonly facts: NodeFacts;
  readonly network: Network;
  readonly transfers: TransferService;
  readonly dht: DhtService | null;
  readonly observers: Observers;
}

export class LiveNodeView implements NodeView {
  readonly facts: NodeFacts;
  readonly #parts: ViewedParts;
  phase: NodeView["phase"] = "starting";

  constructor(parts: ViewedParts) {
    this.facts = parts.facts;
    this.#parts = parts;
  }

  transport(): TransportCounters {
    return this.#parts.network.counters;
  }

  sessionCount(): number {
    return this.#parts.network.sessionCount;
  }

  sessions(limit: number): readonly SessionView[] {
    return this.#parts.network.sessions(limit);
  }

  transfers(limit: number): readonly TransferView[] {
    return this.#parts.transfers.transfers(limit);
  }

  dht(): DhtView | null {
    return this.#parts.dht?.view ?? null;
  }

  observers(): ObserverCounters {
    return this.#parts.observers.counters;
  }
}
