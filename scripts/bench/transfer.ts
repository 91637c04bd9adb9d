/**
 * Section `transfer`: one file from disk to verified disk over loopback, at each datagram size, and other programs
 * with the same file in the same run.
 *
 * @module
 */

import { join } from "node:path";
import { generateFile, hashFile } from "../../src/node/benchmark/sample_file.ts";
import { median, medianBy } from "../../src/node/benchmark/statistics.ts";
import { sendMeasured, startPair, type TransferFigures } from "../loopback_transfer.ts";
import type { BenchBackend } from "../../src/node/benchmark/machine.ts";
import type { ProgramWords } from "../../tests/support/wraith_process.ts";
import { benchBackends } from "./backends.ts";
import { PEERS } from "./peers/all.ts";
import { tcpLimit } from "./peers/iperf.ts";
import { measureCopy } from "./peers/peer.ts";
import { benchPrograms } from "./programs.ts";
import { type BenchContext, byEffort, type Cell, type Section, Unavailable } from "./section.ts";

export const transfer: Section = {
  name: "transfer",
  about: "a file over loopback at each datagram size, beside scp, rsync, Syncthing, croc and iperf3",
  async run(context) {
    const bytes = context.size ??
      byEffort(context, { quick: 32 * MIB, normal: 1_024 * MIB, full: 1_024 * MIB });
    const runs = context.runs ?? byEffort(context, { quick: 1, normal: 3, full: 5 });
    const room = await context.room(3 * bytes);
    const source: Sample = { path: join(room.path, "sample.bin"), bytes, hash: "" };
    source.hash = await generateFile(source.path, bytes);
    const rows: Row[] = [];
    const [[, program], ...otherPrograms] = await benchPrograms(context);
    for (const backend of await benchBackends(context)) {
      for (const datagram of ["1200", "1452", "8952", "auto"]) {
        const common = { program, backend, datagram, runs: backend === "portable" ? 1 : runs };
        rows.push(await ours(context, room.path, source, { ...common, what: `wraith, ${backend}` }));
      }
    }
    for (const [name, words] of otherPrograms) {
      const setup = { what: name, program: words, backend: "auto", datagram: "auto", runs } as const;
      rows.push(await ours(context, room.path, source, setup));
    }
    for (const [name, open] of Object.entries(PEERS)) {
      await attempt(context, name, async () => {
        rows.push(await theirs(name, open, room.path, source, runs));
      });
    }
    await attempt(context, "iperf3", async () => {
      const rate = await tcpLimit();
      rows.push({ what: "iperf3, TCP, no files", runs: 1, rate: rate / 1e6, seconds: bytes / rate });
    });
    return [{
      name: "loopback",
      caption:
        `A file of ${bytes / MIB} MiB that does not compress, from ${room.medium} to ${room.medium}; ` +
        `from the start of the command to the verified copy. Medians; CPU is that of both ends and of the command.`,
      columns: [
        { key: "what", heading: "what" },
        { key: "datagram", heading: "datagram" },
        { key: "runs", heading: "runs" },
        { key: "seconds", heading: "seconds", digits: 2 },
        { key: "rate", heading: "MB/s", digits: 0 },
        { key: "ratio", heading: "time / ours", digits: 2 },
        { key: "cpu", heading: "CPU s/GiB", digits: 2 },
        { key: "senderRss", heading: "sender peak, MB", digits: 0 },
        { key: "receiverRss", heading: "receiver peak, MB", digits: 0 },
      ],
      rows: withRatios(rows),
    }];
  },
};

type Row = Record<string, Cell> & { readonly seconds: number };

/** How our own nodes run. */
interface Setup {
  readonly what: string;
  readonly program: ProgramWords;
  readonly backend: "auto" | BenchBackend;
  /** `network.max_datagram`. */
  readonly datagram: string;
  readonly runs: number;
}

interface Sample {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256. */
  hash: string;
}

/** Each run has fresh nodes, so that peak memory and CPU time are its own. */
async function ours(
  context: BenchContext,
  folder: string,
  { path, bytes, hash }: Sample,
  { what, program, backend, datagram, runs }: Setup,
): Promise<Row> {
  const all: TransferFigures[] = [];
  const settings = [
    `network.max_datagram=${datagram}`,
    `network.backend=${backend}`,
    `crypto.backend=${backend}`,
    ...context.settings,
  ];
  for (let run = 0; run < runs; run++) {
    const home = await Deno.makeTempDir({ dir: folder });
    await using pair = await startPair(home, program, settings);
    all.push(await sendMeasured(pair, path));
    if (await hashFile(join(pair.receivedDir, "sample.bin")) !== hash) {
      throw new Error("the received file differs");
    }
    await Deno.remove(pair.receivedDir, { recursive: true });
  }
  const figures = medianBy(all, ({ wallMs }) => wallMs);
  const seconds = figures.wallMs / 1_000;
  context.say(`${what}, datagrams ${datagram}: ${seconds.toFixed(2)} s`);
  return {
    what,
    datagram: datagram === "auto" ? "free" : datagram,
    runs,
    seconds,
    rate: bytes / 1e6 / seconds,
    cpu: cpuSeconds(figures) / (bytes / 2 ** 30),
    senderRss: megabytes(Math.max(...all.map(({ sender }) => sender.peakRssBytes ?? NaN))),
    receiverRss: megabytes(Math.max(...all.map(({ receiver }) => receiver.peakRssBytes ?? NaN))),
  };
}

/** Both ends and the command. */
export function cpuSeconds({ sender, receiver, commandCpuMs }: TransferFigures): number {
  return ((sender.cpuMs ?? NaN) + (receiver.cpuMs ?? NaN) + (commandCpuMs ?? NaN)) / 1_000;
}

async function theirs(
  name: string,
  open: typeof PEERS[string],
  folder: string,
  { path, bytes, hash }: Sample,
  runs: number,
): Promise<Row> {
  const home = await Deno.makeTempDir({ dir: folder });
  const all: { readonly seconds: number; readonly cpuSeconds: number }[] = [];
  try {
    await using peer = await open(home);
    for (let run = 0; run < runs; run++) {
      const figures = await measureCopy(peer, path);
      if (await hashFile(figures.copy) !== hash) throw new Error(`${name}'s copy differs`);
      await Deno.remove(figures.copy);
      all.push(figures);
    }
  } finally {
    await Deno.remove(home, { recursive: true });
  }
  const seconds = median(all.map((run) => run.seconds));
  const cpu = median(all.map((run) => run.cpuSeconds)) / (bytes / 2 ** 30);
  return { what: name, runs, seconds, rate: bytes / 1e6 / seconds, cpu };
}

/** Times against ours at the free datagram size, which is how a node runs by default. */
function withRatios(rows: readonly Row[]): readonly Row[] {
  const own = rows.findLast(({ what, datagram }) => `${what}`.startsWith("wraith") && datagram === "free");
  return own === undefined ? rows : rows.map((row) => ({ ...row, ratio: row.seconds / own.seconds }));
}

/** A peer that is missing or fails is a line; the others go on. */
async function attempt(context: BenchContext, name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.skip(
      `${name}: ${error instanceof Unavailable || error instanceof Error ? error.message : error}`,
    );
  }
}

function megabytes(bytes: number): number {
  return bytes / 1e6;
}

const MIB = 2 ** 20;
