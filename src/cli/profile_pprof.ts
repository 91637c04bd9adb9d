/**
 * Profiles as the inspector gives them, turned into pprof's format: gzipped protocol buffers that `go tool pprof`
 * and Pyroscope read (google/pprof, proto/profile.proto).
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { Function as PprofFunction, Line, Location, Profile, Sample, StringTable } from "pprof-format";
import type { ProfileKind } from "../node/profile.ts";

/** A function on a stack. Lines are counted from 0; -1 where there is none. */
export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** A `.cpuprofile` (V8's `Profiler.Profile`): times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples: readonly number[];
  /** Time before each sample, since the one before it or the start. */
  readonly timeDeltas: readonly number[];
}

/** A node of a `.heapprofile` (V8's `HeapProfiler.SamplingHeapProfileNode`): sizes in bytes. */
export interface HeapNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** Encodes `profile`, which ended at `endedAtMs` of the Unix epoch. */
export function encodePprof(
  kind: ProfileKind,
  profile: unknown,
  endedAtMs: number,
): Uint8Array<ArrayBuffer> {
  const encoded = kind === "cpu"
    ? pprofOfCpu(profile as CpuProfile, endedAtMs)
    : pprofOfHeap(profile as { readonly head: HeapNode }, endedAtMs);
  return new Uint8Array(gzipSync(encoded.encode()));
}

/**
 * Samples and CPU time by stack. The time in which the process waited for something to do is left out: V8 counts
 * it as a function named "(idle)".
 */
export function pprofOfCpu(profile: CpuProfile, endedAtMs: number): Profile {
  const { nodes, samples, timeDeltas, startTime, endTime } = profile;
  const total = new Map<number, { count: number; us: number }>();
  let at = startTime;
  samples.forEach((node, index) => {
    at += timeDeltas[index];
    const next = index + 1 < samples.length ? at + timeDeltas[index + 1] : endTime;
    const sum = total.get(node) ?? { count: 0, us: 0 };
    total.set(node, { count: sum.count + 1, us: sum.us + Math.max(0, next - at) });
  });

  const durationNs = Math.round((endTime - startTime) * 1_000);
  const writer = new PprofWriter([["samples", "count"], ["cpu", "nanoseconds"]], {
    timeNanos: BigInt(Math.round(endedAtMs)) * 1_000_000n - BigInt(durationNs),
    durationNanos: durationNs,
    period: samples.length === 0 ? 0 : Math.round(durationNs / samples.length),
  });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  for (const [id, { count, us }] of total) {
    const stack: CallFrame[] = [];
    for (let node = byId.get(id); node !== undefined; node = byId.get(parents.get(node.id) ?? -1)) {
      stack.push(node.callFrame);
    }
    if (stack[0].functionName !== "(idle)") writer.add(stack, [count, Math.round(us * 1_000)]);
  }
  return writer.profile;
}

/** Bytes still in use by the stack that allocated them. */
export function pprofOfHeap({ head }: { readonly head: HeapNode }, endedAtMs: number): Profile {
  const writer = new PprofWriter([["inuse_space", "bytes"]], {
    timeNanos: BigInt(Math.round(endedAtMs)) * 1_000_000n,
  });
  const visit = (node: HeapNode, below: readonly CallFrame[]) => {
    const stack = [node.callFrame, ...below];
    if (node.selfSize > 0) writer.add(stack, [node.selfSize]);
    for (const child of node.children) visit(child, stack);
  };
  visit(head, []);
  return writer.profile;
}

/** A pprof profile that grows by stacks. */
class PprofWriter {
  readonly profile: Profile;
  readonly #places = new Map<string, number>();

  /** @param types name and unit of each value; the last one is what a viewer shows first. */
  constructor(
    types: readonly (readonly [string, string])[],
    about: { readonly timeNanos: bigint; readonly durationNanos?: number; readonly period?: number },
  ) {
    const stringTable = new StringTable();
    const valueTypes = types.map(([type, unit]) => ({
      type: stringTable.dedup(type),
      unit: stringTable.dedup(unit),
    }));
    this.profile = new Profile({
      ...about,
      stringTable,
      sampleType: valueTypes,
      periodType: valueTypes.at(-1)!,
      defaultSampleType: valueTypes.at(-1)!.type,
    });
  }

  /** @param stack the innermost frame first, up to V8's "(root)". */
  add(stack: readonly CallFrame[], value: readonly number[]): void {
    const locationId = stack.filter(({ functionName }) => functionName !== "(root)")
      .map((frame) => this.#location(frame));
    this.profile.sample.push(new Sample({ locationId, value: [...value] }));
  }

  /** V8 names the place where a function begins, so each function is one place. */
  #location(frame: CallFrame): number {
    const key = `${frame.functionName}\n${frame.url}\n${frame.lineNumber}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const id = this.#places.size + 1;
    this.#places.set(key, id);
    const { stringTable, function: functions, location: locations } = this.profile;
    const name = stringTable.dedup(frame.functionName || "(anonymous)");
    const line = frame.lineNumber + 1;
    functions.push(
      new PprofFunction({
        id,
        name,
        systemName: name,
        filename: stringTable.dedup(frame.url),
        startLine: line,
      }),
    );
    locations.push(new Location({ id, line: [new Line({ functionId: id, line })] }));
    return id;
  }
}
