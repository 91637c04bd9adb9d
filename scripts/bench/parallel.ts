/**
 * Section `parallel`: the same bytes in 1, 10 and 100 transfers at a time.
 *
 * @module
 */

import { join } from "node:path";
import { generateFile, hashFile } from "../../src/node/benchmark/sample_file.ts";
import type { BenchBackend } from "../../src/node/benchmark/machine.ts";
import { quantile } from "../../src/node/benchmark/statistics.ts";
import { ControlClient } from "../../src/node/control_client.ts";
import type { TransferDocument } from "../../src/node/transfer_documents.ts";
import { type NodePair, startPair, usageOf } from "../loopback_transfer.ts";
import { backendSettings, benchBackends } from "./backends.ts";
import { type BenchContext, byEffort, type Cell, type Section } from "./section.ts";

type Row = Readonly<Record<string, Cell>>;

export const parallel: Section = {
  name: "parallel",
  about: "1, 10 and 100 transfers at a time",
  async run(context) {
    const rows: Row[] = [];
    for (const backend of await benchBackends(context)) {
      const bytes = context.size ?? byEffort(context, SIZES[backend]);
      for (const count of [1, 10, 100]) rows.push(await measure(context, backend, count, bytes));
    }
    return [{
      name: "transfers",
      caption:
        "Files over loopback from one node to another, all started together through the sender's control " +
        "socket; times from the start. CPU is that of both nodes.",
      columns: [
        { key: "backend", heading: "backend" },
        { key: "count", heading: "transfers" },
        { key: "mebibytes", heading: "MiB in all" },
        { key: "rate", heading: "MB/s", digits: 1 },
        { key: "seconds", heading: "last done, s", digits: 2 },
        { key: "firstSeconds", heading: "first done, s", digits: 2 },
        { key: "cpuPerGib", heading: "CPU s/GiB", digits: 2 },
        { key: "peakRss", heading: "larger peak, MB", digits: 0 },
      ],
      rows,
    }];
  },
};

async function measure(
  context: BenchContext,
  backend: BenchBackend,
  count: number,
  totalBytes: number,
): Promise<Row> {
  const each = Math.floor(totalBytes / count);
  const room = await context.room(2 * totalBytes);
  const files: { readonly path: string; readonly hash: string }[] = [];
  for (let i = 0; i < count; i++) {
    const path = join(room.path, `sample-${i}.bin`);
    files.push({ path, hash: await generateFile(path, each) });
  }
  const settings = [`transfer.max_parallel=${count}`, ...backendSettings(backend), ...context.settings];
  await using pair = await startPair(room.path, context.program, settings);
  // One client for all: a process that opens many at once waits seconds for some of them (Deno 2.9).
  using client = new ControlClient(pair.sender.dataDir);
  const cpuBefore = cpuMs(pair);
  const began = performance.now();
  const done = await Promise.all(files.map(async ({ path }) => {
    await sendThrough(client, pair, path);
    return (performance.now() - began) / 1_000;
  }));
  const cpuSeconds = (cpuMs(pair) - cpuBefore) / 1_000;
  for (const { path, hash } of files) {
    const copy = path.replace(room.path, pair.receivedDir);
    if (await hashFile(copy) !== hash) throw new Error(`${copy} differs`);
  }
  await Promise.all(
    [...files.map(({ path }) => path), pair.receivedDir].map((path) =>
      Deno.remove(path, { recursive: true })
    ),
  );
  const seconds = quantile(done, 1);
  context.say(`${backend}, ${count} at a time: ${seconds.toFixed(2)} s`);
  const peaks = [pair.sender, pair.receiver].map(({ pid }) => usageOf(pid).peakRssBytes ?? NaN);
  return {
    backend,
    count,
    mebibytes: totalBytes / 2 ** 20,
    rate: each * count / 1e6 / seconds,
    seconds,
    firstSeconds: quantile(done, 0),
    cpuPerGib: cpuSeconds / (each * count / 2 ** 30),
    peakRss: Math.max(...peaks) / 1e6,
  };
}

async function sendThrough(client: ControlClient, pair: NodePair, path: string): Promise<void> {
  let last: TransferDocument | null = null;
  const body = { paths: [path], to: pair.receiver.address };
  for await (
    const document of client.stream<TransferDocument>("/v1/send", body, new AbortController().signal)
  ) {
    last = document;
  }
  if (last?.state !== "completed") throw new Error(`a transfer was ${last?.state}: ${last?.message}`);
}

function cpuMs({ sender, receiver }: NodePair): number {
  return [sender, receiver].reduce((sum, { pid }) => sum + (usageOf(pid).cpuMs ?? NaN), 0);
}

const MIB = 2 ** 20;
const SIZES = {
  native: { quick: 32 * MIB, normal: 1_024 * MIB, full: 1_024 * MIB },
  portable: { quick: 16 * MIB, normal: 256 * MIB, full: 1_024 * MIB },
};
