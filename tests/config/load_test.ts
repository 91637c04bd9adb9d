import assert from "node:assert/strict";
import { ConfigError, type ConfigSources, loadConfig } from "../../src/config/load.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const ID = `ed25519:${"ab".repeat(32)}`;

/** Sources with nothing in them, in a folder where nothing is. */
function sources(changes: Partial<ConfigSources> = {}): ConfigSources {
  return { overrides: [], env: { HOME: "/nonexistent/home" }, workingDir: "/nonexistent", ...changes };
}

function problemsOf(changes: Partial<ConfigSources>): readonly string[] {
  try {
    loadConfig(sources(changes));
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return assert.fail("the configuration was accepted");
}

Deno.test("A node needs no file at all", () => {
  const { config, file, origins } = loadConfig(sources());
  assert.equal(file, null);
  assert.equal(config.node.dataDir, "/nonexistent/home/.local/share/wraith");
  assert.equal(config.node.identityFile, "/nonexistent/home/.local/share/wraith/identity.key");
  assert.equal(config.network.listen, "0.0.0.0:41641");
  assert.equal(config.network.handshakeTimeoutMs, 10_000);
  assert.equal(config.logging.maxSizeBytes, 100_000_000);
  assert.equal(config.monitoring.prometheusPort, 9090);
  assert.deepEqual([...new Set(origins.values())], ["default"]);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.transfer.knownPeers));
});

Deno.test("Flags win over the environment, it over the file, the file over the defaults", async () => {
  await using folder = await temporaryFolder();
  const file = await folder.write(
    "config.toml",
    `
[network]
listen = "127.0.0.1:1"
idle_timeout = "61s"
max_sessions = 7
`,
  );
  const { config, origins } = loadConfig(sources({
    file,
    env: { WRAITH_NETWORK_LISTEN: "127.0.0.1:2", WRAITH_NETWORK_IDLE_TIMEOUT: "62s" },
    overrides: ["network.listen=127.0.0.1:3"],
  }));
  assert.equal(config.network.listen, "127.0.0.1:3");
  assert.equal(config.network.idleTimeoutMs, 62_000);
  assert.equal(config.network.maxSessions, 7);
  assert.equal(origins.get("network.listen"), "flag");
  assert.equal(origins.get("network.idle_timeout"), "environment");
  assert.equal(origins.get("network.max_sessions"), "file");
  assert.equal(origins.get("network.retry"), "default");
});

Deno.test("The environment spells every type", () => {
  const { config } = loadConfig(sources({
    env: {
      WRAITH_DHT_ENABLED: "false",
      WRAITH_DHT_BOOTSTRAP: `${ID}@a:1, ${ID}@[::1]:2`,
      WRAITH_TRANSFER_RATE_LIMIT: "10MB",
      WRAITH_TRACING_SAMPLE_RATIO: "0.25",
      WRAITH_MONITORING_PROMETHEUS_PORT: "0",
      WRAITH_NETWORK_MAX_DATAGRAM: "1452",
    },
  }));
  assert.equal(config.dht.enabled, false);
  assert.deepEqual(config.dht.bootstrap.map((peer) => peer.address), ["a:1", "[::1]:2"]);
  assert.equal(config.transfer.rateLimitBytesPerSecond, 10_000_000);
  assert.equal(config.tracing.sampleRatio, 0.25);
  assert.equal(config.monitoring.prometheusPort, 0);
  assert.equal(config.network.maxDatagramBytes, 1_452);
});

Deno.test("Relative paths belong to where they were written", async () => {
  await using folder = await temporaryFolder();
  const file = await folder.write(
    "config.toml",
    '[node]\ndata_dir = "data"\n[transfer]\noutput_dir = "~/in"\n[logging]\noutput = "stderr"',
  );
  const { config } = loadConfig(sources({ file, overrides: ["monitoring.token_file=token"] }));
  assert.equal(config.node.dataDir, `${folder.path}/data`);
  assert.equal(config.node.identityFile, `${folder.path}/data/identity.key`);
  assert.equal(config.transfer.outputDir, "/nonexistent/home/in");
  assert.equal(config.logging.output, "stderr");
  assert.equal(config.monitoring.tokenFile, "/nonexistent/token");
});

Deno.test("The usual places are searched in order, $WRAITH_CONFIG before them", async () => {
  await using folder = await temporaryFolder();
  await folder.write("wraith/config.toml", '[node]\nnickname = "xdg"');
  const named = await folder.write("named.toml", '[node]\nnickname = "named"');
  const env = { XDG_CONFIG_HOME: folder.path };
  assert.equal(loadConfig(sources({ env })).config.node.nickname, "xdg");
  assert.equal(loadConfig(sources({ env: { ...env, WRAITH_CONFIG: named } })).config.node.nickname, "named");
});

