/**
 * What one full scrape costs, over HTTP and by itself, with few sessions and with many.
 *
 * `deno run -A scripts/bench/scrape.ts [--json]`
 *
 * @module
 */

import { systemClock } from "../../src/clock.ts";
import { createMonitor } from "../../src/monitor/monitor.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { FakeNodeView, fakeSession, monitoringConfig, PEER_B } from "../../tests/support/fake_node_view.ts";

/** One size of node. */
interface ScrapeFigures {
  readonly sessions: number;
  /** Sample lines of the text format. */
  readonly series: number;
  readonly textBytes: number;
  readonly openMetricsBytes: number;
  readonly gzipBytes: number;
  /** Medians, in milliseconds. */
  readonly renderMs: number;
  readonly httpMs: number;
  readonly gzipMs: number;
  /** One event of the stream, in microseconds. */
  readonly eventUs: number;
}

const RUNS = 200;

async function measure(sessions: number): Promise<ScrapeFigures> {
  const bus = new EventBus(systemClock);
  const view = new FakeNodeView();
  const monitor = createMonitor({ view, bus, config: monitoringConfig() });
  await monitor.start();
  try {
    const eventUs = 1000 * establish(sessions, bus, view) / sessions;
    const text = await monitor.render("text");
    const openmetrics = await monitor.render("openmetrics");
    const gzip = { headers: { "accept-encoding": "gzip" } };
    return {
      sessions,
      series: text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
      textBytes: text.length,
      openMetricsBytes: openmetrics.length,
      gzipBytes: await compressedBytes(monitor.url!),
      renderMs: await median(() => monitor.render("openmetrics")),
      httpMs: await median(() => scrape(monitor.url!, { headers: { "accept-encoding": "identity" } })),
      gzipMs: await median(() => scrape(monitor.url!, gzip)),
      eventUs,
    };
  } finally {
    await monitor.stop();
  }
}

/** Reports `sessions` new sessions. @returns the milliseconds that counting them took. */
function establish(sessions: number, bus: EventBus, view: FakeNodeView): number {
  const startedAt = performance.now();
  for (let sessionId = 0; sessionId < sessions; sessionId++) {
    bus.emit({
      type: "session.established",
      sessionId,
      handshakeId: sessionId,
      direction: "inbound",
      peerId: PEER_B,
      remoteAddr: `192.0.2.1:${sessionId}`,
      handshakeDurationMs: 1 + sessionId % 100,
      agent: "wraith",
      path: "direct",
    });
  }
  const elapsedMs = performance.now() - startedAt;
  for (let sessionId = 0; sessionId < sessions; sessionId++) {
    view.establishedSessions.push(fakeSession(sessionId));
  }
  return elapsedMs;
}

async function scrape(url: string, init: RequestInit): Promise<void> {
  await (await fetch(`${url}/metrics`, init)).arrayBuffer();
}

async function compressedBytes(url: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const request = "HEAD /metrics HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const head = await new Response(connection.readable).text();
  return Number(/content-length: (\d+)/i.exec(head)?.[1]);
}

async function median(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const startedAt = performance.now();
    await run();
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b)[RUNS / 2];
}

function line(figures: ScrapeFigures): string {
  const { sessions, series, textBytes, gzipBytes, renderMs, httpMs, gzipMs, eventUs } = figures;
  return `${sessions} sessions: ${series} series, ${(textBytes / 1000).toFixed(1)} kB ` +
    `(${(gzipBytes / 1000).toFixed(1)} kB gzip); render ${renderMs.toFixed(2)} ms, ` +
    `over HTTP ${httpMs.toFixed(2)} ms (gzip ${gzipMs.toFixed(2)} ms); ${eventUs.toFixed(1)} us per event`;
}

if (import.meta.main) {
  const figures = [await measure(10), await measure(10_000)];
  const [few, many] = figures;
  if (few.series !== many.series) throw new Error(`${many.series} series instead of ${few.series}`);
  const text = Deno.args.includes("--json")
    ? JSON.stringify({ scrape: figures })
    : figures.map(line).join("\n");
  await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
}
