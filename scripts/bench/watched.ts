/**
 * Section `watched`: what being looked at costs a transfer. The same file is sent alone, under a scrape a second, and
 * with a status page open on both nodes.
 *
 * Each round sends it in every way, in an order that turns round by round, and compares within the round, so that
 * what else the machine does mostly falls out of the ratio. The same is done to a node that rests, where the CPU time
 * of being looked at stands alone: on a busy machine that is the figure to trust.
 *
 * @module
 */

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { generateFile } from "../../src/node/benchmark/sample_file.ts";
import { median, quantile } from "../../src/node/benchmark/statistics.ts";
import { type NodePair, sendMeasured, startPair } from "../loopback_transfer.ts";
import { processUse } from "./process_use.ts";
import { type BenchContext, byEffort, type Section } from "./section.ts";

/** Looks at one node until `signal` aborts; rejects then. */
type Watching = (url: string, signal: AbortSignal) => Promise<void>;

const WAYS: Readonly<Record<string, Watching>> = {
  "nobody": (_url, signal) => delay(2 ** 31 - 1, undefined, { signal }),
  "a scrape a second": async (url, signal) => {
    for (;;) {
      await (await fetch(`${url}/metrics`, { signal })).arrayBuffer();
      await delay(1_000, undefined, { signal });
    }
  },
  "an open status page": async (url, signal) => {
    await (await fetch(url, { signal })).arrayBuffer();
    const events = await fetch(`${url}/events`, { signal });
    await events.body!.pipeTo(new WritableStream(), { signal });
  },
};
const NAMES = Object.keys(WAYS);
const ALONE = NAMES[0];

export const watched: Section = {
  name: "watched",
  about: "what a scrape a second or an open status page costs a transfer, and a node at rest",
  isExtra: true,
  async run(context) {
    const bytes = context.size ??
      byEffort(context, { quick: 64 * MIB, normal: 1_024 * MIB, full: 1_024 * MIB });
    const rounds = context.runs ?? byEffort(context, { quick: 1, normal: 9, full: 21 });
    const restSeconds = byEffort(context, { quick: 2, normal: 30, full: 60 });
    const room = await context.room(2 * bytes);
    await using pair = await startPair(room.path, context.program, context.settings);
    const resting = await watchResting(pair, restSeconds);
    const runs = await sendRounds(context, pair, join(room.path, "sample.bin"), bytes, rounds);
    return [{
      name: "cost",
      caption:
        `A file of ${
          bytes / MIB
        } MiB, ${rounds} rounds: the loss of goodput and the CPU time of both nodes ` +
        `together against the same round's run that nobody watched, medians and ranges. At rest: one node's share ` +
        `of a core over ${restSeconds} s.`,
      columns: [
        { key: "watched", heading: "watched by" },
        { key: "rate", heading: "MB/s", digits: 0 },
        { key: "loss", heading: "loss of goodput, %", digits: 1 },
        { key: "lossRange", heading: "from, to" },
        { key: "cpu", heading: "CPU, %", digits: 1 },
        { key: "cpuRange", heading: "from, to" },
        { key: "resting", heading: "at rest, % of a core", digits: 2 },
      ],
      rows: NAMES.map((name) => ({ watched: name, ...compared(runs, name, bytes), resting: resting[name] })),
    }];
  },
};

interface Run {
  readonly wallMs: number;
  /** Both nodes together. */
  readonly cpuMs: number;
}

type Round = Readonly<Record<string, Run>>;

async function sendRounds(
  context: BenchContext,
  pair: NodePair,
  file: string,
  bytes: number,
  count: number,
): Promise<Round[]> {
  const rounds: Round[] = [];
  // The first one warms both nodes up and is not counted.
  for (let round = 0; round <= count; round++) {
    context.say(`round ${round} of ${count}`);
    const runs: Record<string, Run> = {};
    for (let turn = 0; turn < NAMES.length; turn++) {
      const name = NAMES[(round + turn) % NAMES.length];
      await generateFile(file, bytes); // new content: what the receiver has already is not sent again
      runs[name] = await sendWatched(pair, file, WAYS[name]);
      await Deno.remove(pair.receivedDir, { recursive: true });
    }
    if (round > 0) rounds.push(runs);
  }
  return rounds;
}

async function sendWatched(pair: NodePair, file: string, watch: Watching): Promise<Run> {
  const urls = [pair.sender, pair.receiver].map((node) => node.status.monitoring_url!);
  return await whileWatched(urls, watch, async () => {
    const { wallMs, sender, receiver } = await sendMeasured(pair, file);
    return { wallMs, cpuMs: (sender.cpuMs ?? NaN) + (receiver.cpuMs ?? NaN) };
  });
}

/** The resting receiver's share of a core in each way, in percent. */
async function watchResting({ receiver }: NodePair, seconds: number): Promise<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (const name of NAMES) {
    shares[name] = await whileWatched([receiver.status.monitoring_url!], WAYS[name], async () => {
      await delay(WARM_UP_MS);
      const before = processUse(receiver.pid).cpuSeconds;
      await delay(seconds * 1_000);
      return (processUse(receiver.pid).cpuSeconds - before) / seconds * 100;
    });
  }
  return shares;
}

/** What `work` gives while every node at `urls` is watched. */
async function whileWatched<T>(urls: readonly string[], watch: Watching, work: () => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const watching = urls.map((url) =>
    watch(url, ending.signal).catch((error) => {
      if (!ending.signal.aborted) throw error;
    })
  );
  try {
    return await work();
  } finally {
    ending.abort();
    await Promise.all(watching);
  }
}

function compared(rounds: readonly Round[], name: string, bytes: number) {
  const rate = median(rounds.map((round) => bytes / 1_000 / round[name].wallMs));
  if (name === ALONE) return { rate };
  const losses = rounds.map((round) => (1 - round[ALONE].wallMs / round[name].wallMs) * 100);
  const cpu = rounds.map((round) => (round[name].cpuMs / round[ALONE].cpuMs - 1) * 100);
  const range = (values: readonly number[]) =>
    `${quantile(values, 0).toFixed(1)}, ${quantile(values, 1).toFixed(1)}`;
  return { rate, loss: median(losses), lossRange: range(losses), cpu: median(cpu), cpuRange: range(cpu) };
}

const WARM_UP_MS = 3_000;
const MIB = 2 ** 20;
