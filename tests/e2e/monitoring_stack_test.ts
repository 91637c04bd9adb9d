import assert from "node:assert/strict";
import { toHex } from "../../src/bytes.ts";
import { seededEntropy } from "../../src/entropy.ts";
import { METRIC_LIST } from "../../src/monitor/catalogue.ts";
import { DASHBOARDS } from "../../src/monitor/export/dashboards.ts";
import { sampleNames } from "../../src/monitor/metric_spec.ts";
import { isInstalled, toolTest } from "../support/external_tool.ts";
import { eventually, freePort, StackServer } from "../support/monitoring_stack.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess } from "../support/wraith_process.ts";

/** Two real nodes; the second may send to the first, slowly enough to be watched. */
async function twoNodes(folder: TemporaryFolder): Promise<[NodeProcess, NodeProcess]> {
  const surroundings = { workingDir: folder.path };
  const receiver = await NodeProcess.start(`${folder.path}/a`, [
    "transfer.accept=all",
    "monitoring.update_interval=1s",
  ], surroundings);
  try {
    const sender = await NodeProcess.start(`${folder.path}/b`, [
      "transfer.rate_limit=4MB",
      "monitoring.update_interval=1s",
    ], surroundings);
    return [receiver, sender];
  } catch (error) {
    await receiver[Symbol.asyncDispose]();
    throw error;
  }
}

/** Bytes that no compression makes fewer. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  seededEntropy(1).fill(bytes);
  return bytes;
}

/** The exported files with intervals short enough for a test and this test's ports. Everything else is as exported. */
async function writeStackFiles(
  folder: TemporaryFolder,
  node: NodeProcess,
  targets: readonly string[],
  ports: { readonly alertmanager: number; readonly pager: number },
): Promise<void> {
  for (const what of ["prometheus", "alerts", "alertmanager"]) {
    const { code, stderr } = await node.run("export", what, "--dir", folder.path);
    assert.equal(code, 0, stderr);
  }
  const edit = async (file: string, ...changes: readonly [string | RegExp, string][]) => {
    let text = await Deno.readTextFile(`${folder.path}/${file}`);
    for (const [from, to] of changes) {
      assert.ok(text.search(from) >= 0, `${file} has no ${from}`);
      text = text.replaceAll(new RegExp(from, "g"), to);
    }
    await Deno.writeTextFile(`${folder.path}/${file}`, text);
  };
  await edit(
    "prometheus.yml",
    ["scrape_interval: 15s", "scrape_interval: 1s"],
    ["evaluation_interval: 30s", "evaluation_interval: 1s"],
    ["scrape_timeout: 10s", "scrape_timeout: 1s"],
    ["localhost:9093", `127.0.0.1:${ports.alertmanager}`],
    ["- localhost:9090", targets.map((target) => `- ${target}`).join("\n          ")],
  );
  await edit("wraith-alerts.yml", ["interval: 30s", "interval: 1s"], ["for: 1m\n", "for: 1s\n"]);
  await edit(
    "alertmanager.yml",
    [
      "routing_key: <YOUR_ROUTING_KEY>",
      `routing_key: "0123456789abcdef0123456789abcdef"\n        url: http://127.0.0.1:${ports.pager}/v2/enqueue`,
    ],
    ["group_wait: 30s", "group_wait: 1s"],
  );
}

const startPrometheus = (folder: TemporaryFolder, port = freePort()) =>
  StackServer.start(
    "prometheus",
    [
      `--config.file=${folder.path}/prometheus.yml`,
      `--storage.tsdb.path=${folder.path}/tsdb`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ],
    port,
    "/-/ready",
  );

