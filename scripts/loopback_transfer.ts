/**
 * Two nodes on this machine and one file across, measured: what the demo shows and the benchmark reports.
 *
 * @module
 */

import { join } from "node:path";
import { NodeProcess, type ProgramWords, runWraith } from "../tests/support/wraith_process.ts";
import { endedChildrenCpuSeconds, processUse } from "./bench/process_use.ts";

export { generateFile, hashFile } from "../src/node/benchmark/sample_file.ts";

/** The program from its sources, with the permissions of the executable. */
export const FROM_SOURCE: ProgramWords = [
  Deno.execPath(),
  "run",
  "--no-prompt",
  ...["net", "read", "write", "env", "sys", "ffi"].map((name) => `--allow-${name}`),
  new URL("../main.ts", import.meta.url).pathname,
];

/** What one transfer cost. */
export interface TransferFigures {
  readonly bytes: number;
  /** From the start of `wraith send` to its end: with its start-up, the offer, and the receiver's confirmation. */
  readonly wallMs: number;
  readonly sender: ProcessFigures;
  readonly receiver: ProcessFigures;
  /** The command's own CPU time. Null where the system does not tell. */
  readonly commandCpuMs: number | null;
}

/** One node's share of it. Null where the system does not tell. */
export interface ProcessFigures {
  readonly cpuMs: number | null;
  readonly peakRssBytes: number | null;
}

/** A sender and a receiver, started in `folder`. */
export interface NodePair extends AsyncDisposable {
  readonly sender: NodeProcess;
  readonly receiver: NodeProcess;
  readonly receivedDir: string;
  readonly program: ProgramWords;
}

/** Starts both. `settings` go to both. */
export async function startPair(
  folder: string,
  program: ProgramWords,
  settings: readonly string[] = [],
): Promise<NodePair> {
  await using undo = new AsyncDisposableStack();
  const surroundings = { program, workingDir: folder };
  const common = ["dht.enabled=false", ...settings];
  const receivedDir = join(folder, "received");
  const sender = undo.use(await NodeProcess.start(join(folder, "sender"), common, surroundings));
  const known = [
    `transfer.known_peers=${sender.status.peer_id}`,
    `transfer.output_dir=${receivedDir}`,
  ];
  const receiver = undo.use(
    await NodeProcess.start(join(folder, "receiver"), [...common, ...known], surroundings),
  );
  const resources = undo.move();
  return { sender, receiver, receivedDir, program, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

/** Sends `file` from one to the other and measures. @throws when the command fails. */
export async function sendMeasured(pair: NodePair, file: string): Promise<TransferFigures> {
  const isLinux = Deno.build.os === "linux";
  const before = { sender: usageOf(pair.sender.pid), receiver: usageOf(pair.receiver.pid) };
  const commandsBefore = isLinux ? endedChildrenCpuSeconds() : 0;
  const began = performance.now();
  const { code, stderr } = await runWraith(
    ["send", file, "--to", pair.receiver.address, "--data-dir", pair.sender.dataDir],
    { program: pair.program, workingDir: pair.sender.dataDir, limitMs: SEND_LIMIT_MS },
  );
  const wallMs = performance.now() - began;
  if (code !== 0) throw new Error(`wraith send failed: ${stderr.trim()}`);
  const commandCpuMs = isLinux ? (endedChildrenCpuSeconds() - commandsBefore) * 1_000 : null;
  const share = (pid: number, earlier: ProcessFigures): ProcessFigures => {
    const now = usageOf(pid);
    return {
      cpuMs: now.cpuMs === null || earlier.cpuMs === null ? null : now.cpuMs - earlier.cpuMs,
      peakRssBytes: now.peakRssBytes,
    };
  };
  return {
    bytes: (await Deno.stat(file)).size,
    wallMs,
    sender: share(pair.sender.pid, before.sender),
    receiver: share(pair.receiver.pid, before.receiver),
    commandCpuMs,
  };
}

/** CPU time and peak memory of a process so far, from Linux's /proc. */
export function usageOf(pid: number): ProcessFigures {
  if (Deno.build.os !== "linux") return { cpuMs: null, peakRssBytes: null };
  const { cpuSeconds, peakRssBytes } = processUse(pid);
  return { cpuMs: cpuSeconds * 1_000, peakRssBytes };
}

/** 1 GiB at 2 MB/s: slower than any machine this is meant for. */
const SEND_LIMIT_MS = 600_000;
