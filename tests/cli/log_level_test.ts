import assert from "node:assert/strict";
import { EXIT } from "../../src/cli/command.ts";
import type { LogLevel } from "../../src/config/config.ts";
import { logRoutes } from "../../src/node/control_log.ts";
import { serveControl } from "../../src/node/control_server.ts";
import { LogVerbosity } from "../../src/node/log_verbosity.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("wraith log level shows and changes the level, and each change is an event", async () => {
  await using folder = await temporaryFolder();
  const applied: LogLevel[] = [];
  const events: NodeEvent[] = [];
  using verbosity = new LogVerbosity("info", new ManualClock(), (level) => applied.push(level));
  const server = await serveControl(folder.path);
  server.addRoutes(logRoutes(verbosity, (event) => events.push(event)));
  const run = async (...words: string[]) => {
    const host = testHost();
    const code = await runInProcess(["log", "level", ...words, "--data-dir", folder.path], host);
    return { code, out: host.stdout.text, err: host.stderr.text };
  };
  try {
    assert.deepEqual(await run(), { code: EXIT.success, out: "info\n", err: "" });
    assert.equal((await run("debug")).out, "debug (configured: info)\n");
    assert.equal((await run("trace", "--for", "10m")).out, "trace for 10m, then info\n");
    assert.deepEqual(JSON.parse((await run("--json")).out), {
      level: "trace",
      configured: "info",
      remaining_ms: 600_000,
    });
    verbosity.configure("warn");
    assert.equal((await run()).out, "warn\n");
    assert.deepEqual(applied, ["debug", "trace", "warn"]);
    assert.deepEqual(
      events.map((event) => event.type === "control.action" && [event.action, event.detail]),
      [["set log level", "debug"], ["set log level", "trace for 600 s"]],
    );
    for (const words of [["loud"], ["--for", "10m"], ["debug", "--for", "soon"]]) {
      const { code, err } = await run(...words);
      assert.deepEqual([code, err.trim().split("\n").length], [EXIT.usage, 1], words.join(" "));
    }
  } finally {
    await server.close();
  }
});

Deno.test("A level wanted for a while gives way to the configured one by itself", async () => {
  const changed = Promise.withResolvers<LogLevel>();
  using verbosity = new LogVerbosity("info", new ManualClock(), (level) => {
    if (level === "info") changed.resolve(level);
  });
  verbosity.override("debug", 1);
  assert.equal(verbosity.level, "debug");
  assert.equal(await changed.promise, "info");
  assert.deepEqual([verbosity.level, verbosity.remainingMs], ["info", null]);
});
