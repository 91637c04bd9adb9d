import assert from "node:assert/strict";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { NodeProcess, programUnderTest, runWraith } from "../support/wraith_process.ts";

const [PROGRAM] = programUnderTest();

/** A port that nothing listens on (any more). */
function freeTcpPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("The executable alone in an empty folder runs a node that serves metrics and health", async () => {
  await using folder = await temporaryFolder();
  await Deno.copyFile(PROGRAM, `${folder.path}/wraith`);
  const port = freeTcpPort();
  await folder.write(
    "config.toml",
    `[node]\ndata_dir = "data"\n[network]\nlisten = "127.0.0.1:0"\n[monitoring]\nprometheus_port = ${port}\n`,
  );
  const surroundings = { program: [`${folder.path}/wraith`], workingDir: folder.path } as const;
  await using node = await NodeProcess.start(`${folder.path}/data`, [
    `monitoring.prometheus_port=${port}`,
  ], surroundings);

  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(metrics.status, 200);
  assert.match(await metrics.text(), /^wraith_sessions_active\{state="established"\} 0$/m);
  const health = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.equal(health.status, 200);
  assert.equal((await health.json()).status, "ok");

  const [started] = node.log.filter((line) => line.message === "Node started");
  assert.deepEqual(Object.keys(started), ["timestamp", "level", "message", "fields"]);
  assert.match(started.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.equal((await Deno.stat(`${folder.path}/data/identity.key`)).mode! & 0o777, 0o600);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends a node cleanly within five seconds`, async () => {
    await using folder = await temporaryFolder();
    await using node = await NodeProcess.start(`${folder.path}/data`, [], { workingDir: folder.path });
    node.signal(signal);
    assert.deepEqual(await node.ended(), { code: 0, signal: null });
    // The node cuts itself off before the five seconds are over, and says so where this expects the end.
    assert.deepEqual(node.log.slice(-2).map((line) => line.message), ["Node stopping", "Node stopped"]);
    assert.deepEqual(node.errors, []);
    await assert.rejects(Deno.stat(`${folder.path}/data/control.sock`), Deno.errors.NotFound);
  });
}

Deno.test("A second signal ends a node at once, with the shell's exit code for it", async () => {
  await using folder = await temporaryFolder();
  await using node = await NodeProcess.start(`${folder.path}/data`, [], { workingDir: folder.path });
  // Stopped, the node takes both signals in one turn of its loop: the second comes before the first has its end.
  node.signal("SIGSTOP");
  node.signal("SIGINT");
  node.signal("SIGTERM");
  node.signal("SIGCONT");
  const { code } = await node.ended();
  assert.ok([130, 143].includes(code), `exit code ${code}`);
});

Deno.test("SIGHUP takes what can change live and names what needs a restart", async () => {
  await using folder = await temporaryFolder();
  const config = await folder.write("config.toml", '[logging]\nlevel = "info"\n');
  const env = { WRAITH_CONFIG: config };
  await using node = await NodeProcess.start(`${folder.path}/data`, [], { workingDir: folder.path, env });
  await Deno.writeTextFile(config, '[logging]\nlevel = "debug"\n[network]\nmax_sessions = 9\n');
  node.signal("SIGHUP");
  const { fields } = await node.waitForLog((line) => line.message === "Configuration reloaded");
  assert.deepEqual(fields.applied, ["logging.level"]);
  assert.deepEqual(fields.need_restart, ["network.max_sessions"]);

  await Deno.writeTextFile(config, "[loging]\n");
  node.signal("SIGHUP");
  const failed = await node.waitForLog((line) => line.message.startsWith("Configuration not reloaded"));
  assert.match(JSON.stringify(failed.fields), /did you mean/);
});

Deno.test("The specification's scripts are links to the program", async () => {
  await using folder = await temporaryFolder();
  await using node = await NodeProcess.start(
    `${folder.path}/data`,
    ["dht.enabled=false"],
    { workingDir: folder.path },
  );
  const env = { WRAITH_NODE_DATA_DIR: node.dataDir };
  const results: Record<string, [number, string]> = {};
  for (const name of ["wraith-healthcheck", "wraith-readiness", "wraith-cli"]) {
    await Deno.symlink(PROGRAM, `${folder.path}/${name}`);
    const surroundings = { program: [`${folder.path}/${name}`], workingDir: folder.path, env } as const;
    const { code, stdout } = await runWraith(name === "wraith-cli" ? ["id"] : [], surroundings);
    results[name] = [code, stdout.trim()];
  }
  assert.deepEqual(results, {
    "wraith-healthcheck": [0, "OK: WRAITH healthy"],
    "wraith-readiness": [0, "OK: ready (DHT is off)"],
    "wraith-cli": [0, node.status.peer_id],
  });
});

Deno.test("What cannot start says why in one line and fails", async () => {
  await using folder = await temporaryFolder();
  await using node = await NodeProcess.start(`${folder.path}/data`, [], { workingDir: folder.path });
  const { port: httpPort } = new URL(node.status.monitoring_url!);
  const file = await folder.write("wrong.toml", "[network]\nlissten = 1\n");
  await folder.write("blocked", "a file");
  const quiet = ["--set", "monitoring.enabled=false", "--set", "network.listen=127.0.0.1:0"];
  const cases: readonly [args: string[], said: RegExp][] = [
    [["--config", file], /wrong\.toml:2: unknown key network\.lissten: did you mean "listen"\?/],
    [["--config", "missing.toml"], /cannot read missing\.toml: no such file/],
    [
      [
        "--data-dir",
        "b",
        "--set",
        "monitoring.enabled=false",
        "--set",
        `network.listen=${node.status.listen}`,
      ],
      new RegExp(`Cannot listen on udp ${node.status.listen}: .*already in use`),
    ],
    [
      [
        "--data-dir",
        "c",
        "--set",
        "network.listen=127.0.0.1:0",
        "--set",
        `monitoring.prometheus_port=${httpPort}`,
      ],
      new RegExp(`127\\.0\\.0\\.1:${httpPort}: the port is taken`),
    ],
    [
      ["--data-dir", node.dataDir, ...quiet],
      /a node is already running in .*: stop it, or give this one another/,
    ],
    [
      ["--data-dir", "blocked/d", ...quiet],
      /cannot make the data directory .*blocked\/d: .*; set node\.data_dir/,
    ],
    [["--data-dir", "d", ...quiet, "--set", "logging.output=blocked/x"], /Cannot open the log .*blocked\/x/],
  ];
  for (const [args, said] of cases) {
    const { code, stdout, stderr } = await runWraith(args, { workingDir: folder.path });
    assert.match(stderr, said);
    assert.match(stderr, /^wraith: [^\n]+\n$/, "not one line");
    assert.notEqual(code, 0, args.join(" "));
    assert.ok(!stdout.includes("Node started"), stdout);
  }
});