toolTest("prometheus", "prometheus", "Prometheus sees two real nodes during a transfer", async () => {
  await using folder = await temporaryFolder();
  const [receiver, sender] = await twoNodes(folder);
  await using _receiver = receiver;
  await using _sender = sender;
  const targets = [receiver, sender].map((node) => new URL(node.status.monitoring_url!).host);
  await writeStackFiles(folder, sender, targets, { alertmanager: freePort(), pager: freePort() });
  await using prometheus = await startPrometheus(folder);

  await eventually(
    "both nodes are up",
    async () => (await prometheus.query("up == 1")).length === 2 ? true : null,
  );
  const file = await folder.write("file.bin", noise(24_000_000));
  const sent = sender.run("send", file, "--to", receiver.address);
  for (const direction of ["send", "receive"]) {
    await eventually(`the transfer is seen by who does ${direction}`, async () => {
      const running = await prometheus.query(`wraith_transfers_in_progress{direction="${direction}"} == 1`);
      return running.length > 0 ? true : null;
    });
  }
  assert.equal((await sent).code, 0, (await sent).stderr);
  await eventually("its end is seen", async () => {
    const ended = await prometheus.query('sum(wraith_transfers_total{result="success"}) == 2');
    return ended.length > 0 ? true : null;
  });

  // The specification's own queries.
  await eventually("both have one session", async () => {
    const sessions = await prometheus.query('wraith_sessions_active{state="established"} == 1');
    return sessions.length === 2 ? true : null;
  });
  const fastest = await eventually("the rate", async () => {
    const [rate] = await prometheus.query("max(rate(wraith_bytes_sent_total[1m]) * 8)");
    return rate ?? null;
  });
  assert.ok(Number(fastest.value[1]) > 1e6, `sent at ${fastest.value[1]} bit/s`);

  // Every family is there, but for the certificate that these nodes do not have.
  for (const spec of METRIC_LIST) {
    const expected = spec.name !== "wraith_tls_certificate_expiry_timestamp_seconds";
    for (const name of sampleNames(spec)) {
      // Over some minutes: on a busy machine the latest scrape may be a lost one.
      const seen = await prometheus.query(`count_over_time(${name}{job="wraith"}[5m])`);
      assert.equal(seen.length > 0, expected, name);
    }
  }
  // Every panel shows something, but for the one that lists firing alerts.
  for (const panel of DASHBOARDS.flatMap((dashboard) => dashboard.rows).flatMap((row) => row.panels)) {
    for (const { expr } of panel.queries.filter(({ expr }) => !expr.includes("ALERTS"))) {
      const query = expr.replaceAll(/"\$(job|instance)"/g, '".+"').replaceAll("$__rate_interval", "1m");
      await eventually(`${panel.title}: ${query}`, async () => {
        return (await prometheus.query(query)).length > 0 ? true : null;
      });
    }
  }

  await eventually("every rule was evaluated", async () => {
    const { data } = await prometheus.json<
      { data: { groups: { rules: { health: string; lastError?: string }[] }[] } }
    >(
      "/api/v1/rules",
    );
    const rules = data.groups.flatMap((group) => group.rules);
    assert.deepEqual(rules.filter((rule) => rule.lastError), []);
    return rules.length > 30 && rules.every((rule) => rule.health === "ok") ? true : null;
  });
  const { data } = await prometheus.json<
    { data: { activeTargets: { health: string; lastError: string }[] } }
  >(
    "/api/v1/targets",
  );
  assert.deepEqual(data.activeTargets.map(({ health, lastError }) => [health, lastError]), [["up", ""], [
    "up",
    "",
  ]]);
});

