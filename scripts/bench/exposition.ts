/**
 * Section `exposition`: what one scrape is made of, by itself and over HTTP, with few sessions and with many.
 *
 * @module
 */

import { systemClock } from "../../src/clock.ts";
import { createMonitor } from "../../src/monitor/monitor.ts";
import { median } from "../../src/node/benchmark/statistics.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { FakeNodeView, fakeSession, monitoringConfig, PEER_B } from "../../tests/support/fake_node_view.ts";
import { byEffort, type Cell, type Section } from "./section.ts";

type Row = Readonly<Record<string, Cell>>;

export const exposition: Section = {
  name: "exposition",
  about: "writing the metrics of a node with 10 and with 10,000 sessions",
  async run(context) {
    const scrapes = byEffort(context, { quick: 20, normal: 200, full: 1_000 });
    const rows = [await measure(10, scrapes), await measure(10_000, scrapes)];
    const [few, many] = rows;
    if (few.series !== many.series) throw new Error(`${many.series} series instead of ${few.series}`);
    return [{
      name: "scrapes",
      caption:
        `A monitor over a made-up node, in one process with who scrapes it; medians of ${scrapes} scrapes.`,
      columns: [
        { key: "sessions", heading: "sessions" },
        { key: "series", heading: "series" },
        { key: "kilobytes", heading: "kB", digits: 1 },
        { key: "gzipKilobytes", heading: "kB, gzip", digits: 1 },
        { key: "renderMs", heading: "writing, ms", digits: 2 },
        { key: "httpMs", heading: "over HTTP, ms", digits: 2 },
        { key: "gzipMs", heading: "with gzip, ms", digits: 2 },
        { key: "eventUs", heading: "an event, us", digits: 1 },
      ],
      rows,
    }];
  },
};

async function measure(sessions: number, scrapes: number): Promise<Row> {
  const bus = new EventBus(systemClock);
  const view = new FakeNodeView();
  const monitor = createMonitor({ view, bus, config: monitoringConfig() });
  await monitor.start();
  try {
    const eventUs = 1_000 * establish(sessions, bus, view) / sessions;
    const text = await monitor.render("text");
    const scrape = (encoding: string) => async () => {
      const response = await fetch(`${monitor.url!}/metrics`, { headers: { "accept-encoding": encoding } });
      await response.arrayBuffer();
    };
    return {
      sessions,
      series: text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
      kilobytes: text.length / 1_000,
      gzipKilobytes: await compressedBytes(monitor.url!) / 1_000,
      renderMs: await medianMs(scrapes, () => monitor.render("openmetrics")),
      httpMs: await medianMs(scrapes, scrape("identity")),
      gzipMs: await medianMs(scrapes, scrape("gzip")),
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

async function compressedBytes(url: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const request = "HEAD /metrics HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const head = await new Response(connection.readable).text();
  return Number(/content-length: (\d+)/i.exec(head)?.[1]);
}

async function medianMs(runs: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return median(times);
}
