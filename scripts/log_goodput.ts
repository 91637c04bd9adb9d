/**
 * What the log costs a transfer: two nodes on loopback that send the same file again and again, by turns with the
 * log at info and with nothing to write (level error). Only ratios within a pair of neighbouring runs are compared,
 * so that a machine that gets slower meanwhile favours neither.
 *
 * `./scripts/deno run -A scripts/log_goodput.ts [--pairs N] [--size-mib N] [--program FILE] [--json]`
 *
 * @module
 */

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { FROM_SOURCE, generateFile, type NodePair, sendMeasured, startPair } from "./loopback_transfer.ts";

/** One run: bytes of the file per second of the transfer, and CPU seconds of both nodes per GB. */
interface Run {
  readonly goodput: number;
  readonly cpuPerGb: number;
  /** Log lines that both nodes wrote. */
  readonly lines: number;
}

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: "20" },
    "size-mib": { type: "string", default: "256" },
    program: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const [pairs, sizeMib] = [positive("pairs"), positive("size-mib")];

const folder = await Deno.makeTempDir({ prefix: "wraith-log-goodput-" });
try {
  await measure();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measure(): Promise<void> {
  const file = join(folder, "bench.bin");
  await generateFile(file, sizeMib * 1_048_576);
  const program = options.program === undefined ? FROM_SOURCE : [resolve(options.program)] as const;
  await using nodes = await startPair(folder, program);
  const { runtime, crypto, sockets } = nodes.sender.status;
  say(`${runtime}, crypto ${crypto}, sockets ${sockets}; ${pairs} pairs of ${sizeMib} MiB`);
  // Both levels once, so that neither pays for what is compiled at the first use.
  for (const level of ["info", "error"] as const) await runAt(level, nodes, file);

  const info: Run[] = [];
  const off: Run[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // Which one comes first changes: a trend over the whole run cancels out.
    const order = pair % 2 === 0 ? ["info", "error"] as const : ["error", "info"] as const;
    for (const level of order) (level === "info" ? info : off).push(await runAt(level, nodes, file));
    say(`pair ${pair + 1}: goodput ${ratioText(info[pair].goodput / off[pair].goodput)}`);
  }
  report(info, off);
}

async function runAt(level: "info" | "error", nodes: NodePair, file: string): Promise<Run> {
  for (const node of [nodes.sender, nodes.receiver]) {
    const { code, stderr } = await node.run("log", "level", level);
    if (code !== 0) throw new Error(`wraith log level: ${stderr.trim()}`);
  }
  const before = await readings(nodes);
  const { bytes, sender, receiver } = await sendMeasured(nodes, file);
  const after = await readings(nodes);
  await Deno.remove(join(nodes.receivedDir, "bench.bin"));
  return {
    goodput: bytes / (after.seconds - before.seconds),
    cpuPerGb: ((sender.cpuMs ?? NaN) + (receiver.cpuMs ?? NaN)) / 1_000 / (bytes / 1e9),
    lines: after.lines - before.lines,
  };
}

/** The receiver's time in transfers, from the accepted offer to the file in its place, and both nodes' log lines. */
async function readings({ sender, receiver }: NodePair): Promise<{ seconds: number; lines: number }> {
  const seconds = await receiver.metric('wraith_transfer_duration_seconds_sum{direction="receive"}');
  const lines = await Promise.all(
    [sender, receiver].map((node) => node.metric('wraith_log_lines_total{level="info"}')),
  );
  if (seconds === null) throw new Error("the receiver has no wraith_transfer_duration_seconds");
  return { seconds, lines: lines.reduce<number>((sum, count) => sum + (count ?? 0), 0) };
}

function report(info: readonly Run[], off: readonly Run[]): void {
  const ratiosOf = (figure: "goodput" | "cpuPerGb") => info.map((run, i) => run[figure] / off[i][figure]);
  const [goodput, cpu] = [summary(ratiosOf("goodput")), summary(ratiosOf("cpuPerGb"))];
  const mean = (runs: readonly Run[], figure: keyof Run) =>
    runs.reduce((sum, run) => sum + run[figure], 0) / runs.length;
  say(`goodput, info against off:      ${summaryText(goodput)}`);
  say(`CPU per GB, info against off:   ${summaryText(cpu)}`);
  say(
    `on average: ${(mean(info, "goodput") / 1e6).toFixed(1)} and ${
      (mean(off, "goodput") / 1e6).toFixed(1)
    } MB/s, ` +
      `${mean(info, "cpuPerGb").toFixed(2)} and ${
        mean(off, "cpuPerGb").toFixed(2)
      } CPU s/GB of both nodes, ` +
      `${mean(info, "lines").toFixed(1)} and ${mean(off, "lines").toFixed(1)} lines a transfer`,
  );
  if (options.json) {
    Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ goodput, cpu, info, off })}\n`));
  }
}

interface Summary {
  readonly median: number;
  /** 95 % interval of the median, by resampling the pairs. */
  readonly low: number;
  readonly high: number;
}

function summary(ratios: readonly number[]): Summary {
  const medians = Array.from(
    { length: 10_000 },
    () => medianOf(ratios.map(() => ratios[Math.floor(Math.random() * ratios.length)])),
  ).sort((a, b) => a - b);
  return { median: medianOf(ratios), low: medians[250], high: medians[9_749] };
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function summaryText({ median, low, high }: Summary): string {
  return `${ratioText(median)} (95 % of ${ratioText(low)} to ${ratioText(high)})`;
}

function ratioText(ratio: number): string {
  return ratio.toFixed(3);
}

function positive(name: "pairs" | "size-mib"): number {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  say(`log_goodput: --${name}: expected a whole number above 0, found ${options[name]}`);
  Deno.exit(2);
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
