/**
 * Section `size`: what a transfer costs as the file grows.
 *
 * @module
 */

import { join } from "node:path";
import { generateFile } from "../../src/node/benchmark/sample_file.ts";
import { fitLine, medianBy } from "../../src/node/benchmark/statistics.ts";
import { drawPanels } from "../line_panels.ts";
import { sendMeasured, startPair, type TransferFigures } from "../loopback_transfer.ts";
import { type BenchContext, byEffort, type Section, type Table } from "./section.ts";
import { cpuSeconds } from "./transfer.ts";

interface Point {
  readonly bytes: number;
  readonly size: string;
  readonly medium: string;
  readonly seconds: number;
  readonly cpu: number;
  readonly senderRss: number;
  readonly receiverRss: number;
}

export const size: Section = {
  name: "size",
  about: "time, CPU and memory from 1 MiB to 1 GiB (10 GiB with --full)",
  async run(context) {
    const sizes = byEffort(context, {
      quick: [1, 4, 16],
      normal: [1, 4, 16, 64, 256, 1_024],
      full: [1, 4, 16, 64, 256, 1_024, 4_096, 10_240],
    });
    const points: Point[] = [];
    for (const mebibytes of sizes) points.push(await measure(context, mebibytes * MIB));
    return [pointTable(points, runsOf(context)), fitTable(points)];
  },
};

async function measure(context: BenchContext, bytes: number): Promise<Point> {
  const room = await context.room(2 * bytes);
  const file = join(room.path, "sample.bin");
  await generateFile(file, bytes);
  const runs: TransferFigures[] = [];
  for (let run = 0; run < (bytes > 1_024 * MIB ? 1 : runsOf(context)); run++) {
    const home = await Deno.makeTempDir({ dir: room.path });
    await using pair = await startPair(home, context.program, context.settings);
    runs.push(await sendMeasured(pair, file));
    await Deno.remove(pair.receivedDir, { recursive: true });
  }
  await Deno.remove(file);
  const figures = medianBy(runs, ({ wallMs }) => wallMs);
  context.say(`${shownSize(bytes)}: ${(figures.wallMs / 1_000).toFixed(2)} s`);
  return {
    bytes,
    size: shownSize(bytes),
    medium: room.medium,
    seconds: figures.wallMs / 1_000,
    cpu: cpuSeconds(figures),
    senderRss: (figures.sender.peakRssBytes ?? NaN) / 1e6,
    receiverRss: (figures.receiver.peakRssBytes ?? NaN) / 1e6,
  };
}

function pointTable(points: readonly Point[], runs: number): Table {
  const fitted = (title: string, key: "seconds" | "cpu") => {
    const { slope, intercept } = fitLine(points.map((point) => [point.bytes, point[key]]));
    const of = points.map((point) => [point.bytes, point[key]] as const);
    return {
      title,
      scale: "log" as const,
      series: [{ name: "", points: of, fit: (x: number) => intercept + slope * x }],
    };
  };
  const memory = (name: string, key: "senderRss" | "receiverRss") => ({
    name,
    points: points.map((point) => [point.bytes, point[key]] as const),
  });
  return {
    name: "points",
    caption: `\`wraith send\` over loopback, fresh nodes each time; medians of ${runs} (one above 1 GiB). ` +
      `CPU is that of both ends and of the command.`,
    columns: [
      { key: "size", heading: "size" },
      { key: "medium", heading: "files in" },
      { key: "seconds", heading: "seconds", digits: 3 },
      { key: "rate", heading: "MB/s", digits: 1 },
      { key: "cpu", heading: "CPU, s", digits: 2 },
      { key: "senderRss", heading: "sender peak, MB", digits: 0 },
      { key: "receiverRss", heading: "receiver peak, MB", digits: 0 },
    ],
    rows: points.map((point) => ({ ...point, rate: point.bytes / 1e6 / point.seconds })),
    chart: {
      file: "bench-size.svg",
      svg: drawPanels({
        title: "A transfer against the size of the file (dashed: the fitted line)",
        panels: [
          fitted("Seconds, start to verified copy", "seconds"),
          fitted("CPU seconds, both ends", "cpu"),
          {
            title: "Peak memory, MB",
            scale: "linear",
            series: [memory("sender", "senderRss"), memory("receiver", "receiverRss")],
          },
        ],
        shownX: shownSize,
      }),
    },
  };
}

function fitTable(points: readonly Point[]): Table {
  return {
    name: "fit",
    caption: "Time and CPU time as lines over the size.",
    columns: [
      { key: "what", heading: "what" },
      { key: "perGib", heading: "s/GiB", digits: 2 },
      { key: "intercept", heading: "s without a byte", digits: 2 },
      { key: "worstErrorPercent", heading: "worst error, %", digits: 0 },
    ],
    rows: (["seconds", "cpu"] as const).map((key) => {
      const { slope, intercept, worstError } = fitLine(points.map((point) => [point.bytes, point[key]]));
      return {
        what: key === "cpu" ? "CPU time" : "time",
        perGib: slope * 2 ** 30,
        intercept,
        worstErrorPercent: worstError * 100,
      };
    }),
  };
}

function runsOf(context: BenchContext): number {
  return context.runs ?? byEffort(context, { quick: 1, normal: 3, full: 5 });
}

function shownSize(bytes: number): string {
  return bytes < 1_024 * MIB ? `${bytes / MIB} MiB` : `${bytes / MIB / 1_024} GiB`;
}

const MIB = 2 ** 20;
