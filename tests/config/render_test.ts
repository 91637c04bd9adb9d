import assert from "node:assert/strict";
import { diffConfigs, withLiveKeys } from "../../src/config/diff.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configTemplate, formatConfig } from "../../src/config/render.ts";
import { ENTRIES } from "../../src/config/schema.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const ENV = { HOME: "/nonexistent/home" };

function load(file: string | undefined, ...overrides: string[]) {
  return loadConfig({ ...(file ? { file } : {}), overrides, env: ENV, workingDir: "/nonexistent" });
}

Deno.test("The generated file changes nothing, commented or not", async () => {
  await using folder = await temporaryFolder();
  const defaults = load(undefined).config;
  const commented = await folder.write("a.toml", configTemplate());
  assert.deepEqual(load(commented).config, defaults);

  const active = configTemplate().replace(/^#(?! )/gm, "");
  const { config, origins } = load(await folder.write("b.toml", active));
  assert.deepEqual(config, defaults);
  assert.deepEqual([...new Set(origins.values())], ["file"], "some key is missing from the template");
});

Deno.test("A generated file may carry its own data directory", async () => {
  await using folder = await temporaryFolder();
  const { config } = load(await folder.write("config.toml", configTemplate(".")));
  assert.equal(config.node.dataDir, folder.path);
  assert.equal(config.audit.output, `${folder.path}/audit.log`);
  const active = configTemplate(".").replace(/^#(?! )/gm, "");
  assert.deepEqual(load(await folder.write("config.toml", active)).config, config);
});

Deno.test("The effective configuration reads back, shows its origins and masks credentials", async () => {
  await using folder = await temporaryFolder();
  const { config, origins } = load(
    undefined,
    "tracing.endpoint=https://user:secret@collector:4318/x",
    "network.idle_timeout=90s",
  );
  const text = formatConfig(config, origins);
  assert.doesNotMatch(text, /secret|user/);
  assert.match(text, /^idle_timeout = "90s" # flag$/m);
  const again = load(await folder.write("config.toml", text)).config;
  assert.deepEqual({ ...again, tracing: null }, { ...config, tracing: null });
});

Deno.test("A reload takes the live keys and names the others", () => {
  const before = load(undefined).config;
  const after = load(undefined, "logging.level=debug", "network.listen=[::]:1", "transfer.accept=all").config;
  assert.deepEqual(diffConfigs(before, after), {
    live: ["transfer.accept", "logging.level"],
    needRestart: ["network.listen"],
  });
  const running = withLiveKeys(before, after);
  assert.equal(running.logging.level, "debug");
  assert.equal(running.network.listen, before.network.listen);
  assert.deepEqual(diffConfigs(running, after).live, []);
});

Deno.test("Every key says what it does, once, in one sentence without a full stop", () => {
  for (const { name, setting } of ENTRIES) {
    assert.match(setting.about, /^\S.{8,100}[^.]$/, name);
    assert.doesNotMatch(setting.about, /\n/, name);
  }
  assert.equal(new Set(ENTRIES.map((entry) => entry.name)).size, ENTRIES.length);
});