toolTest("prometheus", "prometheus", "Prometheus finds a fleet through one node's /sd", async () => {
  await using folder = await temporaryFolder();
  const surroundings = { workingDir: folder.path };
  await using other = await NodeProcess.start(`${folder.path}/a`, [], surroundings);
  const otherPort = new URL(other.status.monitoring_url!).port;
  const settings = [`dht.bootstrap=${other.address}`, `monitoring.sd_port=${otherPort}`];
  await using asked = await NodeProcess.start(`${folder.path}/b`, settings, surroundings);
  await asked.waitForLog((line) => line.message === "DHT joined");

  const { code, stdout, stderr } = await asked.run("export", "prometheus", "--file", "prometheus-fleet.yml");
  assert.equal(code, 0, stderr);
  const ownHost = `localhost:${new URL(asked.status.monitoring_url!).port}`;
  await folder.write(
    "prometheus.yml",
    stdout.replace("localhost:9090", ownHost).replace("scrape_interval: 15s", "scrape_interval: 1s")
      .replace("scrape_interval: 15s", "scrape_interval: 1s").replace(
        "scrape_timeout: 10s",
        "scrape_timeout: 1s",
      ),
  );
  await using prometheus = await startPrometheus(folder);
  const found = await eventually("both nodes are scraped", async () => {
    const up = await prometheus.query("up == 1");
    return up.length === 2 ? up : null;
  });
  assert.deepEqual(
    found.map(({ metric }) => [metric.instance, metric.peer_id]).toSorted(),
    [[ownHost, asked.status.peer_id], [`127.0.0.1:${otherPort}`, other.status.peer_id]].toSorted(),
  );
});

toolTest(
  "prometheus",
  "prometheus",
  "What one node counts as sent the other counts as received",
  async () => {
    await using folder = await temporaryFolder();
    const [receiver, sender] = await twoNodes(folder);
    await using _receiver = receiver;
    await using _sender = sender;
    const file = await folder.write("file.bin", noise(2_000_000));
    const { code, stderr } = await sender.run("send", file, "--to", receiver.address);
    assert.equal(code, 0, stderr);

    const metric = async (node: NodeProcess, series: string) => (await node.metric(series))!;
    for (const [node, direction] of [[sender, "send"], [receiver, "receive"]] as const) {
      assert.equal(await metric(node, `wraith_transfer_bytes_total{direction="${direction}"}`), 2_000_000);
      const opened = await metric(node, 'wraith_sessions_total{result="success"}');
      const active = await metric(node, 'wraith_sessions_active{state="established"}');
      let closed = 0;
      for (const end of ["local", "remote", "idle", "error", "shutdown"]) {
        closed += await metric(node, `wraith_sessions_closed_total{end="${end}"}`);
      }
      assert.equal(opened - closed, active);
      assert.equal(await metric(node, "wraith_metrics_overflow_total"), 0);
      assert.equal(await metric(node, "wraith_event_subscriber_failures_total"), 0);
    }
    // Acknowledgements may be on their way while the one is asked and not the other: let both come to rest.
    await eventually("the bytes agree on a clean link", async () => {
      const there = await metric(sender, "wraith_bytes_sent_total") ===
        await metric(receiver, "wraith_bytes_received_total");
      const back = await metric(receiver, "wraith_bytes_sent_total") ===
        await metric(sender, "wraith_bytes_received_total");
      return there && back ? true : null;
    });
  },
);

toolTest("prometheus-alertmanager", "prometheus-alertmanager", "A killed node pages somebody", async () => {
  if (!isInstalled("prometheus")) return;
  await using folder = await temporaryFolder();
  const [watched, other] = await twoNodes(folder);
  await using _watched = watched;
  await using _other = other;
  const pages: { routing_key: string; event_action: string; payload: Record<string, string> }[] = [];
  await using pager = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    pages.push(await request.json());
    return Response.json({ status: "success", dedup_key: "x" }, { status: 202 });
  });
  const alertmanagerPort = freePort();
  const targets = [watched, other].map((node) => new URL(node.status.monitoring_url!).host);
  await writeStackFiles(folder, other, targets, { alertmanager: alertmanagerPort, pager: pager.addr.port });
  await using _alertmanager = await StackServer.start(
    "prometheus-alertmanager",
    [
      `--config.file=${folder.path}/alertmanager.yml`,
      `--storage.path=${folder.path}/alertmanager`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      "--cluster.listen-address=",
      "--log.level=warn",
    ],
    alertmanagerPort,
    "/-/ready",
  );
  await using prometheus = await startPrometheus(folder);
  await eventually(
    "both nodes are up",
    async () => (await prometheus.query("up == 1")).length === 2 ? true : null,
  );

  watched.signal("SIGKILL");
  const page = await eventually("the page", () => {
    // On a busy machine the other node may miss a scrape of one second, and pages, too.
    const ofWatched = (page: typeof pages[number]) =>
      page.payload.class === "WraithDown" && page.payload.component === targets[0];
    return Promise.resolve(pages.find(ofWatched) ?? null);
  });
  assert.equal(page.event_action, "trigger");
  assert.equal(page.payload.severity, "critical");
  assert.equal(page.payload.summary, "WraithDown: WRAITH node down");
});

