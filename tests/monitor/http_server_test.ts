import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import type { MonitoringConfig } from "../../src/config/config.ts";
import { createMonitor, type Monitor } from "../../src/monitor/monitor.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { inTemporaryFolder, runTool, toolTest } from "../support/external_tool.ts";
import { FakeNodeView, monitoringConfig, PEER_B } from "../support/fake_node_view.ts";
import { eventually } from "../support/monitoring_stack.ts";
import { ManualClock } from "../support/manual_clock.ts";

interface Served {
  readonly monitor: Monitor;
  readonly url: string;
  readonly view: FakeNodeView;
  readonly bus: EventBus;
  readonly clock: ManualClock;
  readonly events: NodeEvent[];
}

/** Runs `use` against a real listener and takes it down again. */
async function serving(
  config: Partial<MonitoringConfig>,
  use: (served: Served) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const events: NodeEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const view = new FakeNodeView();
  const monitor = createMonitor({ view, bus, clock, config: monitoringConfig(config) });
  await monitor.start();
  try {
    await use({ monitor, url: monitor.url!, view, bus, clock, events });
  } finally {
    await monitor.stop();
  }
}

/** What the server really sends: fetch would undo gzip and hide connection headers. */
async function rawRequest(url: string, head: string): Promise<{ head: string; body: Uint8Array }> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(head));
  const chunks: Uint8Array[] = [];
  for await (const chunk of connection.readable) chunks.push(chunk);
  const all = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
  const end = new TextDecoder("latin1").decode(all).indexOf("\r\n\r\n");
  return { head: new TextDecoder().decode(all.subarray(0, end)).toLowerCase(), body: all.subarray(end + 4) };
}

async function textOf(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ response: Response; text: string }> {
  const response = await fetch(url, { headers });
  return { response, text: await response.text() };
}

