/**
 * Builds `dist/wraith`, one executable with everything in it.
 *
 * Bundles first, so that the executable holds what the program can reach and nothing else: left to itself,
 * `deno compile` embeds every package that deno.json names, those of the tests too. The bundle is split where the
 * program imports on demand, so what a command does not need is neither parsed nor kept in memory.
 *
 * `deno task compile [--target TARGET|all] [--portable] [--denort npm]`
 *
 * @module
 */

import { basename } from "node:path";
import { parseArgs } from "node:util";
import { denortFromNpm } from "./denort_from_npm.ts";

const ROOT = new URL("../", import.meta.url);

/** The platforms that `deno compile` builds for. */
const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
] as const;

/**
 * The young generation's limit, in MB. Little lives long on the data path, so more room only makes a busy node
 * larger: 2 instead of 16 takes 10 MB less at each end of a transfer, for the same CPU time.
 */
const V8_FLAGS = "--max-semi-space-size=2";

/** The bundle, and beside it what it reads at run time. */
const PROGRAM = "dist/program";
const BUILD_FACTS = `${PROGRAM}/build.json`;
const ASSETS = [
  "src/monitor/page/status.css",
  "src/monitor/page/status.js",
  "src/monitor/export/wireshark.lua",
];

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    target: { type: "string" },
    portable: { type: "boolean", default: false },
    denort: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (options.help) {
  say(`deno task compile [--target TARGET|all] [--portable] [--denort npm]
  --target   one of ${TARGETS.join(", ")}; all builds each of them; this machine's by default
  --portable without the permission to load native libraries: portable crypto and sockets only
  --denort   "npm": take the runtime from the npm registry (Linux x64 only, never for a release)`);
  Deno.exit(0);
}
if (options.denort !== undefined && options.denort !== "npm") {
  fail(`--denort ${options.denort}: only "npm" is known`);
}
const targets = options.target === "all" ? TARGETS : [options.target ?? Deno.build.target];
for (const target of targets) {
  if (!TARGETS.some((known) => known === target)) {
    fail(`no target ${target}: known are ${TARGETS.join(", ")}`);
  }
}

const embedded = await bundle();
for (const target of targets) await compile(target);

/** Fills {@link PROGRAM}. @returns the files to embed beside the program's modules. */
async function bundle(): Promise<string[]> {
  await Deno.remove(new URL(PROGRAM, ROOT), { recursive: true }).catch(() => {});
  await Deno.mkdir(new URL(PROGRAM, ROOT), { recursive: true });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--frozen", "--platform", "deno", "--code-splitting"],
      ...["--outdir", PROGRAM, "main.ts"],
    ],
    cwd: ROOT,
  }).output();
  if (!success) {
    await Deno.stderr.write(stderr);
    fail("could not bundle main.ts");
  }
  const embedded = [BUILD_FACTS];
  for (const asset of ASSETS) {
    const copy = `${PROGRAM}/${basename(asset)}`;
    await Deno.copyFile(new URL(asset, ROOT), new URL(copy, ROOT));
    embedded.push(copy);
  }
  await writeBuildFacts();
  return embedded;
}

async function compile(target: string): Promise<void> {
  const output = `dist/wraith${options.target ? `-${target}` : ""}${
    target.includes("windows") ? ".exe" : ""
  }`;
  const compiler = options.denort === "npm"
    ? await denortFromNpm(ROOT, target, say).catch((error: Error) => fail(error.message))
    : { deno: Deno.execPath(), env: {} };
  const { success, stderr } = await new Deno.Command(compiler.deno, {
    args: [
      "compile",
      "--quiet",
      // The bundle needs no package and no import map; with them every package would be embedded after all.
      ...["--no-config", "--no-lock", "--no-check", "--unstable-net"],
      "--no-prompt",
      // The cache would be a file of a name known to all in the shared temporary folder, and is trusted when read.
      "--no-code-cache",
      `--v8-flags=${V8_FLAGS}`,
      ...permissions(target),
      ...embedded.flatMap((path) => ["--include", path]),
      ...options.target ? ["--target", target] : [],
      "--output",
      output,
      `${PROGRAM}/main.js`,
    ],
    cwd: ROOT,
    env: compiler.env,
  }).output();
  if (!success) {
    await Deno.stderr.write(stderr);
    fail(
      `could not build ${output}` +
        (options.denort ? "" : "; where dl.deno.land is out of reach, --denort npm builds for this machine"),
    );
  }
  const { size } = await Deno.stat(new URL(output, ROOT));
  say(`built ${output} for ${target}, ${(size / 1e6).toFixed(1)} MB`);
}

/**
 * What the program may do: nothing beyond what a node needs, and no prompt that could widen it. Paths, peers and
 * ports come from the configuration, so files and network cannot be narrowed here; starting programs is never
 * allowed. Native libraries are for Linux, where the fast paths are. That grant is whole: a list would have to
 * name libc, through which anything can be done anyway, and Deno resolves bare names in a list against the
 * working directory.
 */
function permissions(target: string): string[] {
  const base = ["--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
  return target.includes("linux") && !options.portable ? [...base, "--allow-ffi"] : base;
}

/** Leaves what `src/build_info.ts` reads in the executable. */
async function writeBuildFacts(): Promise<void> {
  const commit = await git("rev-parse", "--short=12", "HEAD");
  const changes = await git("status", "--porcelain", "--untracked-files=no");
  const revision = commit === null ? "unknown" : changes ? `${commit}-dirty` : commit;
  await Deno.writeTextFile(new URL(BUILD_FACTS, ROOT), `${JSON.stringify({ revision })}\n`);
}

/** What git says, or null where there is no git or no repository. */
async function git(...args: string[]): Promise<string | null> {
  try {
    const { success, stdout } = await new Deno.Command("git", { args, cwd: ROOT, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

function fail(line: string): never {
  say(`compile: ${line}`);
  Deno.exit(1);
}
