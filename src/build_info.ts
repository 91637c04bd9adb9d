/**
 * What this program was built from.
 *
 * @module
 */

import manifest from "../deno.json" with { type: "json" };

/** Version and source revision. */
export interface BuildInfo {
  readonly version: string;
  /** Git commit, with `-dirty` when the tree had changes; `source` when run from a checkout. */
  readonly revision: string;
}

/** Reads what the build left in the executable; a checkout has only its version. */
export function readBuildInfo(): BuildInfo {
  const { version } = manifest;
  if (!Deno.build.standalone) return { version, revision: "source" };
  // Beside the bundle that this module is a part of there.
  const { revision } = JSON.parse(Deno.readTextFileSync(new URL("build.json", import.meta.url)));
  return { version, revision };
}
