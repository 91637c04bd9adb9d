/**
 * What a log line costs the thread that moves packets: an event nobody wants, one that becomes a line, and the
 * time between the loop's turns while a rotated file is compressed.
 *
 * `./scripts/deno run -A scripts/log_cost.ts`
 *
 * @module
 */

import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { EventBus } from "../src/observe/event_bus.ts";
import type { NodeEvent } from "../src/observe/events.ts";
import { tidyBackups } from "../src/observe/log/backups.ts";
import { createLog } from "../src/observe/log/mod.ts";
import { sampleEvents } from "../tests/support/sample_events.ts";

const EVENTS = 100_000;

const folder = await Deno.makeTempDir({ prefix: "wraith-log-cost-" });
try {
  const empty = await microsecondsPerEvent(null, "session.rekeyed");
  say(`event without a log                     ${empty.toFixed(2)} us`);
  say(
    `debug event, log at info                ${
      (await microsecondsPerEvent("info", "session.rekeyed")).toFixed(2)
    } us`,
  );
  say(
    `info event, log at info, JSON to a file ${
      (await microsecondsPerEvent("info", "node.started")).toFixed(2)
    } us`,
  );
  say(`longest pause while 100 MB are gzipped  ${(await longestPauseMs()).toFixed(1)} ms`);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function microsecondsPerEvent(level: "info" | null, type: NodeEvent["type"]): Promise<number> {
  const bus = new EventBus(systemClock);
  const output = join(folder, "cost.log");
  const config = { format: "json", output, maxSizeBytes: 0, maxBackups: 0, compress: false } as const;
  const log = level === null ? null : createLog({ config: { ...config, level }, bus, clock: systemClock });
  await log?.start();
  const event = sampleEvents().find((sample) => sample.type === type)!;
  let spentMs = 0;
  for (let done = 0; done < EVENTS; done += 1000) {
    const began = performance.now();
    for (let i = 0; i < 1000; i++) bus.emit(event);
    spentMs += performance.now() - began;
    // As in life: the loop turns between bursts, and what was queued is written.
    await log?.flush();
  }
  await log?.stop();
  return spentMs * 1000 / EVENTS;
}

async function longestPauseMs(): Promise<number> {
  const path = join(folder, "big.log");
  const line = JSON.stringify({
    message: "Session established",
    fields: { peer_id: "ed25519:" + "ab".repeat(32) },
  });
  const block = (line + "\n").repeat(8192);
  for (const stamp of ["20250101T000000.000Z", "20250102T000000.000Z"]) {
    using file = await Deno.open(`${path}.${stamp}`, { write: true, create: true });
    const bytes = new TextEncoder().encode(block);
    for (let written = 0; written < 100e6 && stamp < "20250102"; written += bytes.length) {
      await file.write(bytes);
    }
  }
  let longest = 0, last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  await tidyBackups(path, 10, true);
  clearInterval(timer);
  return longest;
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