toolTest("victoria-metrics", "victoria-metrics", "VictoriaMetrics scrapes the same exposition", async () => {
  await using folder = await temporaryFolder();
  await using node = await NodeProcess.start(`${folder.path}/a`, [], { workingDir: folder.path });
  const { host } = new URL(node.status.monitoring_url!);
  const scrape = await folder.write(
    "scrape.yml",
    `scrape_configs:\n  - job_name: wraith\n    scrape_interval: 1s\n    static_configs:\n      - targets: ["${host}"]\n`,
  );
  const port = freePort();
  await using victoria = await StackServer.start(
    "victoria-metrics",
    [
      `-storageDataPath=${folder.path}/vm`,
      `-httpListenAddr=127.0.0.1:${port}`,
      `-promscrape.config=${scrape}`,
      "-search.latencyOffset=0s",
      "-loggerLevel=ERROR",
    ],
    port,
    "/health",
  );
  await eventually("its series", async () => (await victoria.query("up == 1")).length === 1 ? true : null);
  for (const spec of METRIC_LIST.filter((spec) => spec.specified)) {
    const seen = await victoria.query(`count_over_time(${sampleNames(spec).at(-1)}[5m])`);
    assert.ok(seen.length > 0, spec.name);
  }
});

Deno.test("A transfer's exemplar names the trace that the collector received", async () => {
  await using folder = await temporaryFolder();
  const received: string[] = [];
  await using collector = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    // Ids are bytes in protobuf and hexadecimal in JSON: both become hexadecimal here.
    const body = new Uint8Array(await request.arrayBuffer());
    received.push(toHex(body), new TextDecoder().decode(body));
    return new Response(null, { status: 200, headers: { "content-type": "application/x-protobuf" } });
  });
  const tracing = ["tracing.enabled=true", `tracing.endpoint=http://127.0.0.1:${collector.addr.port}`];
  const surroundings = { workingDir: folder.path, env: { OTEL_EXPORTER_OTLP_COMPRESSION: "none" } };
  await using receiver = await NodeProcess.start(
    `${folder.path}/a`,
    ["transfer.accept=all", ...tracing],
    surroundings,
  );
  await using sender = await NodeProcess.start(`${folder.path}/b`, tracing, surroundings);
  const file = await folder.write("file.bin", noise(100_000));
  const { code, stderr } = await sender.run("send", file, "--to", receiver.address);
  assert.equal(code, 0, stderr);

  const accept = "application/openmetrics-text;version=1.0.0";
  const text = await (await fetch(`${sender.status.monitoring_url}/metrics`, { headers: { accept } })).text();
  const exemplar =
    /^wraith_transfer_duration_seconds_bucket\{le="[^"]+",direction="send"\} 1 # \{trace_id="([0-9a-f]{32})",span_id="[0-9a-f]{16}"\}/m
      .exec(text);
  assert.ok(
    exemplar,
    text.split("\n").filter((line) => line.includes("wraith_transfer_duration")).join("\n"),
  );
  await eventually("the collector has the trace", () => {
    return Promise.resolve(received.some((body) => body.includes(exemplar[1])) ? true : null);
  });
});
