/**
 * Section `sessions`: what sessions cost that do nothing.
 *
 * @module
 */

import type { BenchBackend } from "../../src/node/benchmark/machine.ts";
import { fitLine } from "../../src/node/benchmark/statistics.ts";
import { ConnectError } from "../../src/node/driver.ts";
import { type Drawing, drawPanels } from "../line_panels.ts";
import { benchBackends } from "./backends.ts";
import { connectMany } from "./handshakes.ts";
import { LineChild } from "./line_child.ts";
import { processUse } from "./process_use.ts";
import { type BenchContext, byEffort, type Section, type Table } from "./section.ts";
import { openBenchDriver } from "./session_host.ts";

/** A responder with that many sessions at rest. */
interface Level {
  readonly backend: BenchBackend;
  readonly sessions: number;
  readonly rssMegabytes: number;
  readonly idleCpuPercent: number;
}

export const sessions: Section = {
  name: "sessions",
  about: "memory and idle CPU of 1 to 10,000 sessions",
  async run(context) {
    const counts = byEffort(context, {
      quick: [1, 10, 100],
      normal: [1, 10, 100, 1_000, 10_000],
      full: [1, 10, 100, 1_000, 10_000],
    });
    const levels: Level[] = [];
    for (const backend of await benchBackends(context)) {
      try {
        await measure(context, backend, counts, levels);
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        context.skip(`more sessions, ${backend}: ${error.message}`);
      }
    }
    return [levelTable(context, levels), fitTable(levels)];
  },
};

/** Adds a level for each of `counts` to `levels`. */
async function measure(
  context: BenchContext,
  backend: BenchBackend,
  counts: readonly number[],
  levels: Level[],
): Promise<void> {
  const restMs = restOf(context);
  await using host = await LineChild.start(import.meta.resolve("./session_host.ts"), [backend]);
  const { driver } = await openBenchDriver(backend);
  try {
    for (const count of counts) {
      await connectMany(driver, host.greeting, count - driver.sessionCount);
      await rest(SETTLE_MS);
      const before = processUse(host.pid);
      await rest(restMs);
      const after = processUse(host.pid);
      const idleCpuPercent = (after.cpuSeconds - before.cpuSeconds) / (restMs / 1_000) * 100;
      levels.push({ backend, sessions: count, rssMegabytes: after.rssBytes / 1e6, idleCpuPercent });
      context.say(`${backend}: ${count} sessions, ${(after.rssBytes / 1e6).toFixed(0)} MB`);
    }
  } finally {
    await driver.close();
  }
}

function levelTable(context: BenchContext, levels: readonly Level[]): Table {
  return {
    name: "levels",
    caption: `Bare sessions between two processes, without what a node puts on top; the responder, ` +
      `over ${restOf(context) / 1_000} s of rest.`,
    columns: [
      { key: "backend", heading: "backend" },
      { key: "sessions", heading: "sessions" },
      { key: "rssMegabytes", heading: "resident, MB", digits: 1 },
      { key: "idleCpuPercent", heading: "idle CPU, % of a core", digits: 2 },
    ],
    rows: levels.map((level) => ({ ...level })),
    chart: { file: "bench-sessions.svg", svg: drawPanels(drawingOf(levels)) },
  };
}

function fitTable(levels: readonly Level[]): Table {
  return {
    name: "fit",
    caption: "Resident memory as a line over the number of sessions.",
    columns: [
      { key: "backend", heading: "backend" },
      { key: "kibPerSession", heading: "KiB a session", digits: 1 },
      { key: "megabytes", heading: "MB without any", digits: 1 },
      { key: "worstErrorPercent", heading: "worst error, %", digits: 1 },
    ],
    rows: backendsOf(levels).map((backend) => {
      const { slope, intercept, worstError } = fitLine(pointsOf(levels, backend, "rssMegabytes"));
      return {
        backend,
        kibPerSession: slope * 1e6 / 1_024,
        megabytes: intercept,
        worstErrorPercent: worstError * 100,
      };
    }),
  };
}

function drawingOf(levels: readonly Level[]): Drawing {
  const series = (key: "rssMegabytes" | "idleCpuPercent", isFitted: boolean) =>
    backendsOf(levels).map((backend) => {
      const points = pointsOf(levels, backend, key);
      if (!isFitted) return { name: backend, points };
      const { slope, intercept } = fitLine(points);
      return { name: backend, points, fit: (x: number) => intercept + slope * x };
    });
  return {
    title: "Sessions at rest, at the responder",
    panels: [
      { title: "Resident memory, MB", series: series("rssMegabytes", true), scale: "linear" },
      { title: "Idle CPU, % of a core", series: series("idleCpuPercent", false), scale: "linear" },
    ],
    shownX: (count) => count.toLocaleString("en"),
  };
}

function pointsOf(
  levels: readonly Level[],
  backend: BenchBackend,
  key: "rssMegabytes" | "idleCpuPercent",
): [number, number][] {
  return levels.filter((level) => level.backend === backend).map((level) => [level.sessions, level[key]]);
}

function backendsOf(levels: readonly Level[]): BenchBackend[] {
  return [...new Set(levels.map(({ backend }) => backend))];
}

function restOf(context: BenchContext): number {
  return byEffort(context, { quick: 1_000, normal: 5_000, full: 20_000 });
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Enough for delayed acknowledgements and the collector. */
const SETTLE_MS = 1_000;
