/**
 * All benchmarks, portable and native in the same run:
 *
 * `deno task bench [SECTION...] [--quick | --full] [--json FILE] [--write FILE.md] [--list]
 *   [--program FILE] [--set SECTION.KEY=VALUE]... [--size SIZE] [--runs N]`
 *
 * @module
 */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseSize } from "../src/config/units.ts";
import { resultDocument, type SectionResult, shownTable, withTables } from "./bench/report.ts";
import { type BenchContext, type Effort, type Section, type Table, Unavailable } from "./bench/section.ts";
import { SECTIONS } from "./bench/sections.ts";
import { Workspace } from "./bench/workspace.ts";
import { FROM_SOURCE } from "./loopback_transfer.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    json: { type: "string" },
    write: { type: "string" },
    program: { type: "string" },
    set: { type: "string", multiple: true, default: [] },
    size: { type: "string" },
    runs: { type: "string" },
  },
});

if (options.list) {
  for (const { name, about, isExtra } of SECTIONS) {
    write(`${name.padEnd(12)}${about}${isExtra ? " (only when named, or with --full)" : ""}\n`);
  }
  Deno.exit(0);
}
const sections = chosenSections();
const effort: Effort = options.quick ? "quick" : options.full ? "full" : "normal";
const size = numberOption("size", parseSize);
const runs = numberOption("runs", Number);
const program = options.program === undefined ? FROM_SOURCE : [resolve(options.program)] as const;

const results: SectionResult[] = [];
{
  await using workspace = await Workspace.open();
  say(`files ${workspace.description}`);
  for (const section of sections) {
    results.push(await runSection(section, workspace));
    await save();
  }
}
if (results.every(({ tables }) => tables.length === 0)) Deno.exit(1);

/** A section that fails is a line, and the others go on. */
async function runSection(section: Section, workspace: Workspace): Promise<SectionResult> {
  const skipped: string[] = [];
  const skip = (reason: string) => {
    skipped.push(reason);
    say(`${section.name}: not measured: ${reason}`);
  };
  const context: BenchContext = {
    effort,
    program,
    settings: options.set,
    size,
    runs,
    room: (bytes) => workspace.room(bytes),
    say: (text) => say(`${section.name}: ${text}`),
    skip,
  };
  say(`${section.name}: ${section.about}`);
  const began = performance.now();
  const [loadAverage] = Deno.loadavg();
  let tables: SectionResult["tables"] = [];
  try {
    tables = (await section.run(context)).map((table) => withLoad(table, loadAverage));
  } catch (error) {
    if (error instanceof Unavailable) skip(error.message);
    else skip(`it failed: ${error instanceof Error ? error.stack ?? error.message : error}`);
  }
  const seconds = (performance.now() - began) / 1_000;
  for (const table of tables) write(`\n${section.name} ${table.name}: ${shownTable(table)}`);
  say(`${section.name}: took ${seconds.toFixed(0)} s`);
  return { section: section.name, seconds, tables, skipped };
}

/** Figures of a machine that had other work say so, wherever they go. Our own sections leave a load of about 2. */
function withLoad(table: Table, loadAverage: number): Table {
  if (loadAverage <= navigator.hardwareConcurrency + 1) return table;
  const note = `The machine had other work: load average ${loadAverage.toFixed(0)} at the start.`;
  return { ...table, caption: `${table.caption} ${note}` };
}

/** After each section, so that nothing is lost when a later one is cut short. */
async function save(): Promise<void> {
  if (options.json !== undefined) {
    await Deno.writeTextFile(
      options.json,
      `${JSON.stringify(resultDocument(machine(), results), null, 2)}\n`,
    );
  }
  if (options.write === undefined) return;
  await Deno.writeTextFile(options.write, withTables(await Deno.readTextFile(options.write), results));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", options.write] }).output();
  for (const { chart } of results.flatMap(({ tables }) => tables)) {
    if (chart) await Deno.writeTextFile(new URL(`../docs/img/${chart.file}`, import.meta.url), chart.svg);
  }
}

function machine() {
  const [loadAverage] = Deno.loadavg();
  return {
    platform: Deno.build.target,
    kernel: Deno.osRelease(),
    processors: navigator.hardwareConcurrency,
    processor: /^model name\s*: (.*)$/m.exec(readIfThere("/proc/cpuinfo"))?.[1] ?? null,
    runtime: `deno ${Deno.version.deno}`,
    program: program.join(" "),
    load_average: loadAverage,
    effort,
  };
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function chosenSections(): readonly Section[] {
  if (positionals.length === 0) return SECTIONS.filter(({ isExtra }) => !isExtra || options.full);
  return positionals.map((name) => {
    const section = SECTIONS.find((each) => each.name === name);
    return section ?? fail(`no section ${name}: known are ${SECTIONS.map((each) => each.name).join(", ")}`);
  });
}

function numberOption(name: "size" | "runs", parse: (text: string) => number | null): number | null {
  const text = options[name];
  if (text === undefined) return null;
  const value = parse(text);
  if (value !== null && Number.isSafeInteger(value) && value > 0) return value;
  return fail(
    `--${name}: expected a whole number above 0${name === "size" ? ' such as "256MiB"' : ""}, found ${text}`,
  );
}

function fail(message: string): never {
  say(`bench: ${message}`);
  Deno.exit(2);
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

/** To stderr: the tables go to stdout. */
function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}
