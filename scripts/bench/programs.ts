/**
 * The forms of the program that are measured.
 *
 * @module
 */

import type { ProgramWords } from "../../tests/support/wraith_process.ts";
import { FROM_SOURCE } from "../loopback_transfer.ts";
import type { BenchContext } from "./section.ts";

/** What `--program` named; without it the sources, and the compiled program where there is one. */
export async function benchPrograms(
  context: BenchContext,
): Promise<readonly (readonly [name: string, words: ProgramWords])[]> {
  if (context.program !== FROM_SOURCE) return [[context.program.join(" "), context.program]];
  const compiled = new URL("../../dist/wraith", import.meta.url).pathname;
  const isThere = await Deno.stat(compiled).then(() => true, () => false);
  if (isThere) return [["from source", FROM_SOURCE], ["dist/wraith", [compiled]]];
  context.skip("dist/wraith is missing: build it with ./scripts/deno task compile (--denort npm)");
  return [["from source", FROM_SOURCE]];
}
