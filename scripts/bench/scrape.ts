/**
 * Section `scrape`: how long `/metrics` takes on a node that has many sessions and receives a file as fast as it can.
 *
 * @module
 */

import { join } from "node:path";
import { parseAddress } from "../../src/net/address.ts";
import type { BenchBackend } from "../../src/node/benchmark/machine.ts";
import { generateFile } from "../../src/node/benchmark/sample_file.ts";
import { quantile } from "../../src/node/benchmark/statistics.ts";
import type { Driver } from "../../src/node/driver.ts";
import { type NodePair, sendMeasured, startPair } from "../loopback_transfer.ts";
import { backendSettings, benchBackends } from "./backends.ts";
import { processUse } from "./process_use.ts";
import { type BenchContext, byEffort, type Cell, type Section } from "./section.ts";
import { openBenchDriver } from "./session_host.ts";

type Row = Readonly<Record<string, Cell>>;

export const scrape: Section = {
  name: "scrape",
  about: "/metrics during a full-rate transfer with 1,000 sessions",
  async run(context) {
    const sessions = byEffort(context, { quick: 20, normal: 1_000, full: 1_000 });
    const scrapes = byEffort(context, { quick: 20, normal: 200, full: 500 });
    const rows: Row[] = [];
    for (const backend of await benchBackends(context)) {
      rows.push(...await measure(context, backend, sessions, scrapes));
    }
    return [{
      name: "latency",
      caption: `At least ${scrapes} scrapes of the receiving node, ${SCRAPE_GAP_MS} ms apart, with ` +
        `${
          sessions.toLocaleString("en")
        } other sessions at rest: the node at rest too, and while it receives.`,
      columns: [
        { key: "backend", heading: "backend" },
        { key: "load", heading: "load" },
        { key: "scrapes", heading: "scrapes" },
        { key: "p50", heading: "p50, ms", digits: 1 },
        { key: "p99", heading: "p99, ms", digits: 1 },
        { key: "max", heading: "max, ms", digits: 1 },
        { key: "rate", heading: "transfer, MB/s", digits: 0 },
        { key: "kibPerSession", heading: "KiB a session", digits: 1 },
      ],
      rows,
    }];
  },
};

async function measure(
  context: BenchContext,
  backend: BenchBackend,
  sessions: number,
  scrapes: number,
): Promise<Row[]> {
  const bytes = context.size ?? byEffort(context, SIZES[backend]);
  const room = await context.room(2 * bytes);
  const file = join(room.path, "sample.bin");
  await generateFile(file, bytes);
  const settings = ["network.idle_timeout=1h", ...backendSettings(backend), ...context.settings];
  await using pair = await startPair(room.path, context.program, settings);
  const { driver } = await openBenchDriver(backend);
  try {
    const url = `${pair.receiver.status.monitoring_url}/metrics`;
    const { listen } = pair.receiver.status;
    const rss = () => processUse(pair.receiver.pid).rssBytes;
    await establish(driver, listen, WARM_UP_SESSIONS);
    const before = rss();
    context.say(`${backend}: establishing ${sessions} sessions, ${PACE_PER_SECOND} a second`);
    await establish(driver, listen, sessions);
    // Of a few sessions it would be the collector's mood.
    const kibPerSession = sessions < 500 ? null : (rss() - before) / 1_024 / sessions;
    await sendOnce(pair, file); // the first one after a start is not yet at full rate

    const atRest: number[] = [];
    while (atRest.length < scrapes) atRest.push(await timedScrape(url));
    const underLoad: number[] = [];
    const rates: number[] = [];
    while (underLoad.length < scrapes) {
      let isOver = false;
      const sending = sendOnce(pair, file).finally(() => isOver = true);
      while (!isOver) underLoad.push(await timedScrape(url));
      rates.push(await sending);
    }
    return [
      { backend, load: "none", ...latencies(atRest), kibPerSession },
      { backend, load: "receiving", ...latencies(underLoad), rate: quantile(rates, 0.5) },
    ];
  } finally {
    await driver.close();
  }
}

/** @returns MB/s. */
async function sendOnce(pair: NodePair, file: string): Promise<number> {
  const { bytes, wallMs } = await sendMeasured(pair, file);
  await Deno.remove(pair.receivedDir, { recursive: true });
  return bytes / wallMs / 1_000;
}

/** As fast as a node admits handshakes from one source. */
async function establish(driver: Driver, listen: string, count: number): Promise<void> {
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    const due = began + i * 1_000 / PACE_PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    await driver.connect(parseAddress(listen), null);
  }
}

async function timedScrape(url: string): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, SCRAPE_GAP_MS));
  const began = performance.now();
  const response = await fetch(url);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return performance.now() - began;
}

function latencies(times: readonly number[]) {
  return {
    scrapes: times.length,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    max: quantile(times, 1),
  };
}

const WARM_UP_SESSIONS = 20;
const SCRAPE_GAP_MS = 50;
/** A node admits 20 a second from one source. */
const PACE_PER_SECOND = 18;
const MIB = 2 ** 20;
const SIZES = {
  native: { quick: 64 * MIB, normal: 1_024 * MIB, full: 1_024 * MIB },
  portable: { quick: 16 * MIB, normal: 256 * MIB, full: 256 * MIB },
};
