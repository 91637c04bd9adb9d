import assert from "node:assert/strict";
import { EXIT } from "../../src/cli/command.ts";
import { allCommands, wordsFor, wraith } from "../../src/cli/wraith.ts";
import { loadConfig } from "../../src/config/load.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("init writes an identity and a file that id and the loader take", async () => {
  await using folder = await temporaryFolder();
  const dir = `${folder.path}/node`;
  const host = testHost();
  assert.equal(await runInProcess(["init", "--dir", dir], host), EXIT.success, host.stderr.text);
  assert.match(host.stdout.text, /^ed25519:[0-9a-f]{64}\n$/);

  const file = `${dir}/config.toml`;
  assert.equal(loadConfig({ file, overrides: [], env: {}, workingDir: "/" }).config.node.dataDir, dir);
  const again = testHost();
  assert.equal(await runInProcess(["--config", file, "id", "--json"], again), EXIT.success);
  assert.deepEqual(JSON.parse(again.stdout.text), { peer_id: host.stdout.text.trim() });
});

Deno.test("init touches nothing that exists", async () => {
  await using folder = await temporaryFolder();
  await folder.write("config.toml", "# mine");
  const host = testHost();
  assert.equal(await runInProcess(["init", "--dir", folder.path], host), EXIT.failure);
  assert.match(host.stderr.text, /^wraith: .*config\.toml exists: move it away or choose another folder/);
  assert.deepEqual((await Array.fromAsync(Deno.readDir(folder.path))).map((entry) => entry.name), [
    "config.toml",
  ]);
});

Deno.test("id without an identity says what makes one", async () => {
  const host = testHost();
  assert.equal(await runInProcess(["id", "--data-dir", "/nonexistent"], host), EXIT.failure);
  assert.equal(host.stderr.text, "wraith: no identity at /nonexistent/identity.key: wraith init makes one\n");
});

Deno.test("A wrong configuration is one line and a failure", async () => {
  const host = testHost();
  assert.equal(await runInProcess(["id", "--set", "dht.enabled=maybe"], host), EXIT.failure);
  assert.equal(
    host.stderr.text,
    'wraith: --set dht.enabled=maybe: dht.enabled: expected true or false, found "maybe"\n',
  );
});

Deno.test("export config prints a file that the loader takes", async () => {
  await using folder = await temporaryFolder();
  const host = testHost();
  assert.equal(await runInProcess(["export", "config"], host), EXIT.success);
  const file = await folder.write("config.toml", host.stdout.text);
  loadConfig({ file, overrides: [], env: {}, workingDir: "/" });
});

Deno.test("The specification's script names run their commands", () => {
  assert.deepEqual(wordsFor("/usr/local/bin/wraith-healthcheck", ["--json"]), ["healthcheck", "--json"]);
  assert.deepEqual(wordsFor("wraith-readiness", []), ["readiness"]);
  assert.deepEqual(wordsFor("./wraith-cli", ["dht", "peers"]), ["dht", "peers"]);
});

Deno.test("Only what the words can mean is loaded, and everything where that is unclear", async () => {
  const all = (await allCommands()).length;
  const loadedFor = async (...words: string[]) => (await wraith(words)).commands.map(({ name }) => name);
  assert.deepEqual(await loadedFor(), ["daemon"]);
  assert.deepEqual(await loadedFor("--config", "send", "--set", "id"), ["daemon"]);
  assert.deepEqual(await loadedFor("--log-level=debug", "-c", "x", "healthcheck", "--json"), ["healthcheck"]);
  assert.deepEqual(await loadedFor("dht", "peers"), ["dht peers", "dht lookup"]);
  for (const words of [["--help"], ["-h"], ["-h", "send"], ["help", "send"], ["snd"], ["constructor"]]) {
    assert.equal((await loadedFor(...words)).length, all, words.join(" "));
  }
});

Deno.test("Each command is found under the word that it is loaded by", async () => {
  for (const { name } of await allCommands()) {
    const { commands } = await wraith(name.split(" "));
    assert.ok(commands.some((command) => command.name === name), name);
  }
});

Deno.test("The table of commands is consistent", async () => {
  const commands = await allCommands();
  const names = commands.map((command) => command.name);
  assert.equal(new Set(names).size, names.length);
  const groups = new Set(names.filter((name) => name.includes(" ")).map((name) => name.split(" ")[0]));
  assert.deepEqual([...groups].sort(), Object.keys((await wraith([])).groups).sort());
  for (const { name, summary, options = [], arguments: taken = [] } of commands) {
    assert.match(name, /^[a-z]+( [a-z]+)?$/);
    assert.match(summary, /^[A-Z].*[^.]$/, name);
    assert.equal(new Set(options.map((option) => option.name)).size, options.length, name);
    assert.ok(taken.slice(0, -1).every((argument) => !argument.variadic), name);
  }
});

Deno.test("--check --json lists every problem, --show-config --json every key and who set it", async () => {
  await using folder = await temporaryFolder();
  const good = await folder.write("good.toml", '[logging]\nlevel = "warn"\n');
  const bad = await folder.write("bad.toml", '[logging]\nlevle = "warn"\n[nod]\n');
  const check = async (...words: string[]) => {
    const host = testHost();
    const code = await runInProcess(words, host);
    assert.equal(host.stderr.text, "");
    return { code, said: JSON.parse(host.stdout.text) };
  };
  assert.deepEqual(await check("--config", good, "--check", "--json"), {
    code: EXIT.success,
    said: { ok: true, file: good, problems: [], warnings: [] },
  });
  const refused = await check("--config", bad, "--check", "--json");
  assert.equal(refused.code, EXIT.failure);
  assert.equal(refused.said.ok, false);
  assert.deepEqual(refused.said.problems.map((problem: string) => /bad\.toml:(\d+): /.exec(problem)?.[1]), [
    "2",
    "3",
  ]);
  const { said } = await check("--config", good, "--set", "network.retry=always", "--show-config", "--json");
  assert.equal(said.file, good);
  assert.deepEqual(said.config["logging.level"], { value: "warn", origin: "file" });
  assert.deepEqual(said.config["network.retry"], { value: "always", origin: "flag" });
  assert.deepEqual(said.config["logging.format"], { value: "json", origin: "default" });
});

Deno.test("--json alone starts no node", async () => {
  const host = testHost();
  assert.equal(await runInProcess(["--json"], host), EXIT.usage);
  assert.match(host.stderr.text, /^wraith: --json goes with --check or --show-config/);
});

Deno.test("the help says how a configuration is checked, and what exit codes mean", async () => {
  const host = testHost();
  assert.equal(await runInProcess(["--help"], host), EXIT.success);
  assert.match(host.stdout.text, /wraith --config FILE --check/);
  assert.match(host.stdout.text, /130/);
});
