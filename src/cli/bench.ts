/**
 * `wraith bench`: what this machine does in cryptography, sockets and a transfer, portable and native.
 *
 * @module
 */

import { resolve } from "node:path";
import { tmpdir } from "node:os";
import { readBuildInfo } from "../build_info.ts";
import {
  BENCH_PARTS,
  type BenchPart,
  type MachineFigures,
  measureMachine,
  type SocketFigures,
  type TransferSpeed,
} from "../node/benchmark/machine.ts";
import type { PrimitiveFigures } from "../node/benchmark/primitives.ts";
import { type Command, CommandError, EXIT, JSON_OPTION } from "./command.ts";
import { type Column, shownBytes, shownDuration, shownRate, textTable } from "./text_table.ts";

export const bench: Command = {
  name: "bench",
  summary: "Measure cryptography, sockets and a transfer on this machine",
  details:
    "Takes about 15 seconds and needs no running node. Sockets and transfer go over loopback, with both " +
    "ends in this one process: two machines share the work. The transfer goes from file to verified file in the " +
    "folder of --dir.",
  arguments: [{
    name: "PART",
    about: "what to measure; everything by default",
    variadic: true,
    optional: true,
    choices: BENCH_PARTS,
  }],
  options: [
    {
      name: "dir",
      value: "DIR",
      about: "where the transfer's files go, and are removed from",
      completes: "directories",
    },
    JSON_OPTION,
  ],
  async run({ args, options, stdout, stderr, signal, workingDir }) {
    const folder = resolve(workingDir, options.value("dir") ?? tmpdir());
    await requireWritable(folder);
    const parts = args.length === 0 ? BENCH_PARTS : args as readonly BenchPart[];
    const say = (what: string) =>
      stderr.write(stderr.isTerminal ? `\rmeasuring ${what}\x1b[K` : `measuring ${what}\n`);
    const figures = await measureMachine({ parts, folder, signal, say });
    if (stderr.isTerminal) stderr.write("\r\x1b[K");
    stdout.write(
      options.flag("json") ? `${JSON.stringify(documentOf(figures, folder))}\n` : shown(figures, folder),
    );
    return EXIT.success;
  },
};

/** Says what is wrong with the folder before anything is measured. */
async function requireWritable(folder: string): Promise<void> {
  try {
    await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: "wraith-bench-" }));
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "no such folder"
      : error instanceof Deno.errors.NotCapable
      ? "this program may not write there (/dev, /proc and /sys are closed to it)"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new CommandError(`cannot measure in ${folder}: ${reason}; give another with --dir`, EXIT.failure, {
      cause: error,
    });
  }
}

function documentOf({ primitives, sockets, transfers, skipped }: MachineFigures, folder: string) {
  const { version, revision } = readBuildInfo();
  return {
    version,
    revision,
    runtime: `deno ${Deno.version.deno}`,
    platform: Deno.build.target,
    processors: navigator.hardwareConcurrency,
    folder,
    crypto: primitives.map(({ suite, operation, us, bytes }) => ({
      suite,
      operation,
      microseconds: us,
      bytes,
    })),
    sockets: sockets.map((row) => ({
      backend: row.backend,
      packet_bytes: row.packetBytes,
      datagrams_per_second: row.datagramsPerSecond,
      bits_per_second: row.bitsPerSecond,
      loss_ratio: row.lossRatio,
    })),
    transfers: transfers.map((row) => ({
      backend: row.backend,
      bytes: row.bytes,
      seconds: row.seconds,
      bytes_per_second: row.bytesPerSecond,
      cpu_seconds: row.cpuSeconds,
    })),
    skipped,
  };
}

function shown({ primitives, sockets, transfers, skipped }: MachineFigures, folder: string): string {
  const { version, revision } = readBuildInfo();
  const machine = `${Deno.build.target}, ${navigator.hardwareConcurrency} processors`;
  return [
    `wraith ${version} (${revision}, deno ${Deno.version.deno}) on ${machine}\n`,
    skipped.map((line) => `not measured: ${line}\n`).join(""),
    primitives.length === 0 ? "" : `\nCryptography, the best of many rounds\n${primitiveTable(primitives)}`,
    sockets.length === 0 ? "" : `\nSockets over loopback, both ends in this process\n${socketTable(sockets)}`,
    transfers.length === 0
      ? ""
      : `\nA file over loopback, both ends in this process, in ${folder}\n${transferTable(transfers)}`,
  ].join("");
}

/** An operation a line, a suite a column, and the last column against the first. */
export function primitiveTable(rows: readonly PrimitiveFigures[]): string {
  const suites = [...new Set(rows.map((row) => row.suite))];
  const operations = [...new Set(rows.map((row) => row.operation))];
  const lines = operations.map((operation) => {
    const cells = suites.map((suite) =>
      rows.find((row) => row.suite === suite && row.operation === operation)
    );
    return [operation, ...cells.map(primitiveCell), gain(cells.at(-1)?.us, cells[0]?.us)];
  });
  return textTable([
    { heading: "OPERATION" },
    ...suites.map((suite) => right(suite.toUpperCase())),
    right("GAIN"),
  ], lines);
}

function primitiveCell(figures: PrimitiveFigures | undefined): string {
  if (figures === undefined) return "-";
  const { us, bytes } = figures;
  const time = us < 1_000 ? `${us.toPrecision(3)} us` : `${(us / 1_000).toPrecision(3)} ms`;
  return bytes === null ? time : `${time} (${(bytes / us).toFixed(0)} MB/s)`;
}

function socketTable(rows: readonly SocketFigures[]): string {
  const sizes = [...new Set(rows.map((row) => row.packetBytes))];
  const lines = sizes.map((size) => {
    const [portable, native] = (["portable", "native"] as const).map((backend) =>
      rows.find((row) => row.packetBytes === size && row.backend === backend)
    );
    const cell = (row: SocketFigures | undefined) =>
      row === undefined ? "-" : `${row.datagramsPerSecond.toFixed(0)}/s, ${shownRate(row.bitsPerSecond / 8)}`;
    return [`${size}`, cell(portable), cell(native), gain(portable?.bitsPerSecond, native?.bitsPerSecond)];
  });
  return textTable([right("DATAGRAM"), right("PORTABLE"), right("NATIVE"), right("GAIN")], lines);
}

function transferTable(rows: readonly TransferSpeed[]): string {
  const slowest = rows[0].bytesPerSecond;
  const lines = rows.map((row) => [
    row.backend,
    shownBytes(row.bytes),
    shownDuration(row.seconds * 1_000),
    shownRate(row.bytesPerSecond),
    `${(row.cpuSeconds / (row.bytes / 1e9)).toFixed(1)} s/GB`,
    row === rows[0] ? "" : gain(slowest, row.bytesPerSecond),
  ]);
  return textTable(
    [
      { heading: "BACKEND" },
      right("SIZE"),
      right("TIME"),
      right("RATE"),
      right("CPU, BOTH ENDS"),
      right("GAIN"),
    ],
    lines,
  );
}

function right(heading: string): Column {
  return { heading, align: "right" };
}

function gain(less: number | undefined, more: number | undefined): string {
  return less === undefined || more === undefined ? "" : `${(more / less).toFixed(1)}x`;
}
