/**
 * Section `handshakes`: how long one takes with a node that does nothing else, and how many a second there can be.
 *
 * @module
 */

import { join } from "node:path";
import { parseAddress } from "../../src/net/address.ts";
import type { BenchBackend } from "../../src/node/benchmark/machine.ts";
import { quantile } from "../../src/node/benchmark/statistics.ts";
import { ConnectError, type Driver } from "../../src/node/driver.ts";
import { NodeProcess } from "../../tests/support/wraith_process.ts";
import { backendSettings, benchBackends } from "./backends.ts";
import { LineChild } from "./line_child.ts";
import { type BenchContext, byEffort, type Cell, type Section } from "./section.ts";
import { openBenchDriver } from "./session_host.ts";

type Row = Readonly<Record<string, Cell>>;

export const handshakes: Section = {
  name: "handshakes",
  about: "latency with an otherwise idle node, and handshakes a second",
  async run(context) {
    const count = byEffort(context, { quick: 50, normal: 1_000, full: 1_000 });
    const rows: Row[] = [];
    for (const backend of await benchBackends(context)) {
      rows.push(...await withNode(context, backend, count), await withBareSessions(backend, count));
    }
    return [{
      name: "latency",
      caption:
        `${count.toLocaleString("en")} handshakes between two processes, from connect to established. ` +
        `A _node_ with nothing else to do gets ${PACE_PER_SECOND} a second from each source, below what it admits: ` +
        `from ${SOURCES} sources and from one. ` +
        `_Bare sessions_ have no node above them and no limit: one after the other, then ${PARALLEL} at a time ` +
        `for the rate.`,
      columns: [
        { key: "backend", heading: "backend" },
        { key: "with", heading: "with" },
        { key: "p50", heading: "p50, ms", digits: 2 },
        { key: "p99", heading: "p99, ms", digits: 2 },
        { key: "max", heading: "max, ms", digits: 2 },
        { key: "perSecond", heading: "a second", digits: 0 },
      ],
      rows,
    }];
  },
};

async function withNode(context: BenchContext, backend: BenchBackend, count: number): Promise<Row[]> {
  const { path } = await context.room(0);
  // Retry would add a round trip to what the many sources do.
  const settings = [
    "dht.enabled=false",
    "network.retry=never",
    ...backendSettings(backend),
    ...context.settings,
  ];
  await using node = await NodeProcess.start(join(path, "node"), settings, {
    program: context.program,
    workingDir: path,
  });
  const drivers = await Promise.all(Array.from({ length: SOURCES }, async (_, i) => {
    const { driver } = await openBenchDriver(backend, `127.0.0.${i + 1}`);
    return driver;
  }));
  try {
    const { listen } = node.status;
    const rows: Row[] = [];
    for (const sources of new Set([SOURCES, 1])) {
      const times = await pacedHandshakes(drivers.slice(0, sources), listen, count);
      rows.push({
        backend,
        with: `node, ${PACE_PER_SECOND * sources} a second`,
        ...latencies(times),
        perSecond: null,
      });
    }
    return rows;
  } finally {
    await Promise.all(drivers.map((driver) => driver.close()));
  }
}

/**
 * Handshakes at a fixed pace, each from the next driver and from each as many as it may; each session is closed
 * again. @returns milliseconds.
 */
async function pacedHandshakes(
  drivers: readonly Driver[],
  listen: string,
  count: number,
): Promise<Float64Array> {
  const to = parseAddress(listen);
  const gapMs = 1_000 / (PACE_PER_SECOND * drivers.length);
  const times = new Float64Array(count);
  const began = performance.now();
  for (let i = -WARM_UP; i < count; i++) {
    const driver = drivers[(i + WARM_UP) % drivers.length];
    const due = began + (i + WARM_UP) * gapMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const startedAt = performance.now();
    const session = await driver.connect(to, null);
    if (i >= 0) times[i] = performance.now() - startedAt;
    session.close();
  }
  return times;
}

async function withBareSessions(backend: BenchBackend, count: number): Promise<Row> {
  await using host = await LineChild.start(import.meta.resolve("./session_host.ts"), [backend]);
  const { driver } = await openBenchDriver(backend);
  try {
    const to = parseAddress(host.greeting);
    const times = new Float64Array(count);
    for (let i = -WARM_UP; i < count; i++) {
      const startedAt = performance.now();
      await driver.connect(to, null);
      if (i >= 0) times[i] = performance.now() - startedAt;
    }
    const began = performance.now();
    await connectMany(driver, host.greeting, count);
    const perSecond = count * 1_000 / (performance.now() - began);
    return { backend, with: "bare sessions", ...latencies(times), perSecond };
  } finally {
    await driver.close();
  }
}

/**
 * Establishes `count` sessions, {@link PARALLEL} at a time. On a machine with much other work a handshake may take
 * longer than it may: it is tried again, a few times in all.
 */
export async function connectMany(driver: Driver, listen: string, count: number): Promise<void> {
  const to = parseAddress(listen);
  let started = 0, failed = 0;
  const connector = async () => {
    while (started < count) {
      started++;
      try {
        await driver.connect(to, null);
      } catch (error) {
        if (!(error instanceof ConnectError) || ++failed > MAX_FAILURES) throw error;
        started--;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, connector));
}

function latencies(times: Float64Array) {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), max: quantile(times, 1) };
}

const WARM_UP = 20;
/** Of 127.0.0.0/8, all of which is this machine on Linux. Each native socket sleeps in a thread of 32. */
const SOURCES = Deno.build.os === "linux" ? 16 : 1;
const PARALLEL = 32;
const MAX_FAILURES = 50;
/** A node admits 20 a second from one source. */
const PACE_PER_SECOND = 18;