Deno.test("Metrics come as text to a browser or curl and as OpenMetrics to Prometheus", async () => {
  await serving({}, async ({ url }) => {
    const plain = await textOf(`${url}/metrics`);
    assert.equal(plain.response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert.match(plain.text, /^# TYPE wraith_errors_total counter$/m);

    const accept =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited," +
      "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75," +
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const open = await textOf(`${url}/metrics`, { accept });
    assert.equal(
      open.response.headers.get("content-type"),
      "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    assert.match(open.text, /^# TYPE wraith_errors counter$/m);
    assert.ok(open.text.endsWith("\n# EOF\n"));
  });
});

Deno.test("Metrics are compressed for who accepts gzip", async () => {
  await serving({}, async ({ url }) => {
    const { head, body } = await rawRequest(
      url,
      "GET /metrics HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
    );
    assert.match(head, /content-encoding: gzip/);
    assert.match(gunzipSync(body).toString(), /^# HELP wraith_sessions_active /);
  });
});

Deno.test("HEAD answers with the head of GET and nothing else", async () => {
  await serving({}, async ({ url }) => {
    for (const path of ["/metrics", "/healthz", "/readyz"]) {
      const { head, body } = await rawRequest(url, `HEAD ${path} HTTP/1.0\r\nHost: localhost\r\n\r\n`);
      assert.match(head, /^http\/1\.[01] 200 /);
      assert.match(head, /content-length: [1-9]\d+/);
      assert.equal(body.length, 0);
    }
  });
});

Deno.test("Other methods and other paths are refused with one line", async () => {
  await serving({}, async ({ url }) => {
    const posted = await fetch(`${url}/metrics`, { method: "POST", body: "x" });
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.get("allow"), "GET, HEAD");
    await posted.body?.cancel();
    const lost = await textOf(`${url}/nothing`);
    assert.equal(lost.response.status, 404);
    assert.match(lost.text, /^nothing at \/nothing; there is \/metrics /);
  });
});

Deno.test("Liveness, readiness and startup answer under all their names", async () => {
  await serving({}, async ({ url, view }) => {
    for (const path of ["/healthz", "/livez", "/-/healthy", "/readyz", "/-/ready", "/startupz"]) {
      const { response, text } = await textOf(url + path);
      assert.equal(response.status, 200, path);
      assert.equal(response.headers.get("content-type"), "application/json");
      assert.equal(JSON.parse(text).service, "wraith");
    }
    view.phase = "starting";
    const { response, text } = await textOf(`${url}/readyz`);
    assert.equal(response.status, 503);
    assert.equal(JSON.parse(text).checks[0].reason, "node is starting");
  });
});

Deno.test("Probes tell every detail as health+json to who asks", async () => {
  await serving({}, async ({ url }) => {
    const asked = await textOf(`${url}/readyz`, { accept: "application/health+json" });
    const verbose = await textOf(`${url}/readyz?verbose`);
    for (const { response, text } of [asked, verbose]) {
      assert.equal(response.headers.get("content-type"), "application/health+json");
      const body = JSON.parse(text);
      assert.equal(body.status, "pass");
      assert.equal(body.checks["wraith:dht_peers"][0].observedValue, 5);
    }
  });
});

Deno.test("A stopping node is not ready at once and lets connections go, but lives", async () => {
  await serving({}, async ({ url, bus }) => {
    const { hostname, port } = new URL(url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const request = new TextEncoder().encode("HEAD /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const buffer = new Uint8Array(4096);
    const ask = async () => {
      await connection.write(request);
      const length = await connection.read(buffer) ?? 0;
      return new TextDecoder().decode(buffer.subarray(0, length)).toLowerCase();
    };
    const before = await ask();
    assert.match(before, /^http\/1\.1 200 /);
    assert.doesNotMatch(before, /connection: close/);
    bus.emit({ type: "node.stopping", cause: "SIGTERM" });
    const after = await ask();
    assert.match(after, /^http\/1\.1 503 /);
    assert.match(after, /connection: close/);
    // Deno leaves the closing to the client; one that stays hears the same again.
    assert.match(await ask(), /^http\/1\.1 503 /);
    assert.equal((await textOf(`${url}/healthz`)).response.status, 200);
  });
});

Deno.test("A bearer token guards metrics and discovery but not probes", async () => {
  const tokenFile = await Deno.makeTempFile();
  await Deno.writeTextFile(tokenFile, "s3cret-token\n");
  try {
    await serving({ tokenFile }, async ({ url }) => {
      for (const path of ["/metrics", "/sd"]) {
        const refused = await textOf(url + path);
        assert.equal(refused.response.status, 401);
        assert.match(refused.response.headers.get("www-authenticate") ?? "", /^Bearer/);
        assert.equal(
          (await textOf(url + path, { authorization: "Bearer s3cret-tokem" })).response.status,
          401,
        );
        assert.equal(
          (await textOf(url + path, { authorization: "Bearer s3cret-token" })).response.status,
          200,
        );
      }
      assert.equal((await textOf(`${url}/healthz`)).response.status, 200);
    });
  } finally {
    await Deno.remove(tokenFile);
  }
});

Deno.test("A loopback listener without token refuses another host's name (DNS rebinding)", async () => {
  await serving({}, async ({ url }) => {
    const { head } = await rawRequest(url, "GET /metrics HTTP/1.0\r\nHost: evil.example\r\n\r\n");
    assert.match(head, /^http\/1\.[01] 421 /);
    const probe = await rawRequest(url, "GET /healthz HTTP/1.0\r\nHost: 10.0.0.7\r\n\r\n");
    assert.match(probe.head, /^http\/1\.[01] 200 /);
  });
});

Deno.test("Discovery lists this node and the fleet it was told of, and no stranger", async () => {
  await serving({}, async ({ url, view, monitor }) => {
    view.dhtContacts = [
      { peerId: PEER_B, remoteAddr: "[2001:db8::1]:41641", lastSeenMs: 0 },
      // Prometheus would send him its token.
      { peerId: `ed25519:${"c3".repeat(32)}`, remoteAddr: "192.0.2.66:41641", lastSeenMs: 0 },
    ];
    const targets = async () => {
      const { response, text } = await textOf(`${url}/sd`);
      assert.equal(response.headers.get("content-type"), "application/json");
      return JSON.parse(text);
    };
    const { port } = new URL(url);
    const [self, ...nobody] = await targets();
    assert.deepEqual(nobody, []);
    assert.deepEqual(self.targets, [`localhost:${port}`]);
    assert.equal(self.labels.__meta_wraith_self, "true");
    assert.equal(self.labels.__scheme__, "http");
    monitor.setFleet([PEER_B]);
    const [, peer, ...strangers] = await targets();
    assert.deepEqual(strangers, []);
    assert.deepEqual(peer.targets, [`[2001:db8::1]:${port}`]);
    assert.equal(peer.labels.__meta_wraith_peer_id, PEER_B);
  });
});

Deno.test("Discovery names every contact, at the port they agree on, if told to", async () => {
  await serving({ sdPeers: "all", sdPort: 9100 }, async ({ url, view }) => {
    view.dhtContacts = [{ peerId: PEER_B, remoteAddr: "192.0.2.7:41641", lastSeenMs: 0 }];
    const [, peer] = JSON.parse((await textOf(`${url}/sd`)).text);
    assert.deepEqual(peer.targets, ["192.0.2.7:9100"]);
  });
});

Deno.test("A taken port names the clash; not required, it is tried again without stopping the node", async () => {
  await serving({}, async ({ url }) => {
    const prometheusPort = Number(new URL(url).port);
    await assert.rejects(
      () => serving({ prometheusPort }, () => Promise.reject(new Error("must not start"))),
      (error: Error) =>
        error.name === "MonitorBindError" &&
        new RegExp(`127\\.0\\.0\\.1:${prometheusPort}: the port is taken`).test(error.message),
    );
    await serving({ prometheusPort, required: false }, async ({ monitor, events }) => {
      assert.equal(monitor.url, null);
      assert.match(await monitor.render(), /^wraith_metrics_bind_failures_total 1$/m);
      assert.ok(events.some((event) => event.type === "node.notice" && event.severity === "warn"));
    });
  });
});

Deno.test("A listener beyond this machine warns what it lacks", async () => {
  await serving({ bind: "0.0.0.0" }, ({ events }) => {
    const notice = events.find((event) => event.type === "node.notice");
    assert.match(notice?.message ?? "", /listens on 0\.0\.0\.0, beyond this machine, without token_file/);
    return Promise.resolve();
  });
});

Deno.test("A client that keeps its connection does not hold up the end", async () => {
  await serving({}, async ({ monitor, url }) => {
    const { hostname, port } = new URL(url);
    const idle = await Deno.connect({ hostname, port: Number(port) });
    await idle.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    await idle.read(new Uint8Array(4096));
    await monitor.stop();
    assert.equal(monitor.url, null);
    idle.close();
  });
});

Deno.test("An added route is served with strict headers, and its stream ends with the listener", async () => {
  let aborted = false;
  await serving({}, async ({ monitor, url }) => {
    monitor.addRoute({
      path: "/feed/*",
      access: "token",
      handle: (_request, stopping) => {
        stopping.addEventListener("abort", () => aborted = true);
        const body = new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
            stopping.addEventListener("abort", () => controller.close());
          },
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      },
    });
    const response = await fetch(`${url}/feed/events`);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    const reader = response.body!.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "data: 1\n\n");
    const stopped = monitor.stop();
    assert.equal((await reader.read()).done, true);
    await stopped;
  });
  assert.ok(aborted);
});

Deno.test("A listener that could not be bound is bound when the port is free again", async () => {
  const blocker = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await serving({ prometheusPort: blocker.addr.port, required: false }, async ({ monitor }) => {
    assert.equal(monitor.url, null);
    blocker.close();
    await eventually("the listener", () => Promise.resolve(monitor.url));
    assert.equal((await textOf(`${monitor.url}/healthz`)).response.status, 200);
  });
});

toolTest(
  "openssl",
  "openssl",
  "TLS serves the configured certificate and tells when it expires",
  async () => {
    await inTemporaryFolder(async (folder) => {
      const [tlsCert, tlsKey] = [`${folder}/cert.pem`, `${folder}/key.pem`];
      const made = await runTool("openssl", [
        ...[
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-days",
          "30",
        ],
        ...[
          "-subj",
          "/CN=localhost",
          "-addext",
          "subjectAltName=IP:127.0.0.1",
          "-addext",
          "basicConstraints=critical,CA:FALSE",
          "-keyout",
          tlsKey,
          "-out",
          tlsCert,
        ],
      ]);
      assert.ok(made.success, made.output);
      await serving({ tlsCert, tlsKey }, async ({ url }) => {
        assert.match(url, /^https:/);
        using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(tlsCert)] });
        const text = await (await fetch(`${url}/metrics`, { client })).text();
        const [, expiry] = /^wraith_tls_certificate_expiry_timestamp_seconds (\d+)$/m.exec(text)!;
        const daysLeft = (Number(expiry) - Date.now() / 1000) / 86_400;
        assert.ok(daysLeft > 29 && daysLeft <= 30, `${daysLeft} days`);
      });
      await assert.rejects(
        () => serving({ tlsCert }, () => Promise.resolve()),
        /monitoring\.tls_key: set both/,
      );
      await assert.rejects(
        () => serving({ tlsCert: tlsKey, tlsKey }, () => Promise.resolve()),
        /monitoring\.tls_cert .*: expected a certificate in PEM form/,
      );
    });
  },
);

Deno.test("A token file that cannot be used is one clear error", async () => {
  await inTemporaryFolder(async (folder) => {
    const tokenFile = `${folder}/token`;
    const start = () => serving({ tokenFile }, () => Promise.resolve());
    await assert.rejects(start, {
      message: `monitoring.token_file ${tokenFile}: cannot read it: no such file`,
    });
    for (const content of ["", "two words", "two\nlines"]) {
      await Deno.writeTextFile(tokenFile, content);
      await assert.rejects(start, /monitoring\.token_file .*: expected one line of/);
    }
  });
});
