import assert from "node:assert/strict";
import { LIVENESS_SCRIPT, READINESS_SCRIPT, SCRAPE_CONFIG } from "../../src/monitor/export/specification.ts";
import { isInstalled } from "../support/external_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { programUnderTest } from "../support/wraith_process.ts";

/** The specification's configuration, letter for letter. */
const CONFIG = `# config.toml
[monitoring]
enabled = true
prometheus_port = 9090
metrics_path = "/metrics"
update_interval = "15s"

[logging]
level = "info"
format = "json"
output = "/var/log/wraith/wraith.log"
max_size = "100MB"
max_backups = 10
compress = true
`;

/**
 * A day in the life of a host that is set up as the specification says: its configuration, its scripts, its scrape file,
 * its ports, its paths. Prints a line for each thing it saw.
 */
const HOST = `
ip link set lo up
mount -t tmpfs tmpfs /var/log
export PATH="$PWD/bin:$PATH" HOME="$PWD/home"
probe() { echo "$1: $("$1") ($?)"; }
await() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "never: $*"; }

probe wraith-healthcheck
wraith-cli daemon --config config.toml >daemon.out 2>&1 &
first=$!
await wraith-healthcheck
probe wraith-healthcheck
probe wraith-readiness
for n in 1 2 3; do
  wraith-cli daemon --data-dir "node-$n" --set network.listen=127.0.0.1:0 --set monitoring.prometheus_port=0 \\
    --set "dht.bootstrap=$(wraith-cli id)@127.0.0.1:41641" >"node-$n.out" 2>&1 &
done
await wraith-readiness
probe wraith-readiness
echo "dht peers: $(wraith-cli dht peers | wc -l) lines"
up() { curl -s '127.0.0.1:9091/api/v1/query?query=up' | grep -q '"instance":"localhost:9090".*"1"\\]'; }
if command -v prometheus >/dev/null; then
  prometheus --config.file=scrape.yml --storage.tsdb.path=tsdb --web.listen-address=127.0.0.1:9091 2>prometheus.out &
  await up
fi
kill "$first"; wait "$first"
echo "daemon: $?"
probe wraith-healthcheck
kill $(jobs -p); wait
probe wraith-healthcheck
cp /var/log/wraith/wraith.log .
`;

Deno.test({
  name: "A host set up as the specification says works as it says",
  ignore: !canIsolate(),
  async fn() {
    await using folder = await temporaryFolder();
    await Deno.mkdir(`${folder.path}/bin`);
    await Deno.symlink(programUnderTest()[0], `${folder.path}/bin/wraith-cli`);
    for (
      const [name, text] of [["wraith-healthcheck", LIVENESS_SCRIPT], ["wraith-readiness", READINESS_SCRIPT]]
    ) {
      await Deno.writeTextFile(`${folder.path}/bin/${name}`, text, { mode: 0o755 });
    }
    await folder.write("config.toml", CONFIG);
    await folder.write("scrape.yml", SCRAPE_CONFIG);
    await folder.write("host.sh", HOST);
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: ["--net", "--mount", "--pid", "--fork", "--mount-proc", "bash", "host.sh"],
      cwd: folder.path,
      stdout: "piped",
      stderr: "piped",
    }).output();
    const said = new TextDecoder().decode(stdout);
    assert.deepEqual(said.trimEnd().split("\n"), [
      "wraith-healthcheck: CRITICAL: WRAITH process not running (2)",
      "wraith-healthcheck: OK: WRAITH healthy (0)",
      "wraith-readiness: WARNING: Insufficient DHT peers (0) (1)",
      "wraith-readiness: OK: DHT ready (3 peers) (0)",
      "dht peers: 3 lines",
      "daemon: 0",
      "wraith-healthcheck: CRITICAL: Port 41641 not listening (2)",
      "wraith-healthcheck: CRITICAL: WRAITH process not running (2)",
    ], new TextDecoder().decode(stderr));

    const lines = (await Deno.readTextFile(`${folder.path}/wraith.log`)).trimEnd().split("\n");
    const established = lines.map((line) => JSON.parse(line))
      .find(({ message }) => message === "Session established");
    assert.deepEqual(Object.keys(established), ["timestamp", "level", "message", "fields"]);
    assert.match(established.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(established.level, "info");
    assert.match(established.fields.peer_id, /^ed25519:[0-9a-f]{64}$/);
    assert.match(established.fields.remote_addr, /^127\.0\.0\.1:\d+$/);
    assert.equal(typeof established.fields.handshake_duration_ms, "number");
  },
});

/** Whether this process may make a host of its own: network, processes and mounts that nobody else sees. */
function canIsolate(): boolean {
  const missing = ["unshare", "ip", "ss", "pgrep", "bash", "curl"].filter((tool) => !isInstalled(tool));
  const works = Deno.build.os === "linux" && missing.length === 0 &&
    new Deno.Command("unshare", {
      args: ["--net", "--mount", "--pid", "--fork", "--mount-proc", "true"],
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  if (!works) {
    const lacks = missing.length > 0 ? missing.join(", ") : "Linux namespaces (root)";
    // deno-lint-ignore no-console
    console.log(`skipped: "A host set up as the specification says works as it says" needs ${lacks}`);
  }
  return works;
}
