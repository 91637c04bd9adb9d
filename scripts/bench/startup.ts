/**
 * Section `startup`: from the start of the process to a node that serves, and what it takes while it rests.
 *
 * @module
 */

import { join } from "node:path";
import { quantile } from "../../src/node/benchmark/statistics.ts";
import { NodeProcess, type ProgramWords, runWraith } from "../../tests/support/wraith_process.ts";
import { benchPrograms } from "./programs.ts";
import { processUse } from "./process_use.ts";
import { type BenchContext, byEffort, type Cell, type Section } from "./section.ts";

type Row = Readonly<Record<string, Cell>>;

export const startup: Section = {
  name: "startup",
  about: "start to ready, a command's time, memory and CPU of an idle node",
  async run(context) {
    const starts = context.runs ?? byEffort(context, { quick: 2, normal: 10, full: 30 });
    const restMs = byEffort(context, { quick: 1_000, normal: 10_000, full: 30_000 });
    const rows: Row[] = [];
    for (const [name, program] of await benchPrograms(context)) {
      rows.push(await measure(context, name, program, starts, restMs));
    }
    return [{
      name: "idle",
      caption:
        `${starts} starts of a node with DHT and monitoring on and an identity that is there, until it says ` +
        `that it has started (which systemd hears too); \`wraith status\` as a command of its own; then ` +
        `${restMs / 1_000} s of rest.`,
      columns: [
        { key: "program", heading: "program" },
        { key: "runtime", heading: "runtime" },
        { key: "readyP50", heading: "ready p50, ms", digits: 0 },
        { key: "readyMax", heading: "max, ms", digits: 0 },
        { key: "statusP50", heading: "`wraith status` p50, ms", digits: 0 },
        { key: "rss", heading: "idle resident, MB", digits: 1 },
        { key: "idleCpu", heading: "idle CPU, % of a core", digits: 2 },
      ],
      rows,
    }];
  },
};

async function measure(
  context: BenchContext,
  name: string,
  program: ProgramWords,
  starts: number,
  restMs: number,
): Promise<Row> {
  const { path } = await context.room(0);
  const surroundings = { program, workingDir: path };
  const dataDir = join(path, "node");
  // The first start makes the identity and, from source, fills the runtime's caches.
  await (await NodeProcess.start(dataDir, context.settings, surroundings))[Symbol.asyncDispose]();
  const ready: number[] = [], status: number[] = [];
  let rest: Row = {};
  for (let start = 0; start < starts; start++) {
    const began = Date.now();
    await using node = await NodeProcess.start(dataDir, context.settings, surroundings);
    const line = node.log.find(({ message }) => message === "Node started")!;
    ready.push(Date.parse(line.timestamp) - began);
    const asked = performance.now();
    await runWraith(["status", "--data-dir", dataDir], surroundings);
    status.push(performance.now() - asked);
    if (start === starts - 1) rest = { ...await atRest(node.pid, restMs), runtime: node.status.runtime };
  }
  return {
    program: name,
    readyP50: quantile(ready, 0.5),
    readyMax: quantile(ready, 1),
    statusP50: quantile(status, 0.5),
    ...rest,
  };
}

async function atRest(pid: number, restMs: number): Promise<Row> {
  const before = processUse(pid);
  await new Promise((resolve) => setTimeout(resolve, restMs));
  const after = processUse(pid);
  return {
    rss: after.rssBytes / 1e6,
    idleCpu: (after.cpuSeconds - before.cpuSeconds) / (restMs / 1_000) * 100,
  };
}
