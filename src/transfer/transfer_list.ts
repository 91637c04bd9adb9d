/**
 * The transfers of a node, those under way and the last that ended.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { EmitEvent } from "../observe/events.ts";
import { asTransferError } from "./link.ts";
import { TransferHandle } from "./transfer_handle.ts";
import { type TransferFactsInput, TransferRecord, type TransferSnapshot } from "./transfer_record.ts";

/** A transfer from its beginning: what it tells, and what it can be told. */
export interface ListedTransfer {
  readonly record: TransferRecord;
  readonly handle: TransferHandle;
}

/** Knows every transfer from its beginning to its end, and some time beyond. */
export class TransferList {
  readonly #clock: Clock;
  readonly #emit: EmitEvent;
  readonly #active = new Set<TransferHandle>();
  readonly #ended: TransferSnapshot[] = [];

  constructor(clock: Clock, emit: EmitEvent) {
    this.#clock = clock;
    this.#emit = emit;
  }

  begin(facts: TransferFactsInput): ListedTransfer {
    const record = new TransferRecord(this.#clock, this.#emit, facts);
    const handle = new TransferHandle(record);
    this.#active.add(handle);
    return { record, handle };
  }

  /** Runs the transfer to its end: completed when `run` resolves, failed when it rejects. Never rejects itself. */
  async conclude({ record, handle }: ListedTransfer, run: () => Promise<void>): Promise<void> {
    try {
      await run();
      record.completed();
    } catch (error) {
      record.failed(asTransferError(error));
    }
    this.#active.delete(handle);
    this.#ended.push(record.snapshot());
    if (this.#ended.length > MAX_REMEMBERED) this.#ended.shift();
    handle.end();
  }

  /** Transfers under way. */
  get activeCount(): number {
    return this.#active.size;
  }

  /** Running ones first, then the most recent ended ones. */
  snapshots(limit: number): TransferSnapshot[] {
    const views: TransferSnapshot[] = [];
    for (const handle of this.#active) {
      if (views.length >= limit) return views;
      views.push(handle.snapshot());
    }
    for (let i = this.#ended.length - 1; i >= 0 && views.length < limit; i--) views.push(this.#ended[i]);
    return views;
  }

  /** The transfer under way whose id begins with `idPrefix`, or null when there is none or more than one. */
  find(idPrefix: string): TransferHandle | null {
    const found = [...this.#active].filter((handle) => handle.id.startsWith(idPrefix.toLowerCase()));
    return found.length === 1 ? found[0] : null;
  }

  /** Cancels what is under way and waits for it to come to rest. */
  async cancelAll(): Promise<void> {
    const active = [...this.#active];
    for (const handle of active) handle.cancel();
    await Promise.all(active.map((handle) => handle.outcome));
  }
}

const MAX_REMEMBERED = 100;
