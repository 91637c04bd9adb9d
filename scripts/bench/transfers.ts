/**
 * `deno run -A scripts/bench/transfers.ts [--gib N] [--files N]`: goodput, CPU and memory of typical transfers over
 * loopback, beside `scp` and `rsync` over ssh to localhost in the same run.
 *
 * The ssh server is one of our own, on a loopback port with a throwaway key; where OpenSSH's server or rsync is
 * missing, that column is left out with a line that says so.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { join } from "node:path";
import { requireTool, runTool } from "./external_tool.ts";
import { type SshServer, startSshd } from "./peers/ssh.ts";
import { descendants, endedChildrenCpuSeconds, processUse, treeCpuSeconds } from "./process_use.ts";
import { Unavailable } from "./section.ts";
import { FROM_SOURCE, generateFile, type NodePair, sendMeasured, startPair } from "../loopback_transfer.ts";

const { values } = parseArgs({
  options: { gib: { type: "string", default: "5" }, files: { type: "string", default: "10000" } },
});

const LOOK_INTERVAL_MS = 50;

interface Case {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** One line of the result. Null where it was not measured. */
interface Row {
  readonly what: string;
  readonly tool: string;
  readonly seconds: number;
  readonly megabitsPerSecond: number;
  readonly senderCpuSeconds: number | null;
  readonly receiverCpuSeconds: number | null;
  readonly peakRssMegabytes: number | null;
}

const folder = await Deno.makeTempDir({ prefix: "wraith-bench-" });
try {
  await using pair = await startPair(folder, FROM_SOURCE, ["transfer.accept=all"]);
  await using ssh = await startSsh(folder);
  const rows: Row[] = [];
  for (const each of await makeCases()) {
    rows.push(await measureWraith(pair, each));
    for (const tool of ssh.tools) rows.push(await ssh.measure(tool, each));
    // Only now: ext4 is slow to make files for seconds after many were removed, which is no tool's fault.
    for (const path of [each.path, pair.receivedDir, ssh.target]) {
      await Deno.remove(path, { recursive: true });
    }
  }
  report(rows);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function makeCases(): Promise<Case[]> {
  const small = join(folder, "small");
  const count = Number(values.files);
  await Deno.mkdir(small);
  for (let i = 0; i < count; i++) await generateFile(join(small, `${i}`), 4_096);

  const tree = join(folder, "tree");
  let treeBytes = 0;
  for (const directory of ["a/b", "a/c", "d/e", "d/f"]) {
    await Deno.mkdir(join(tree, directory), { recursive: true });
    for (const [i, bytes] of [100, 50_000, 3_000_000, 20_000_000].entries()) {
      await generateFile(join(tree, directory, `file ${i}`), bytes);
      treeBytes += bytes;
    }
  }

  const large = join(folder, "large.bin");
  const largeBytes = Math.round(Number(values.gib) * 2 ** 30);
  await generateFile(large, largeBytes);
  return [
    { name: `${count} files of 4 KiB`, path: small, bytes: 4_096 * count },
    { name: "a tree of 3 levels", path: tree, bytes: treeBytes },
    { name: `one file of ${values.gib} GiB`, path: large, bytes: largeBytes },
  ];
}

async function measureWraith(pair: NodePair, { name, path, bytes }: Case): Promise<Row> {
  const { wallMs, sender, receiver } = await sendMeasured(pair, path);
  const peaks = [sender.peakRssBytes, receiver.peakRssBytes].filter((each) => each !== null);
  return {
    what: name,
    tool: "wraith",
    seconds: wallMs / 1_000,
    megabitsPerSecond: bytes * 8 / wallMs / 1_000,
    senderCpuSeconds: sender.cpuMs === null ? null : sender.cpuMs / 1_000,
    receiverCpuSeconds: receiver.cpuMs === null ? null : receiver.cpuMs / 1_000,
    peakRssMegabytes: peaks.length === 0 ? null : Math.max(...peaks) / 1e6,
  };
}

type Tool = "scp" | "rsync";

interface Ssh extends AsyncDisposable {
  readonly tools: readonly Tool[];
  /** Where the copies go. */
  readonly target: string;
  measure(tool: Tool, each: Case): Promise<Row>;
}

/** A server on loopback that lets only our key in, or one without tools and the reason said. */
async function startSsh(base: string): Promise<Ssh> {
  const home = join(base, "ssh");
  await Deno.mkdir(home, { mode: 0o700 });
  const server = await ifInstalled("scp and rsync", () => startSshd(home));
  const tools: Tool[] = [];
  for (const tool of ["scp", "rsync"] as const) {
    if (server !== null && await ifInstalled(tool, () => requireTool(tool)) !== null) tools.push(tool);
  }
  const target = join(home, "received");
  await Deno.mkdir(target);
  const words = (tool: Tool, path: string, { port, client }: SshServer): string[] =>
    tool === "scp"
      ? ["-rp", "-P", `${port}`, ...client, path, `127.0.0.1:${target}/scp/`]
      : ["-a", "-e", ["ssh", "-p", `${port}`, ...client].join(" "), path, `127.0.0.1:${target}/rsync/`];
  return {
    tools,
    target,
    async measure(tool, { name, path, bytes }) {
      await Deno.mkdir(join(target, tool), { recursive: true });
      const cpu = () => [endedChildrenCpuSeconds(), treeCpuSeconds(server!.pid)];
      const [senderBefore, receiverBefore] = cpu();
      const peak = watchPeak();
      const began = performance.now();
      await runTool(tool, words(tool, path, server!));
      const wallMs = performance.now() - began;
      const [sender, receiver] = cpu();
      const peakRssBytes = peak.stop();
      return {
        what: name,
        tool,
        seconds: wallMs / 1_000,
        megabitsPerSecond: bytes * 8 / wallMs / 1_000,
        senderCpuSeconds: sender - senderBefore,
        receiverCpuSeconds: receiver - receiverBefore,
        peakRssMegabytes: peakRssBytes / 1e6,
      };
    },
    [Symbol.asyncDispose]: async () => await server?.[Symbol.asyncDispose](),
  };
}

/** Looks at the processes that begin from now on, until it is stopped: the largest peak of one, in bytes. */
function watchPeak(): { stop(): number } {
  const before = new Set(descendants());
  let peakBytes = 0;
  const timer = setInterval(() => {
    for (const pid of descendants().filter((each) => !before.has(each))) {
      try {
        // Not a number when the process is about to end.
        peakBytes = Math.max(peakBytes, processUse(pid).peakRssBytes || 0);
      } catch {
        // It has ended meanwhile.
      }
    }
  }, LOOK_INTERVAL_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peakBytes;
    },
  };
}

/** What `start` gives, or null and a line where something is not installed. */
async function ifInstalled<T>(what: string, start: () => Promise<T>): Promise<T | null> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    say(`no ${what} beside it: ${error.message}`);
    return null;
  }
}

function report(rows: readonly Row[]): void {
  const shown = (value: number | null, digits: number) => value === null ? "-" : value.toFixed(digits);
  say("| what | tool | s | Mbit/s | CPU s sender | CPU s receiver | peak RSS MB |");
  say("|---|---|---:|---:|---:|---:|---:|");
  for (const row of rows) {
    const numbers = [
      shown(row.seconds, 2),
      shown(row.megabitsPerSecond, 0),
      shown(row.senderCpuSeconds, 2),
      shown(row.receiverCpuSeconds, 2),
      shown(row.peakRssMegabytes, 0),
    ];
    say(`| ${row.what} | ${row.tool} | ${numbers.join(" | ")} |`);
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
