import assert from "node:assert/strict";
import { join } from "node:path";

const ROTATIONS = 20;

toolTest(
  "Real logrotate, 20 rotations under load: every line is there once",
  ["logrotate"],
  async (folder) => {
    const path = join(folder, "wraith.log");
    await using load = await startLoad(path);
    for (let i = 0; i < ROTATIONS; i++) await rotate(folder, path, load.pid);
    const { lines, reopens, dropped } = await load.finish();
    assert.equal(dropped, 0);
    assert.equal(reopens, ROTATIONS);
    const files = [path];
    for (let i = 1; i <= ROTATIONS; i++) files.push(i === 1 ? `${path}.1` : `${path}.${i}.gz`);
    const numbers: number[] = [];
    for (const file of files.reverse()) {
      for (const line of await linesOf(file)) numbers.push(numberOf(line));
    }
    assert.deepEqual(numbers, Array.from({ length: lines }, (_, i) => i));
    assert.ok(lines > 1000, `${lines} lines`);
  },
);

toolTest(
  "Real rsyslog follows the file over 20 rotations: every line arrives once, parsed",
  ["logrotate", "rsyslogd"],
  async (folder) => {
    const path = join(folder, "wraith.log");
    const arrived = join(folder, "arrived");
    await Deno.writeTextFile(arrived, "");
    await Deno.writeTextFile(path, "");
    await Deno.writeTextFile(join(folder, "rsyslog.conf"), rsyslogConfig(folder, path, arrived));
    const rsyslog = new Deno.Command("rsyslogd", {
      args: ["-n", "-f", join(folder, "rsyslog.conf"), "-i", join(folder, "rsyslog.pid")],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await using load = await startLoad(path);
      for (let i = 0; i < ROTATIONS; i++) {
        const before = await countLines(arrived);
        await rotate(folder, path, load.pid);
        // A follower needs the time to change files: as in life, where rotations are hours apart.
        await until(async () => await countLines(arrived) > before + 200, `rsyslog after rotation ${i}`);
      }
      const { lines } = await load.finish();
      await until(async () => await countLines(arrived) >= lines, `all ${lines} lines to arrive`);
      const numbers = (await linesOf(arrived)).map((line) => {
        const [level, component, message] = line.split("|");
        assert.equal(level, "info");
        assert.equal(component, "load", "a field within fields was parsed");
        return Number(/^line (\d+)$/.exec(message)![1]);
      });
      assert.deepEqual(numbers.sort((a, b) => a - b), Array.from({ length: lines }, (_, i) => i));
    } finally {
      rsyslog.kill("SIGTERM");
      await rsyslog.status;
    }
  },
);

function rsyslogConfig(folder: string, path: string, arrived: string): string {
  return `
global(workDirectory="${folder}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="mmjsonparse")
template(name="parsed" type="list") {
  property(name="$!level") constant(value="|")
  property(name="$!fields!component") constant(value="|")
  property(name="$!message") constant(value="\\n")
}
ruleset(name="wraith") {
  action(type="mmjsonparse" cookie="")
  action(type="omfile" file="${arrived}" template="parsed")
}
input(type="imfile" File="${path}" Tag="wraith" ruleset="wraith")
`;
}

/** One run of logrotate with the stanza that we ship, but for the way to the process. */
async function rotate(folder: string, path: string, pid: number): Promise<void> {
  const config = join(folder, "logrotate.conf");
  await Deno.writeTextFile(
    config,
    `"${path}" {
  size 1
  rotate 100
  missingok
  nocreate
  compress
  delaycompress
  postrotate
    kill -HUP ${pid}
  endscript
}
`,
    { mode: 0o644 },
  );
  const { ino } = await Deno.stat(path);
  const { code, stderr } = await new Deno.Command("logrotate", {
    args: ["-f", "-s", join(folder, "logrotate.state"), config],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  await until(async () => {
    const there = await Deno.stat(path).catch(() => null);
    return there !== null && there.ino !== ino && there.size > 0;
  }, "the log to be opened again");
}

interface Load extends AsyncDisposable {
  readonly pid: number;
  finish(): Promise<{ readonly lines: number; readonly reopens: number; readonly dropped: number }>;
}

async function startLoad(path: string): Promise<Load> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--allow-all", new URL("./log_load.ts", import.meta.url).pathname, path],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.match((await reader.read()).value ?? "", /^ready/);
  await until(async () => (await Deno.stat(path)).size > 0, "the first line");
  let isOver = false;
  return {
    pid: child.pid,
    async finish() {
      isOver = true;
      child.kill("SIGTERM");
      const [lines, reopens, dropped] = ((await reader.read()).value ?? "").split(" ").map(Number);
      assert.equal((await child.status).code, 0);
      await reader.cancel();
      return { lines, reopens, dropped };
    },
    async [Symbol.asyncDispose]() {
      if (isOver) return;
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

async function linesOf(path: string): Promise<string[]> {
  const file = await Deno.open(path);
  const readable = path.endsWith(".gz")
    ? file.readable.pipeThrough(new DecompressionStream("gzip"))
    : file.readable;
  return (await new Response(readable).text()).split("\n").slice(0, -1);
}

async function countLines(path: string): Promise<number> {
  return (await linesOf(path)).length;
}

function numberOf(line: string): number {
  const { timestamp, level, message, fields } = JSON.parse(line);
  assert.ok(!Number.isNaN(Date.parse(timestamp)));
  assert.equal(level, "info");
  assert.deepEqual(fields, { component: "load" });
  return Number(/^line (\d+)$/.exec(message)![1]);
}

/** Waits for a condition of the world outside, for a bounded time. */
async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A test with real programs, in a folder of its own; skipped, with the reason, where one is not installed. */
function toolTest(name: string, tools: readonly string[], run: (folder: string) => Promise<void>): void {
  const missing = tools.filter((tool) => !isInstalled(tool));
  Deno.test({
    name: missing.length === 0 ? name : `${name} (skipped: ${missing.join(" and ")} not installed)`,
    ignore: missing.length > 0,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "wraith-rotation-" });
      try {
        await run(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

function isInstalled(tool: string): boolean {
  try {
    return new Deno.Command(tool, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .code <= 1;
  } catch {
    return false;
  }
}
