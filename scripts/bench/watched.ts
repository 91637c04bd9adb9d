/**
 * What being looked at costs a transfer: the same file sent alone, under a scrape a second, and with a status page
 * open on both nodes.
 *
 * `deno run -A scripts/bench/watched.ts [--rounds 7] [--size-mib 1024] [--rest-seconds 20] [--program dist/wraith] [--json]`
 *
 * Each round sends the file in every way, in an order that turns round by round, and compares within the round:
 * what else the machine does mostly falls out of the ratio. Before that the same is done to a node that rests, where
 * the CPU time of being looked at stands alone: on a busy machine that is the figure to trust.
 *
 * @module
 */

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  FROM_SOURCE,
  generateFile,
  type NodePair,
  sendMeasured,
  startPair,
  usageOf,
} from "../loopback_transfer.ts";

/** Looks at one node until `signal` aborts. */
type Watching = (url: string, signal: AbortSignal) => Promise<void>;

const WAYS: Readonly<Record<string, Watching>> = {
  alone: () => Promise.resolve(),
  scraped: async (url, signal) => {
    while (!signal.aborted) {
      await (await fetch(`${url}/metrics`, { signal })).arrayBuffer();
      await delay(1_000, undefined, { signal });
    }
  },
  page: async (url, signal) => {
    await (await fetch(url, { signal })).arrayBuffer();
    const events = await fetch(`${url}/events`, { signal });
    for await (const _chunk of events.body!) if (signal.aborted) return;
  },
};

interface Run {
  readonly wallMs: number;
  /** Both nodes together. */
  readonly cpuMs: number;
}

async function sendWatched(pair: NodePair, file: string, watch: Watching): Promise<Run> {
  const ending = new AbortController();
  const watching = [pair.sender, pair.receiver].map((node) =>
    watch(node.status.monitoring_url!, ending.signal).catch((error) => {
      if (!ending.signal.aborted) throw error;
    })
  );
  try {
    const { wallMs, sender, receiver } = await sendMeasured(pair, file);
    return { wallMs, cpuMs: (sender.cpuMs ?? NaN) + (receiver.cpuMs ?? NaN) };
  } finally {
    ending.abort();
    await Promise.all(watching);
  }
}

/** The share of a core that the resting receiver uses in each way, in percent. */
async function watchResting(pair: NodePair, seconds: number): Promise<Record<string, number>> {
  const { pid, status } = pair.receiver;
  const shares: Record<string, number> = {};
  for (const [name, watch] of Object.entries(WAYS)) {
    const ending = new AbortController();
    const watching = watch(status.monitoring_url!, ending.signal).catch((error) => {
      if (!ending.signal.aborted) throw error;
    });
    await delay(WARM_UP_MS);
    const before = usageOf(pid).cpuMs ?? NaN;
    await delay(seconds * 1_000);
    shares[name] = ((usageOf(pid).cpuMs ?? NaN) - before) / (seconds * 10);
    ending.abort();
    await watching;
  }
  return shares;
}

/** Each round's ratio to the run alone, sorted. */
interface Compared {
  readonly goodput: readonly number[];
  readonly cpu: readonly number[];
}

function compare(rounds: readonly Readonly<Record<string, Run>>[], way: string): Compared {
  const ratios = (of: (round: Readonly<Record<string, Run>>) => number) =>
    rounds.map((round) => of(round)).toSorted((a, b) => a - b);
  return {
    goodput: ratios((round) => round.alone.wallMs / round[way].wallMs),
    cpu: ratios((round) => round[way].cpuMs / round.alone.cpuMs),
  };
}

function said(ratios: readonly number[]): string {
  const percent = (ratio: number) => `${((ratio - 1) * 100).toFixed(1)} %`;
  const median = ratios[ratios.length >> 1];
  return `${percent(median)} (${percent(ratios[0])} to ${percent(ratios.at(-1)!)})`;
}

const WARM_UP_MS = 3_000;

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      rounds: { type: "string", default: "7" },
      "size-mib": { type: "string", default: "1024" },
      "rest-seconds": { type: "string", default: "20" },
      program: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const bytes = Number(values["size-mib"]) * 1_048_576;
  const folder = await Deno.makeTempDir({ prefix: "wraith-watched-" });
  try {
    const program = values.program === undefined
      ? FROM_SOURCE
      : [await Deno.realPath(values.program)] as const;
    await using pair = await startPair(folder, program);
    const resting = await watchResting(pair, Number(values["rest-seconds"]));
    const file = join(folder, "sent.bin");
    const names = Object.keys(WAYS);
    const rounds: Record<string, Run>[] = [];
    // The first round warms both nodes up and is not counted.
    for (let round = 0; round <= Number(values.rounds); round++) {
      const runs: Record<string, Run> = {};
      for (let turn = 0; turn < names.length; turn++) {
        const name = names[(round + turn) % names.length];
        await generateFile(file, bytes); // new content: what the receiver has already is not sent again
        runs[name] = await sendWatched(pair, file, WAYS[name]);
        await Deno.remove(pair.receivedDir, { recursive: true });
        await Deno.mkdir(pair.receivedDir);
      }
      if (round > 0) rounds.push(runs);
    }
    const [scraped, page] = [compare(rounds, "scraped"), compare(rounds, "page")];
    const goodput = rounds.map(({ alone }) => bytes / 1_000 / alone.wallMs).toSorted((a, b) => a - b);
    const share = (way: string) => `${(resting[way] - resting.alone).toFixed(2)} % of a core`;
    const text = values.json ? JSON.stringify({ watched: { resting, bytes, rounds, scraped, page } }) : [
      `alone: ${
        goodput[goodput.length >> 1].toFixed(1)
      } MB/s, median of ${rounds.length} rounds of ${bytes} bytes`,
      `at rest: a scrape a second costs ${share("scraped")}, an open status page ${share("page")}`,
      `a scrape of each node every second: goodput ${said(scraped.goodput)}, CPU ${said(scraped.cpu)}`,
      `a status page open on each node: goodput ${said(page.goodput)}, CPU ${said(page.cpu)}`,
    ].join("\n");
    await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
