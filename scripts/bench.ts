/**
 * What a transfer over loopback costs: goodput, CPU time and memory at both ends.
 *
 * `deno task bench [--size-mib N] [--runs N] [--program FILE] [--set SECTION.KEY=VALUE]... [--json]`
 *
 * @module
 */

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  FROM_SOURCE,
  generateFile,
  hashFile,
  type ProcessFigures,
  sendMeasured,
  startPair,
  type TransferFigures,
} from "./loopback_transfer.ts";

const { values: options } = parseArgs({
  options: {
    "size-mib": { type: "string", default: "1024" },
    runs: { type: "string", default: "3" },
    program: { type: "string" },
    set: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
  },
});
const [bytes, runs] = [positive("size-mib") * 1_048_576, positive("runs")];

const folder = await Deno.makeTempDir({ prefix: "wraith-bench-" });
try {
  const file = join(folder, "bench.bin");
  const hash = await generateFile(file, bytes);
  const figures: TransferFigures[] = [];
  for (let run = 1; run <= runs; run++) figures.push(await runOnce(run, file, hash));
  report(figures);
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Each run has fresh nodes, so that peak memory and CPU time are its own. */
async function runOnce(run: number, file: string, hash: string): Promise<TransferFigures> {
  const home = join(folder, `run-${run}`);
  await Deno.mkdir(home);
  const program = options.program === undefined ? FROM_SOURCE : [resolve(options.program)] as const;
  await using pair = await startPair(home, program, options.set);
  const { crypto, sockets, runtime } = pair.sender.status;
  if (run === 1) say(`${runtime}, crypto ${crypto}, sockets ${sockets}, ${options["size-mib"]} MiB`);
  const figures = await sendMeasured(pair, file);
  const received = join(pair.receivedDir, "bench.bin");
  if (await hashFile(received) !== hash) throw new Error("the received file differs");
  await Deno.remove(received);
  say(`run ${run}: ${line(figures)}`);
  return figures;
}

function report(figures: readonly TransferFigures[]): void {
  const [median] = figures.toSorted((a, b) => a.wallMs - b.wallMs).slice(Math.floor(figures.length / 2));
  say(`median: ${line(median)}`);
  if (options.json) Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(figures)}\n`));
}

function line(figures: TransferFigures): string {
  const goodput = figures.bytes / 1e6 / (figures.wallMs / 1_000);
  const share = (name: string, { cpuMs, peakRssBytes }: ProcessFigures) => {
    const cpu = cpuMs === null ? "?" : (cpuMs / 1_000 / (figures.bytes / 1e9)).toFixed(1);
    const rss = peakRssBytes === null ? "?" : (peakRssBytes / 1e6).toFixed(0);
    return `${name} ${cpu} CPU s/GB, ${rss} MB peak`;
  };
  return `${goodput.toFixed(1)} MB/s; ${share("sender", figures.sender)}; ${
    share("receiver", figures.receiver)
  }`;
}

function positive(name: "size-mib" | "runs"): number {
  const value = Number(options[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  say(`bench: --${name}: expected a whole number above 0, found ${options[name]}`);
  Deno.exit(2);
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
