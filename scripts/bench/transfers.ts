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
import { FROM_SOURCE, generateFile, type NodePair, sendMeasured, startPair } from "../loopback_transfer.ts";

const { values } = parseArgs({
  options: { gib: { type: "string", default: "5" }, files: { type: "string", default: "10000" } },
});

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
    await Deno.remove(each.path, { recursive: true });
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
  await Deno.remove(pair.receivedDir, { recursive: true });
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
  measure(tool: Tool, each: Case): Promise<Row>;
}

/** A server on loopback that lets only our key in, or one without tools and the reason said. */
async function startSsh(base: string): Promise<Ssh> {
  const sshd = await findProgram("sshd", ["/usr/sbin", "/usr/local/sbin"]);
  const none: Ssh = {
    tools: [],
    measure: () => Promise.reject(new Error("no tool to measure")),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  if (sshd === null) {
    say("no scp and rsync beside it: sshd is not installed here");
    return none;
  }
  const home = join(base, "ssh");
  await Deno.mkdir(home, { mode: 0o700 });
  const [hostKey, userKey] = [join(home, "host"), join(home, "user")];
  for (const key of [hostKey, userKey]) await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  await Deno.copyFile(`${userKey}.pub`, join(home, "authorized"));
  const port = freePort();
  const options = [
    `Port=${port}`,
    "ListenAddress=127.0.0.1",
    `HostKey=${hostKey}`,
    `AuthorizedKeysFile=${join(home, "authorized")}`,
    "StrictModes=no",
    "UsePAM=no",
    "PasswordAuthentication=no",
    `PidFile=${join(home, "pid")}`,
    "Subsystem=sftp internal-sftp",
  ];
  const server = new Deno.Command(sshd, {
    args: ["-D", "-e", "-f", "/dev/null", ...options.flatMap((option) => ["-o", option])],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  await listening(port);
  const client = [
    "-i",
    userKey,
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-q",
  ];
  const target = join(home, "received");
  const words: Record<Tool, (path: string) => [string, string[]]> = {
    scp: (path) => ["scp", ["-rp", "-P", `${port}`, ...client, path, `127.0.0.1:${target}/`]],
    rsync: (path) => [
      "rsync",
      ["-a", "-e", ["ssh", "-p", `${port}`, ...client].join(" "), path, `127.0.0.1:${target}/`],
    ],
  };
  const tools: Tool[] = ["scp"];
  if (await findProgram("rsync", []) !== null) tools.push("rsync");
  else say("no rsync beside it: it is not installed here");
  return {
    tools,
    async measure(tool, { name, path, bytes }) {
      await Deno.mkdir(target, { recursive: true });
      const began = performance.now();
      await run(...words[tool](path));
      const wallMs = performance.now() - began;
      await Deno.remove(target, { recursive: true });
      return {
        what: name,
        tool,
        seconds: wallMs / 1_000,
        megabitsPerSecond: bytes * 8 / wallMs / 1_000,
        senderCpuSeconds: null,
        receiverCpuSeconds: null,
        peakRssMegabytes: null,
      };
    },
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await server.status;
    },
  };
}

async function findProgram(name: string, moreFolders: readonly string[]): Promise<string | null> {
  for (const directory of [...(Deno.env.get("PATH") ?? "").split(":"), ...moreFolders]) {
    try {
      if ((await Deno.stat(join(directory, name))).isFile) return join(directory, name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr).trim()}`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (attempt === 50) throw new Error("the ssh server did not start", { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
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
