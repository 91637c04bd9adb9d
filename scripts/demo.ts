/**
 * Two nodes, a generated file across, and what both say about it. Leaves nothing behind.
 *
 * `deno task demo [--size-mib N]`
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  FROM_SOURCE,
  generateFile,
  hashFile,
  type NodePair,
  sendMeasured,
  startPair,
} from "./loopback_transfer.ts";

const { values: options } = parseArgs({ options: { "size-mib": { type: "string", default: "256" } } });
const bytes = Number(options["size-mib"]) * 1_048_576;
if (!Number.isSafeInteger(bytes) || bytes < 1) {
  say(`demo: --size-mib: expected a whole number, found ${options["size-mib"]}`);
  Deno.exit(2);
}

const SHOWN_METRICS = [
  'wraith_sessions_active{state="established"}',
  'wraith_sessions_total{result="success"}',
  "wraith_bytes_sent_total",
  "wraith_bytes_received_total",
  'wraith_transfers_total{direction="send",result="success",reason="none"}',
  'wraith_transfers_total{direction="receive",result="success",reason="none"}',
  "wraith_memory_usage_bytes",
];

const folder = await Deno.makeTempDir({ prefix: "wraith-demo-" });
try {
  await run();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function run(): Promise<void> {
  say(`making a file of ${options["size-mib"]} MiB`);
  const file = join(folder, "demo.bin");
  const hash = await generateFile(file, bytes);

  say("starting two nodes on loopback");
  await using pair = await startPair(folder, FROM_SOURCE);
  say(`  sender    ${pair.sender.address}`);
  say(`  receiver  ${pair.receiver.address}`);

  say(`wraith send demo.bin --to ${pair.receiver.address.slice(0, 20)}...`);
  const figures = await sendMeasured(pair, file);
  const received = await hashFile(join(pair.receivedDir, "demo.bin"));
  if (received !== hash) throw new Error(`the received file differs: ${received}, sent ${hash}`);
  const seconds = figures.wallMs / 1_000;
  say(`sent in ${seconds.toFixed(1)} s, ${(bytes / 1e6 / seconds).toFixed(0)} MB/s; SHA-256 equal: ${hash}`);

  await showMetrics(pair);
  say("stopping both and cleaning up");
}

async function showMetrics({ sender, receiver }: NodePair): Promise<void> {
  for (const [name, node] of [["sender", sender], ["receiver", receiver]] as const) {
    say(`curl ${node.status.monitoring_url}/metrics   (${name})`);
    for (const series of SHOWN_METRICS) {
      const value = await node.metric(series);
      if (value !== null) say(`  ${series} ${value}`);
    }
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
