import assert from "node:assert/strict";
import { EXIT, type ExitCode } from "../../src/cli/command.ts";
import { wordsFor } from "../../src/cli/wraith.ts";
import { createMonitor } from "../../src/monitor/monitor.ts";
import { serveControl } from "../../src/node/control_server.ts";
import { statusRoutes } from "../../src/node/control_status.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import { systemClock } from "../../src/clock.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { FakeNodeView, fakeSession, monitoringConfig, PEER_B } from "../support/fake_node_view.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** Runs commands against a node that shows `view`. */
async function withNode(
  view: FakeNodeView,
  use: (run: (...words: string[]) => Promise<{ code: ExitCode; out: string; err: string }>) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const config = monitoringConfig({ enabled: false });
  const monitor = createMonitor({ view, bus: new EventBus(systemClock), config });
  const source = {
    view,
    monitor,
    reload: () => Promise.resolve({ applied: [], needRestart: [], error: null }),
    stop: () => {},
  };
  const server = await serveControl(folder.path);
  server.addRoutes(statusRoutes(source, () => {}));
  try {
    await monitor.start();
    await use((...words) => runIn(folder.path, words));
  } finally {
    await monitor.stop();
    await server.close();
  }
}

async function runIn(dataDir: string, words: readonly string[]) {
  const host = testHost();
  const code = await runInProcess([...words, "--data-dir", dataDir], host);
  return { code, out: host.stdout.text, err: host.stderr.text };
}

Deno.test("sessions lists who the node talks to, for people and for programs", async () => {
  const view = new FakeNodeView();
  view.establishedSessions = [fakeSession(7, { remoteAddr: "192.0.2.1:9", bytesSent: 1_500_000 })];
  await withNode(view, async (run) => {
    const { code, out } = await run("sessions");
    assert.equal(code, EXIT.success);
    const [heading, row] = out.split("\n");
    assert.match(heading, /^PEER +ADDRESS +DIRECTION +PATH +AGE +RTT +SENT +RECEIVED +LOST$/);
    assert.match(row, new RegExp(`^${PEER_B} +192\\.0\\.2\\.1:9 .* 1\\.5 MB `));

    const document = JSON.parse((await run("sessions", "--json")).out);
    assert.equal(document.sessions.length, 1);
    assert.equal(document.sessions[0].session_id, 7);
    assert.equal(document.sessions[0].bytes_sent, 1_500_000);
  });
});

Deno.test("A peer's agent or address cannot steer the terminal", async () => {
  const view = new FakeNodeView();
  view.establishedSessions = [fakeSession(1, { remoteAddr: "\u001b[2J\u202e" })];
  await withNode(view, async (run) => {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch((await run("sessions")).out, /[\u001b\u202e]/);
  });
});

Deno.test("status says what the node is", async () => {
  await withNode(new FakeNodeView(), async (run) => {
    assert.match((await run("status")).out, /^listening +udp 127\.0\.0\.1:41641\nmonitoring +off$/m);
    const document = JSON.parse((await run("status", "--json")).out);
    assert.equal(document.pid, Deno.pid);
    assert.equal(document.phase, "running");
  });
});

Deno.test("metrics prints the exposition", async () => {
  await withNode(new FakeNodeView(), async (run) => {
    const { code, out } = await run("metrics");
    assert.equal(code, EXIT.success);
    assert.match(out, /^wraith_sessions_active\{state="established"\} 0$/m);

    const { metrics } = JSON.parse((await run("metrics", "--json")).out);
    assert.deepEqual(metrics.find(({ name }: { name: string }) => name === "wraith_sessions_total"), {
      name: "wraith_sessions_total",
      type: "counter",
      unit: "",
      help: "Handshakes that ended, either direction: success made a session, failure did not.",
      samples: [
        { name: "wraith_sessions_total", labels: { result: "success" }, value: 0 },
        { name: "wraith_sessions_total", labels: { result: "failure" }, value: 0 },
      ],
    });
    const bounds = metrics.find(({ name }: { name: string }) => name === "wraith_path_rtt_seconds").samples
      .flatMap(({ labels }: { labels: { le?: string } }) => labels.le ?? []);
    assert.equal(bounds.at(-1), "+Inf");
  });
});

Deno.test("The probes say what the specification's scripts say", async () => {
  // The liveness probe looks whether the node's port is bound: hold one for as long as the nodes seem to run.
  using udp = bindUdp();
  const view = new FakeNodeView(udp.text);
  await withNode(view, async (run) => {
    assert.deepEqual(await run("healthcheck"), { code: EXIT.success, out: "OK: WRAITH healthy\n", err: "" });
    assert.deepEqual(await run("readiness"), {
      code: EXIT.success,
      out: "OK: DHT ready (5 peers)\n",
      err: "",
    });
    const document = JSON.parse((await run("readiness", "--json")).out);
    assert.equal(document.status, "OK");
    assert.equal(document.dht_peers, 5);
  });
  const lonely = new FakeNodeView(udp.text);
  lonely.dhtState!.peers = 2;
  await withNode(lonely, async (run) => {
    const { code, out } = await run("readiness");
    assert.deepEqual([code, out], [EXIT.failure, "WARNING: Insufficient DHT peers (2)\n"]);
    assert.equal((await run("healthcheck")).code, EXIT.success);
  });
  const stopping = new FakeNodeView();
  stopping.phase = "stopping";
  await withNode(stopping, async (run) => {
    const { code, out } = await run("readiness");
    assert.deepEqual([code, out], [EXIT.failure, "WARNING: node is stopping\n"]);
  });
});

Deno.test({
  name: "A node that answers but whose port is not bound is not healthy (Linux tells)",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // Port 1 lies outside the range that the system hands out, so no other test holds it by chance.
    await withNode(new FakeNodeView("127.0.0.1:1"), async (run) => {
      assert.deepEqual(await run("healthcheck"), {
        code: EXIT.usage,
        out: "CRITICAL: Port 1 not listening\n",
        err: "",
      });
    });
  },
});

/** Holds a UDP port of this machine. */
function bindUdp(): Disposable & { readonly text: string } {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  return { text: `127.0.0.1:${port}`, [Symbol.dispose]: () => socket.close() };
}

Deno.test("Without a node the probes answer and the other commands fail in one line", async () => {
  await using folder = await temporaryFolder();
  const health = await runIn(folder.path, wordsFor("wraith-healthcheck", []));
  assert.deepEqual(health, { code: EXIT.usage, out: "CRITICAL: WRAITH process not running\n", err: "" });
  const ready = await runIn(folder.path, wordsFor("wraith-readiness", []));
  assert.deepEqual(ready, { code: EXIT.failure, out: "WARNING: WRAITH process not running\n", err: "" });
  for (const command of ["sessions", "metrics"]) {
    const { code, out, err } = await runIn(folder.path, [command]);
    assert.deepEqual([code, out], [EXIT.failure, ""]);
    assert.match(err, /^wraith: no node is running in .*: start one with wraith, or name its folder .*\n$/);
  }
});
