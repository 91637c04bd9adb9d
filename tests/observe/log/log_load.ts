/**
 * A process under real rotation: writes numbered lines to the log at its first argument without a pause,
 * opens it again on SIGHUP, ends on SIGTERM and prints how many lines it wrote.
 *
 * @module
 */

import { systemClock } from "../../../src/clock.ts";
import { EventBus } from "../../../src/observe/event_bus.ts";
import { createLog } from "../../../src/observe/log/mod.ts";

const [output] = Deno.args;
const bus = new EventBus(systemClock);
const log = createLog({
  config: { level: "info", format: "json", output, maxSizeBytes: 0, maxBackups: 0, compress: false },
  bus,
  clock: systemClock,
});
await log.start();

let lines = 0;
const timer = setInterval(() => {
  for (let i = 0; i < 10; i++) {
    bus.emit({ type: "node.notice", severity: "info", component: "load", message: `line ${lines++}` });
  }
}, 2);

Deno.addSignalListener("SIGHUP", () => log.reopen());
Deno.addSignalListener("SIGTERM", async () => {
  clearInterval(timer);
  await log.stop();
  await Deno.stdout.write(
    new TextEncoder().encode(`${lines} ${log.stats.reopens} ${log.stats.linesDropped}\n`),
  );
  Deno.exit(0);
});
await Deno.stdout.write(new TextEncoder().encode("ready\n"));
