/**
 * What sessions cost: handshakes in a row, handshakes a second, and sessions that do nothing.
 *
 * `deno task bench:sessions [COUNT]` (default 1000) prints a table, portable and native in the same run.
 *
 * @module
 */

import { parseAddress } from "../../src/net/address.ts";
import { type BenchBackend, openBenchDriver, type ProcessUse, processUse } from "./session_host.ts";

interface SessionRow {
  readonly backend: BenchBackend;
  readonly handshakeP50Ms: number;
  readonly handshakeP99Ms: number;
  readonly handshakesPerSecond: number;
  /** At the responder. */
  readonly bytesPerIdleSession: number;
  /** Of one core, at the responder. */
  readonly idleCpuPercent: number;
}

/** How many handshakes are under way at once when throughput is measured. */
const PARALLEL = 32;
const IDLE_MS = 10_000;

async function measure(backend: BenchBackend, count: number): Promise<SessionRow> {
  await using host = await SessionHost.start(backend);
  const { driver } = await openBenchDriver(backend, 1_452);
  const connect = () => driver.connect(parseAddress(host.listen), null);
  for (let i = 0; i < 20; i++) await connect();

  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await connect();
    times.push(performance.now() - startedAt);
  }
  times.sort((a, b) => a - b);

  const before = await host.use();
  const startedAt = performance.now();
  let started = 0;
  const connector = async () => {
    while (started++ < count) await connect();
  };
  await Promise.all(Array.from({ length: PARALLEL }, connector));
  const elapsedMs = performance.now() - startedAt;
  const after = await host.use();
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const idle = await host.use();
  await driver.close();
  return {
    backend,
    handshakeP50Ms: times[Math.floor(count / 2)],
    handshakeP99Ms: times[Math.floor(count * 0.99)],
    handshakesPerSecond: (count * 1_000) / elapsedMs,
    bytesPerIdleSession: (after.rssBytes - before.rssBytes) / count,
    idleCpuPercent: ((idle.cpuSeconds - after.cpuSeconds) * 100_000) / IDLE_MS,
  };
}

/** `session_host.ts` as a process. */
class SessionHost implements AsyncDisposable {
  readonly listen: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(
    child: Deno.ChildProcess,
    lines: ReadableStreamDefaultReader<string>,
    listen: string,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.#input = child.stdin.getWriter();
    this.listen = listen;
  }

  static async start(backend: BenchBackend): Promise<SessionHost> {
    const script = new URL("./session_host.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", script, backend, "1452"],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await lines.read();
    return new SessionHost(child, lines, value!.trim());
  }

  async use(): Promise<ProcessUse> {
    await this.#input.write(new TextEncoder().encode("\n"));
    const { value } = await this.#lines.read();
    return JSON.parse(value!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#lines.cancel();
    await this.#child.status;
  }
}

const count = Number(Deno.args[0] ?? 1_000);
const rows: SessionRow[] = [];
for (const backend of ["portable", "native"] as const) rows.push(await measure(backend, count));
const use = processUse();
const text = [
  `${count} handshakes one after the other, ${count} more ${PARALLEL} at a time, then ${
    IDLE_MS / 1_000
  } s of rest`,
  "backend    p50 ms   p99 ms   per second   KiB per idle session   idle CPU",
  ...rows.map((row) =>
    [
      row.backend.padEnd(8),
      row.handshakeP50Ms.toFixed(2).padStart(8),
      row.handshakeP99Ms.toFixed(2).padStart(8),
      row.handshakesPerSecond.toFixed(0).padStart(12),
      (row.bytesPerIdleSession / 1024).toFixed(1).padStart(22),
      `${row.idleCpuPercent.toFixed(1)} %`.padStart(10),
    ].join(" ")
  ),
  `(this process: ${use.cpuSeconds.toFixed(1)} s CPU, ${(use.rssBytes / 1e6).toFixed(0)} MB)`,
].join("\n");
await Deno.stdout.write(new TextEncoder().encode(`${text}\n`));
Deno.exit(0);
