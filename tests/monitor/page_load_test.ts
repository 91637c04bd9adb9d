import assert from "node:assert/strict";
import { LiveFeed } from "../../src/monitor/page/live_feed.ts";
import type { NodeSample } from "../../src/monitor/node_sample.ts";
import { fakeSample, sampledTransferOf } from "../support/fake_sample.ts";

const PAGES = 50;

/** Feeds pages over real connections, a beat whenever the test says so. */
class PageServer implements AsyncDisposable {
  readonly feed: LiveFeed;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop = new AbortController();
  #beats = 0;
  #listener = () => {};

  constructor() {
    this.feed = new LiveFeed({
      sample: () => sampleAt(this.#beats),
      onBeat: (listener) => {
        this.#listener = listener;
        return () => this.#listener = () => {};
      },
    });
    this.#server = Deno.serve(
      {
        hostname: "127.0.0.1",
        port: 0,
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
      },
      () => this.feed.open(this.#stop.signal),
    );
  }

  get port(): number {
    return this.#server.addr.port;
  }

  /** One second of a busy node's life: every part of the page changes. */
  beat(): void {
    this.#beats++;
    this.#listener();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.shutdown();
  }
}

function sampleAt(beat: number): NodeSample {
  const transfers = Array.from(
    { length: 25 },
    (_, index) => sampledTransferOf(String(index), { bytes_done: beat, message: `beat ${beat} `.repeat(5) }),
  );
  return fakeSample({ transfers, uptime_ms: beat * 1_000 });
}

/** A page as a browser holds it open: a connection of its own, on which the first event has come. */
async function openPage(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  assert.ok(await readUntil(connection, "event: parts"));
  return connection;
}

/** Reads what comes until `text` was in it. @returns whether it came before the connection ended. */
async function readUntil(connection: Deno.TcpConn, text: string): Promise<boolean> {
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  for (let rest = "";;) {
    const length = await connection.read(buffer).catch(() => null);
    if (length === null) return false;
    const seen = rest + decoder.decode(buffer.subarray(0, length), { stream: true });
    if (seen.includes(text)) return true;
    rest = seen.slice(-text.length);
  }
}

/** Memory of this isolate, with the buffers outside its heap. */
function memoryBytes(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

Deno.test("Fifty open pages that read cost no more memory after 300 beats than after 100", async () => {
  await using server = new PageServer();
  const pages = await Promise.all(Array.from({ length: PAGES }, () => openPage(server.port)));
  const lows: number[] = [];
  try {
    for (let beat = 1, low = Infinity; beat <= 300; beat++) {
      server.beat();
      const said = `beat ${beat} `;
      assert.ok((await Promise.all(pages.map((page) => readUntil(page, said)))).every(Boolean));
      low = Math.min(low, memoryBytes());
      if (beat % 50 === 0) {
        lows.push(low);
        low = Infinity;
      }
    }
    assert.equal(server.feed.readers, PAGES);
  } finally {
    for (const page of pages) page.close();
  }
  // The least of each fifty is what stays after collections. Events kept for each page would be 150 MB by now.
  assert.ok(lows.at(-1)! - lows[1] < 30_000_000, lows.join(" "));
});

Deno.test("Fifty pages that do not read are dropped with little kept for them, and others go on", async () => {
  await using server = new PageServer();
  const sleeping = await Promise.all(Array.from({ length: PAGES }, () => openPage(server.port)));
  const reading = await openPage(server.port);
  try {
    const before = memoryBytes();
    let [most, beats] = [0, 0];
    while (server.feed.readers > 1 && beats < 5_000) {
      beats++;
      server.beat();
      assert.ok(await readUntil(reading, `beat ${beats} `));
      most = Math.max(most, memoryBytes());
    }
    assert.equal(server.feed.readers, 1, `still there after ${beats} beats`);
    // 256 KiB of events for each, as much on its way into the socket, and what waits for the collector.
    assert.ok(most - before < 64_000_000, `${most - before} bytes`);
    server.beat();
    assert.ok(await readUntil(reading, `beat ${beats + 1} `));
    // A dropped page finds its connection ended, and would connect again.
    assert.equal(await readUntil(sleeping[0], "never said"), false);
  } finally {
    for (const page of [...sleeping, reading]) page.close();
  }
});