const WRONG: readonly [what: string, toml: string, said: string][] = [
  [
    "an unknown key",
    '[network]\n\nlissten = "x"',
    ':3: unknown key network.lissten: did you mean "listen"?',
  ],
  ["an unknown section", "[networking]\na = 1", ':1: unknown section [networking]: did you mean "network"?'],
  [
    "a key far from any",
    "[crypto]\nzzzzzzzz = 1",
    ":2: unknown key crypto.zzzzzzzz: known are backend",
  ],
  [
    "a wrong type",
    "[network]\nlisten = 41641",
    ':2: network.listen: expected host:port such as "0.0.0.0:41641" or "[::]:41641", found 41641',
  ],
  [
    "a wrong unit",
    '[network]\nhandshake_timeout = "10 parsecs"',
    ":2: network.handshake_timeout: expected a duration from 1s to 5m such as " +
    '"15s", "2m", "1h" or "7d", found "10 parsecs"',
  ],
  [
    "a value out of range",
    "[network]\nmax_sessions = 0",
    ":2: network.max_sessions: expected a whole number from 1 to 1000000, found 0",
  ],
  [
    "a datagram below what every path carries",
    '[network]\nmax_datagram = "1199"',
    ':2: network.max_datagram: expected "auto" or a size from 1200 to 65507 bytes such as "1452", found "1199"',
  ],
  [
    "a word outside the set",
    '[transfer]\naccept = "al"',
    ':2: transfer.accept: expected one of "known", "all", "none", found "al"',
  ],
  [
    "a bad peer in a list",
    `[transfer]\nknown_peers = [\n  "${ID}",\n  "ed25519:xyz",\n]`,
    ':2: transfer.known_peers: expected a list of peer ids such as ["ed25519:<64 hex digits>"], found ["ed25519:',
  ],
  ["a section that is none", "dht = 1", ":1: dht: expected a table [dht], found 1"],
  ["no TOML", "[network\n", ":1: "],
  [
    "half a TLS pair",
    '[monitoring]\ntls_cert = "a"',
    "monitoring.tls_cert and monitoring.tls_key: expected both or neither",
  ],
];

for (const [what, toml, said] of WRONG) {
  Deno.test(`A file with ${what} is refused, saying where and what is allowed`, async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write("config.toml", toml);
    const [problem, ...others] = problemsOf({ file });
    assert.ok(problem.startsWith(`${file}${said}`) || problem.startsWith(said), problem);
    assert.doesNotMatch(problem, /\n/);
    assert.deepEqual(others, []);
  });
}

Deno.test("All problems are collected, and the message counts them", async () => {
  await using folder = await temporaryFolder();
  const file = await folder.write("config.toml", "[network]\nmax_sessions = 0\nlisten = 1\n[dht]\nx = 1");
  assert.equal(problemsOf({ file, overrides: ["nonsense"] }).length, 4);
  assert.throws(() => loadConfig(sources({ file })), /\(and 2 more: wraith --check lists all\)$/);
});

Deno.test("Flags and variables are named as they were given", () => {
  const [problem] = problemsOf({ overrides: ["network.retry=perhaps"] });
  assert.match(problem, /^--set network\.retry=perhaps: network\.retry: expected one of "auto"/);
  const [variable] = problemsOf({ env: { WRAITH_DHT_CONCURRENCY: "many" } });
  assert.match(
    variable,
    /^WRAITH_DHT_CONCURRENCY: dht\.concurrency: expected a whole number .* found "many"$/,
  );
  const [unknown] = problemsOf({ overrides: ["network.listn=x"] });
  assert.match(unknown, /unknown key network\.listn: did you mean "network\.listen"\?$/);
});

Deno.test("A missing file is an error only when it was asked for", () => {
  const [problem] = problemsOf({ file: "/nonexistent/config.toml" });
  assert.equal(
    problem,
    "cannot read /nonexistent/config.toml: no such file (wraith init writes one)",
  );
});

Deno.test("A misspelled variable is warned about, Kubernetes' service links are not", () => {
  const { warnings } = loadConfig(sources({
    env: {
      WRAITH_NETWORK_LISTN: "x",
      WRAITH_MONITORING_SERVICE_HOST: "10.0.0.1",
      WRAITH_MONITORING_PORT_9090_TCP_ADDR: "10.0.0.1",
      WRAITH_PORT: "tcp://10.0.0.1:9090",
    },
  }));
  assert.deepEqual(warnings, [
    'unknown environment variable WRAITH_NETWORK_LISTN: did you mean "WRAITH_NETWORK_LISTEN"?',
  ]);
});
