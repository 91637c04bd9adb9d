import assert from "node:assert/strict";
import { EXIT, type ExitCode } from "../../src/cli/command.ts";
import { seededEntropy } from "../../src/entropy.ts";
import { banRoutes } from "../../src/node/control_bans.ts";
import { serveControl } from "../../src/node/control_server.ts";
import { createDetector } from "../../src/observe/detect/mod.ts";
import { EventBus } from "../../src/observe/event_bus.ts";
import type { NodeEvent } from "../../src/observe/events.ts";
import { SECURITY } from "../observe/detect/scenarios.ts";
import { runInProcess, testHost } from "../support/cli_host.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("wraith bans lists, adds and lifts, and each act is an event", async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock();
  const bus = new EventBus(clock);
  const events: NodeEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const detector = createDetector({
    config: SECURITY,
    bus,
    clock,
    entropy: seededEntropy(1),
    allowedPeers: [],
    datagramsDropped: () => 0,
  });
  const server = await serveControl(folder.path);
  server.addRoutes(banRoutes(detector, bus.emit));
  const run = async (...words: string[]): Promise<{ code: ExitCode; out: string; err: string }> => {
    const host = testHost();
    const code = await runInProcess([...words, "--data-dir", folder.path], host);
    return { code, out: host.stdout.text, err: host.stderr.text };
  };
  try {
    const added = await run("bans", "add", "192.0.2.7", "--for", "10m");
    assert.equal(added.code, EXIT.success, added.err);
    assert.match(added.out, /^SOURCE +CAUSE +ENDS IN\n192\.0\.2\.7 +operator +10m/);
    assert.ok(detector.bans.isBanned("192.0.2.7:41641"));
    assert.equal((await run("bans", "add", "2001:db8::1")).code, EXIT.success);
    const listed = JSON.parse((await run("bans", "list", "--json")).out);
    assert.deepEqual(listed, {
      bans: [
        { source: "192.0.2.7", cause: "operator", remaining_ms: 600_000 },
        { source: "2001:db8:0:0::/64", cause: "operator", remaining_ms: 3_600_000 },
      ],
    });
    assert.equal((await run("bans", "lift", "2001:db8:0:0::/64")).code, EXIT.success);
    assert.equal((await run("bans", "lift", "192.0.2.7")).code, EXIT.success);
    assert.ok(!detector.bans.isBanned("192.0.2.7:41641"));
    const again = await run("bans", "lift", "192.0.2.7");
    assert.deepEqual([again.code, again.err.trim().split("\n").length], [EXIT.failure, 1]);
    assert.match(again.err, /192\.0\.2\.7 is not banned/);
    for (
      const [words, exit] of [[["add", "example.org"], EXIT.failure], [
        ["add", "192.0.2.7", "--for", "soon"],
        EXIT.usage,
      ]] as const
    ) {
      assert.equal((await run("bans", ...words)).code, exit);
    }
    const acts = events.flatMap((event) =>
      event.type === "control.action" ? [[event.action, event.outcome]] : []
    );
    assert.deepEqual(acts, [
      ["ban", "success"],
      ["ban", "success"],
      ["lift ban", "success"],
      ["lift ban", "success"],
      ["lift ban", "failure"],
    ]);
    assert.equal(events.filter((event) => event.type === "security.banned").length, 2);
  } finally {
    await server.close();
  }
});
