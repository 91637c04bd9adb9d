import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { LiveConfig } from "../../src/node/reload.ts";
import type { NodeEvent } from "../../src/observe/events.ts";

function load(...overrides: string[]) {
  return loadConfig({ overrides, env: { HOME: "/nonexistent" }, workingDir: "/nonexistent" });
}

Deno.test("A reload applies what is live and says what waits", () => {
  const applied: Config[] = [];
  const events: NodeEvent[] = [];
  const live = new LiveConfig(
    load().config,
    () => load("logging.level=debug", "network.max_sessions=5"),
    (config) => applied.push(config),
    (event) => events.push(event),
  );
  assert.deepEqual(live.reload(), {
    applied: ["logging.level"],
    needRestart: ["network.max_sessions"],
    error: null,
  });
  assert.equal(live.current.logging.level, "debug");
  assert.equal(live.current.network.maxSessions, 10_000);
  assert.deepEqual(applied, [live.current]);
  assert.deepEqual(events.map((event) => event.type), ["config.reloaded"]);
});

Deno.test("A reload of a wrong configuration changes nothing and says why", () => {
  const events: NodeEvent[] = [];
  const before = load().config;
  const live = new LiveConfig(
    before,
    () => load("logging.level=loud"),
    () => assert.fail("a wrong configuration was applied"),
    (event) => events.push(event),
  );
  const { applied, needRestart, error } = live.reload();
  assert.deepEqual([applied, needRestart], [[], []]);
  assert.match(error!, /^--set logging\.level=loud: .* found "loud"$/);
  assert.equal(live.current, before);
  assert.deepEqual(events, [{ type: "config.reload_failed", message: error }]);
});
