import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createMonitor } from "../../src/monitor/monitor.ts";
import { LiveFeed } from "../../src/monitor/page/live_feed.ts";
import { html } from "../../src/monitor/page/markup.ts";
import { PARTS, partsOf } from "../../src/monitor/page/parts.ts";
import { statusRoutes } from "../../src/monitor/page/status_routes.ts";
import type { NodeSample } from "../../src/monitor/node_sample.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { FakeNodeView, monitoringConfig } from "../support/fake_node_view.ts";
import { fakeSample, sampledTransferOf } from "../support/fake_sample.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** A source of samples that beats when it is told to. */
class FakeSource {
  current: NodeSample = fakeSample();
  readonly #listeners = new Set<() => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  sample(): NodeSample {
    return this.current;
  }

  onBeat(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  beat(differences: Partial<NodeSample>): void {
    this.current = fakeSample(differences);
    for (const listener of this.#listeners) listener();
  }
}

async function serving(use: (url: string, source: FakeSource) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const view = new FakeNodeView();
  const monitor = createMonitor({ view, bus: new EventBus(clock), clock, config: monitoringConfig() });
  const source = new FakeSource();
  for (const route of statusRoutes(source)) monitor.addRoute(route);
  await monitor.start();
  try {
    await use(monitor.url!, source);
  } finally {
    await monitor.stop();
  }
}

/** The events of a stream, parsed. */
async function* eventsOf(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + text).split("\n\n");
    rest = events.pop()!;
    for (const event of events) yield JSON.parse(event.slice(event.indexOf("data: ") + 6));
  }
}

Deno.test("The page is whole without JavaScript and asks nothing of anybody else", async () => {
  await serving(async (url) => {
    const response = await fetch(url);
    const page = await response.text();
    assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
    for (
      const said of ["42 active", "1,523 total", "file1.bin", "45%", "192.0.2.10:41641", "1.5 ms", "156"]
    ) {
      assert.ok(page.includes(said), said);
    }
    assert.doesNotMatch(page, /https?:|src="|@import|url\(/);
  });
});

Deno.test("The policy allows the page's own style and script and no other", async () => {
  await serving(async (url) => {
    const response = await fetch(url);
    const page = await response.text();
    const policy = response.headers.get("content-security-policy")!;
    assert.match(policy, /^default-src 'none'; /);
    assert.doesNotMatch(policy, /unsafe|\*/);
    for (const tag of ["style", "script"]) {
      const [, body] = new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`).exec(page)!;
      const hash = createHash("sha256").update(body).digest("base64");
      assert.ok(policy.includes(`${tag}-src 'sha256-${hash}'`), tag);
    }
    assert.doesNotMatch(page, /\son\w+=|\sstyle=/);
  });
});

Deno.test("Events begin with every part, then bring what changed", async () => {
  await serving(async (url, source) => {
    const response = await fetch(`${url}/events`);
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const events = eventsOf(response.body!);
    assert.deepEqual(Object.keys((await events.next()).value), [...PARTS]);
    source.beat({ transfers: [sampledTransferOf("abc", { name: "new.bin" })] });
    const { value } = await events.next();
    assert.deepEqual(Object.keys(value), ["transfers"]);
    assert.match(value.transfers, /new\.bin/);
    await events.return(undefined);
  });
});

Deno.test("A page that does not read is dropped, and the last one to go stops the work", async () => {
  const source = new FakeSource();
  const feed = new LiveFeed(source);
  const { signal } = new AbortController();
  const idle = feed.open(signal);
  const busy = eventsOf(feed.open(signal).body!);
  await busy.next();
  assert.equal(feed.readers, 2);
  const transfers = Array.from(
    { length: 25 },
    () => sampledTransferOf("abc", { message: "long ".repeat(50) }),
  );
  let beats = 0;
  for (; feed.readers === 2 && beats < 1_000; beats++) {
    source.beat({ transfers, uptime_ms: beats * 1_000 });
    source.beat({ transfers: [], uptime_ms: beats * 1_000 });
    await busy.next();
    await busy.next();
  }
  assert.equal(feed.readers, 1, `still there after ${beats} beats`);
  await assert.rejects(idle.text(), /does not read/);
  await busy.return(undefined);
  assert.equal(feed.readers, 0);
  assert.equal(source.listeners, 0);
});

Deno.test("There is an end to how many pages are served, and to all of them when the node stops", async () => {
  const feed = new LiveFeed(new FakeSource());
  const stop = new AbortController();
  const bodies = Array.from({ length: 64 }, () => feed.open(stop.signal).body!);
  const refused = feed.open(stop.signal);
  assert.equal(refused.status, 503);
  await refused.text();
  stop.abort();
  assert.equal(feed.readers, 0);
  for (const body of bodies) await assert.rejects(new Response(body).text());
});

Deno.test("What peers chose cannot become markup", () => {
  const name = `"><script>alert('x')</script>&\u202e`;
  assert.equal(
    html`<p title="${name}">`.text,
    '<p title="&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;&#38;\ufffd">',
  );
  const security = [{ at: fakeSample().at, what: "banned" as const, source: name, detail: name }];
  const transfers = [sampledTransferOf("abc", { name, message: name, state: "failed" })];
  const parts = partsOf(fakeSample({ transfers, security, ready: { ok: false, reason: name } }));
  for (const [part, markup] of Object.entries(parts)) assert.doesNotMatch(markup, /<script|\u202e/, part);
});

Deno.test("Every cell of a transfer stands under its heading", () => {
  const { transfers } = partsOf(fakeSample());
  const headings = [...transfers.matchAll(/<th scope="col"[^>]*>([^<]*)</g)].map(([, heading]) => heading);
  const firstRow = transfers.slice(
    transfers.indexOf("<tbody>"),
    transfers.indexOf("</tr>", transfers.indexOf("<tbody>")),
  );
  const cells = [...firstRow.matchAll(/<t[hd][^>]*>([^]*?)<\/t[hd]>/g)]
    .map(([, cell]) => cell.replace(/<[^>]*>/g, "").trim());
  assert.deepEqual(Object.fromEntries(headings.map((heading, index) => [heading, cells[index]])), {
    Name: "file1.bin",
    Progress: "100%",
    Peer: "to peer:abc123",
    State: "completed",
    Size: "1.2 GB",
    Rate: "640 Mbps",
    Time: "15s",
    Message: "",
  });
  assert.equal(cells.length, headings.length);
});

Deno.test("The chart ends at the right edge and stays inside", () => {
  const { throughput } = partsOf(fakeSample());
  const [, points] = /<polyline class="send" points="([^"]*)"/.exec(throughput)!;
  assert.equal(points, "580,119 585,118.9 590,60 595,1");
});
