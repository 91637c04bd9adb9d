import assert from "node:assert/strict";
import { join } from "node:path";
import { listBackups } from "../../../src/observe/log/backups.ts";
import { LineWriter } from "../../../src/observe/log/line_writer.ts";
import { RotatingFile, type RotatingFileOptions } from "../../../src/observe/log/rotating_file.ts";
import { ManualClock } from "../../support/manual_clock.ts";

interface Rig {
  readonly path: string;
  readonly clock: ManualClock;
  readonly file: RotatingFile;
  readonly writer: LineWriter;
  readonly notices: string[];
}

async function withFile(
  options: Partial<RotatingFileOptions>,
  body: (rig: Rig) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wraith-log-" });
  const path = join(folder, "logs", "wraith.log");
  const clock = new ManualClock();
  const notices: string[] = [];
  const file = new RotatingFile({
    path,
    clock,
    maxSizeBytes: 1000,
    maxBackups: 100,
    compress: false,
    onNotice: (message) => notices.push(message),
    ...options,
  });
  const writer = new LineWriter({
    output: file,
    clock,
    retryDelayMs: 1,
    events: { onFailed: (message) => notices.push(message), onResumed: () => {} },
  });
  try {
    await writer.open();
    await body({ path, clock, file, writer, notices });
    await writer.close(5000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Every line there is, from the oldest backup to the log itself. */
async function allLines(path: string): Promise<string[]> {
  const lines: string[] = [];
  for (const backup of await listBackups(path)) lines.push(...await linesOf(backup.path));
  return [...lines, ...await linesOf(path)];
}

async function linesOf(path: string): Promise<string[]> {
  const file = await Deno.open(path);
  const readable = path.endsWith(".gz")
    ? file.readable.pipeThrough(new DecompressionStream("gzip"))
    : file.readable;
  const text = await new Response(readable).text();
  assert.ok(text === "" || text.endsWith("\n"), `${path} ends in mid-line`);
  return text.split("\n").slice(0, -1);
}

async function writeNumbered(writer: LineWriter, count: number, first = 0): Promise<string[]> {
  const lines = Array.from({ length: count }, (_, i) => `{"n":${first + i},"text":"${"x".repeat(i % 60)}"}`);
  for (const line of lines) {
    writer.write(line, false);
    if (line.length % 7 === 0) await writer.flush();
  }
  await writer.flush();
  return lines;
}

Deno.test("RotatingFile keeps every line once, in order, over many rotations", async () => {
  await withFile({}, async ({ path, file, writer }) => {
    const lines = await writeNumbered(writer, 2000);
    assert.deepEqual(await allLines(path), lines);
    assert.ok(file.stats.rotations > 50, String(file.stats.rotations));
    for (const backup of await listBackups(path)) {
      const { size } = await Deno.stat(backup.path);
      assert.ok(size <= 1000 && size > 900, `${backup.path} has ${size} bytes`);
    }
  });
});

Deno.test("RotatingFile compresses all backups but the newest and keeps max_backups of them", async () => {
  await withFile({ compress: true, maxBackups: 3 }, async ({ path, writer }) => {
    const lines = await writeNumbered(writer, 500);
    await writer.close(5000);
    const backups = await listBackups(path);
    assert.deepEqual(backups.map((backup) => backup.compressed), [true, true, false]);
    const kept = await allLines(path);
    assert.ok(kept.length > 50);
    assert.deepEqual(kept, lines.slice(-kept.length), "the kept lines are the last ones, whole and in order");
  });
});

Deno.test("RotatingFile gives a line larger than a file a file to itself", async () => {
  await withFile({ maxSizeBytes: 100 }, async ({ path, writer }) => {
    const lines = ["short", "y".repeat(500), "short again", "z".repeat(100)];
    for (const line of lines) writer.write(line, false);
    await writer.flush();
    assert.deepEqual(await allLines(path), lines);
  });
});

Deno.test("RotatingFile follows its path after a rename and a reopen, without a lost line", async () => {
  await withFile({ maxSizeBytes: 0 }, async ({ path, file, writer, notices }) => {
    const lines: string[] = [];
    for (let cycle = 0; cycle < 20; cycle++) {
      lines.push(...await writeNumbered(writer, 50, cycle * 50));
      await Deno.rename(path, `${path}.moved${String(cycle).padStart(2, "0")}`);
      // Between the rename and the signal lines go on into the renamed file: late, not lost.
      lines.push(...await writeNumbered(writer, 5, 100_000 + cycle));
      await writer.reopen();
    }
    const found: string[] = [];
    for (let cycle = 0; cycle < 20; cycle++) {
      found.push(...await linesOf(`${path}.moved${String(cycle).padStart(2, "0")}`));
    }
    assert.deepEqual([...found, ...await linesOf(path)], lines);
    assert.equal(file.stats.reopens, 20);
    assert.deepEqual(notices, []);
  });
});

Deno.test("RotatingFile notices a moved or deleted path without a signal, within a second", async () => {
  await withFile({}, async ({ path, clock, writer, notices }) => {
    writer.write("first", false);
    await writer.flush();
    await Deno.rename(path, `${path}.moved`);
    clock.advance(1001);
    writer.write("second", false);
    await writer.flush();
    assert.deepEqual(await linesOf(path), ["second"]);
    await Deno.remove(path);
    clock.advance(1001);
    writer.write("third", false);
    await writer.flush();
    assert.deepEqual(await linesOf(path), ["third"]);
    assert.equal(notices.length, 1, "two rotators on one file are worth one warning");
    assert.match(notices[0], /max_size = "0"/);
  });
});

Deno.test("RotatingFile appends after a restart and does not glue a line to a torn one", async () => {
  await withFile({ maxSizeBytes: 0 }, async ({ path, clock, writer }) => {
    writer.write("before", false);
    await writer.close(5000);
    await Deno.writeTextFile(path, '{"torn":', { append: true });
    const next = new RotatingFile({ path, clock, maxSizeBytes: 0, maxBackups: 1, compress: false });
    await next.open();
    const bytes = new TextEncoder().encode("after\n");
    assert.equal(await next.write(bytes, 0), bytes.length);
    await next.close();
    assert.deepEqual(await linesOf(path), ["before", '{"torn":', "after"]);
  });
});

Deno.test("RotatingFile writes a line that was torn by a reopening whole into the new file", async () => {
  await withFile({ maxSizeBytes: 0 }, async ({ path, file }) => {
    const bytes = new TextEncoder().encode("one\ntwo\n");
    await Deno.rename(path, `${path}.moved`);
    await file.reopen();
    // As if "one\nt" had gone into the old file before the disk was full.
    const offset = await file.write(bytes, 5);
    assert.equal(offset, 4);
    assert.equal(await file.write(bytes, offset), 8);
    assert.deepEqual(await linesOf(path), ["two"]);
  });
});

Deno.test("RotatingFile names backups in order even when the calendar is set back", async () => {
  await withFile({ maxSizeBytes: 20 }, async ({ path, clock, writer }) => {
    const lines: string[] = [];
    for (let i = 0; i < 6; i++) {
      lines.push(`line number ${i}`);
      writer.write(lines[i], false);
      await writer.flush();
      clock.setCalendar(Date.parse("2025-11-28T10:15:30.123Z") - i * 3_600_000);
    }
    assert.deepEqual(await allLines(path), lines);
  });
});

Deno.test("RotatingFile goes on in the full file while it cannot rotate, says so once, and rotates later", async () => {
  await withFile({ maxSizeBytes: 50 }, async ({ path, file, clock, writer, notices }) => {
    const backup = `${path}.20251128T101530.123Z`;
    // A folder that is not empty cannot be renamed over.
    await Deno.mkdir(join(backup, "in the way"), { recursive: true });
    const lines = await writeNumbered(writer, 10);
    assert.deepEqual(await linesOf(path), lines);
    assert.equal(file.stats.rotationFailures, 1);
    assert.equal(notices.length, 1);
    assert.match(notices[0], /^Cannot rotate /);
    await Deno.remove(backup, { recursive: true });
    clock.advance(10_001);
    lines.push(...await writeNumbered(writer, 1, 10));
    assert.deepEqual(await allLines(path), lines);
    assert.equal(file.stats.rotations, 1);
  });
});

Deno.test("RotatingFile finishes what an interrupted compression left", async () => {
  await withFile({ compress: true }, async ({ path, clock, writer }) => {
    await writer.close(5000);
    const old = `${path}.20240101T000000.000Z`;
    const newest = `${path}.20240102T000000.000Z`;
    await Deno.writeTextFile(old, "old\n");
    await Deno.writeTextFile(`${old}.gz.tmp`, "half of it");
    await Deno.writeTextFile(newest, "newest\n");
    const next = new RotatingFile({ path, clock, maxSizeBytes: 0, maxBackups: 5, compress: true });
    await next.open();
    await next.close();
    const names = [...Deno.readDirSync(join(path, ".."))].map((entry) => entry.name).sort();
    assert.deepEqual(names, [
      "wraith.log",
      "wraith.log.20240101T000000.000Z.gz",
      "wraith.log.20240102T000000.000Z",
    ]);
    assert.deepEqual(await allLines(path), ["old", "newest"]);
  });
});

Deno.test({
  name: "RotatingFile leaves permission bits that keep the log from strangers",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFile({ mode: 0o600 }, async ({ path, writer }) => {
      await writeNumbered(writer, 60);
      for (const { path: backup } of await listBackups(path)) {
        assert.equal((await Deno.stat(backup)).mode! & 0o777, 0o600);
      }
      assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    }),
});

Deno.test("RotatingFile says in one line why it cannot be opened", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "file"), "");
    const file = new RotatingFile({
      path: join(folder, "file", "wraith.log"),
      clock: new ManualClock(),
      maxSizeBytes: 0,
      maxBackups: 1,
      compress: false,
    });
    await assert.rejects(file.open(), (error: Error) => !error.message.includes("\n"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "A log on a full disk waits, and every line is there when there is room again",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "wraith-log-" });
    try {
      const path = join(folder, "wraith.log");
      // The kernel's own full disk: every write is refused with ENOSPC.
      await Deno.symlink("/dev/full", path);
      const clock = new ManualClock();
      const failed = Promise.withResolvers<string>();
      const resumed = Promise.withResolvers<number>();
      const writer = new LineWriter({
        output: new RotatingFile({ path, clock, maxSizeBytes: 0, maxBackups: 1, compress: false }),
        clock,
        retryDelayMs: 1,
        events: { onFailed: failed.resolve, onResumed: (_outageMs, dropped) => resumed.resolve(dropped) },
      });
      await writer.open();
      for (let i = 0; i < 100; i++) writer.write(`line ${i}`, false);
      assert.match(await failed.promise, /No space left on device/);
      assert.equal(writer.stats.linesWritten, 0);
      await Deno.remove(path);
      clock.advance(1001);
      assert.equal(await resumed.promise, 0, "nothing was dropped");
      await writer.close(5000);
      assert.deepEqual(await linesOf(path), Array.from({ length: 100 }, (_, i) => `line ${i}`));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
