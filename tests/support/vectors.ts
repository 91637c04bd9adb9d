/**
 * Published test vectors, which live beside the checkout (`../shared/vectors`) and not in it: several carry
 * licences of their own.
 *
 * @module
 */

import { equal } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";

/**
 * A test over the vectors of one file, e.g. `noise/snow.json`. `run` returns how many it went through, which
 * must be what the manifest counts. Skipped, with the reason in its name, where the folder is not there.
 */
export function vectorTest(name: string, file: string, run: (document: unknown) => number): void {
  const path = `${VECTORS}${file}`;
  const ignore = !existsSync(path);
  Deno.test({
    name: ignore ? `${name} (skipped: there are no test vectors at ${path})` : name,
    ignore,
    fn: () => equal(run(readJson(path)), manifestCount(file), `vectors of ${file} that ran`),
  });
}

/** How many vectors the manifest says `file` holds. */
function manifestCount(file: string): number {
  const manifest = readJson(`${VECTORS}MANIFEST.json`) as { files: { file: string; count: number }[] };
  const entry = manifest.files.find((each) => each.file === file);
  if (entry === undefined) throw new Error(`Cannot find ${file} in the manifest of the test vectors`);
  return entry.count;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

const VECTORS = new URL("../../../shared/vectors/", import.meta.url).pathname;
