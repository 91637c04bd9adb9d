/**
 * Lookups in a virtual world, and what they came to.
 *
 * @module
 */

import type { LookupKind } from "../../src/dht/lookup.ts";
import type { NodeId } from "../../src/dht/node_id.ts";
import type { LookupOptions } from "../../src/dht/lookup_runner.ts";
import type { SimNode, World } from "./world.ts";

export interface LookupOutcome {
  readonly found: boolean;
  readonly hops: number;
  readonly rpcs: number;
  readonly durationMs: number;
}

export interface Question {
  readonly asker: SimNode;
  readonly kind: LookupKind;
  readonly target: NodeId;
  readonly options?: LookupOptions;
}

/** Puts the questions `gapMs` apart and waits until the last has ended. */
export function ask(world: World, questions: readonly Question[], gapMs: number): LookupOutcome[] {
  const open = new Set<string>();
  const outcomes: LookupOutcome[] = [];
  const stop = world.listen((node, output) => {
    if (output.kind !== "event" || output.event.type !== "dht.lookup.finished") return;
    const { lookupId, result, hops, rpcs, durationMs } = output.event;
    if (!open.delete(`${node.index} ${lookupId}`)) return;
    outcomes.push({ found: result === "success", hops, rpcs, durationMs });
  });
  for (const { asker, kind, target, options } of questions) {
    world.act(asker, (core, now) => open.add(`${asker.index} ${core.lookup(now, kind, target, options)}`));
    world.run(gapMs);
  }
  if (!world.runUntil(() => open.size === 0, 120_000)) throw new Error(`${open.size} lookups never ended`);
  stop();
  return outcomes;
}

export interface Summary {
  readonly lookups: number;
  readonly successShare: number;
  readonly meanHops: number;
  readonly maxHops: number;
  readonly meanRpcs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export function summarize(outcomes: readonly LookupOutcome[]): Summary {
  const durations = outcomes.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const mean = (of: (outcome: LookupOutcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + of(outcome), 0) / outcomes.length;
  return {
    lookups: outcomes.length,
    successShare: mean(({ found }) => found ? 1 : 0),
    meanHops: mean(({ hops }) => hops),
    maxHops: Math.max(...outcomes.map(({ hops }) => hops)),
    meanRpcs: mean(({ rpcs }) => rpcs),
    p50Ms: percentile(durations, 0.5),
    p95Ms: percentile(durations, 0.95),
    p99Ms: percentile(durations, 0.99),
  };
}

/** The smallest of the sorted values that at least the share `share` of them does not exceed. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** A random one of `items`. */
export function pick<T>(world: World, items: readonly T[]): T {
  return items[Math.floor(world.prng.next() * items.length)];
}

/** Up to `count` different ones of `items`, at random. */
export function pickSome<T>(world: World, items: readonly T[], count: number): T[] {
  const chosen = new Set<T>();
  while (chosen.size < Math.min(count, items.length)) chosen.add(pick(world, items));
  return [...chosen];
}

/**
 * Builds a network of `count` nodes, each joining through a random earlier one, and lets it settle until every
 * node has published twice.
 */
export function populate(world: World, count: number, settleMs = 15 * 60_000): void {
  for (let i = 0; i < count; i++) {
    const node = world.add();
    const via = i === 0 ? [] : [pick(world, world.nodes.slice(0, i))];
    world.act(node, (core, now) => core.join(now, via));
    world.run(JOIN_GAP_MS);
  }
  world.run(settleMs);
}

const JOIN_GAP_MS = 50;
