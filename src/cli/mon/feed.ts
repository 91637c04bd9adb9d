/**
 * Samples from the node, through its restarts.
 *
 * @module
 */

import type { NodeSample } from "../../monitor/node_sample.ts";
import { type ControlClient, ControlRequestError, NodeNotRunningError } from "../../node/control_client.ts";

/** What asking for a sample brought. */
export interface Report {
  /** The newest sample there is. */
  readonly sample: NodeSample;
  /** Whether it is of this moment. */
  readonly isFresh: boolean;
  /** What became of the node, for people; null when nothing did. */
  readonly notice: string | null;
}

/** Asks one node for samples and tells when it goes and comes back. */
export class SampleFeed {
  readonly #client: Pick<ControlClient, "get">;
  #last: NodeSample;
  #gone: string | null = null;
  #restarted: { readonly notice: string; readonly untilMs: number } | null = null;

  private constructor(client: Pick<ControlClient, "get">, first: NodeSample) {
    this.#client = client;
    this.#last = first;
  }

  /** @throws {NodeNotRunningError} when there is no node to begin with. */
  static async open(client: Pick<ControlClient, "get">, signal: AbortSignal): Promise<SampleFeed> {
    return new SampleFeed(client, await client.get<NodeSample>(SAMPLE_PATH, signal));
  }

  /** What is known, without asking. */
  get last(): NodeSample {
    return this.#last;
  }

  /** Asks once. A node that does not answer is a report too. */
  async next(signal: AbortSignal): Promise<Report> {
    try {
      this.#take(await this.#client.get<NodeSample>(SAMPLE_PATH, signal));
    } catch (error) {
      this.#gone = whyAway(error);
      if (this.#gone === null) throw error;
    }
    if (this.#gone !== null) {
      const notice = `${this.#gone}, seen ${this.#last.at.slice(11, 19)} UTC, retrying`;
      return { sample: this.#last, isFresh: false, notice };
    }
    return { sample: this.#last, isFresh: true, notice: this.#restarted?.notice ?? null };
  }

  #take(sample: NodeSample): void {
    const atMs = Date.parse(sample.at);
    if (sample.node.started_at !== this.#last.node.started_at) {
      const notice = `node restarted at ${sample.node.started_at.slice(11, 19)} UTC`;
      this.#restarted = { notice, untilMs: atMs + RESTART_NOTICE_MS };
    }
    if (this.#restarted !== null && atMs >= this.#restarted.untilMs) this.#restarted = null;
    this.#gone = null;
    this.#last = sample;
  }
}

/** Why a node that should be there gives no sample; null when something else is wrong. */
function whyAway(error: unknown): string | null {
  if (error instanceof NodeNotRunningError) return "node away";
  if (error instanceof ControlRequestError && error.code === "starting") return "node starting";
  return null;
}

const SAMPLE_PATH = "/v1/sample?limit=200";
const RESTART_NOTICE_MS = 30_000;
