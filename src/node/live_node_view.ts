/**
 * The running node, as monitoring sees it.
 *
 * @module
 */

import type {
  DhtView,
  NodeFacts,
  NodeView,
  SessionView,
  TransferView,
  TransportCounters,
} from "../monitor/node_view.ts";
import type { Endpoint } from "./endpoint.ts";

export class LiveNodeView implements NodeView {
  readonly facts: NodeFacts;
  readonly #endpoint: Endpoint;
  phase: NodeView["phase"] = "starting";

  constructor(facts: NodeFacts, endpoint: Endpoint) {
    this.facts = facts;
    this.#endpoint = endpoint;
  }

  transport(): TransportCounters {
    return this.#endpoint.counters;
  }

  sessionCount(): number {
    return this.#endpoint.sessionCount;
  }

  sessions(limit: number): readonly SessionView[] {
    return this.#endpoint.sessions(limit);
  }

  transfers(_limit: number): readonly TransferView[] {
    return [];
  }

  dht(): DhtView | null {
    return null;
  }
}
