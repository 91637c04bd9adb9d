/**
 * A folder that is gone when the test is over.
 *
 * @module
 */

import { dirname, join } from "node:path";

/** A folder of one test's own; `await using` removes it. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Writes a file, making the folders it needs. @returns its absolute path. */
  write(name: string, content: string | Uint8Array): Promise<string>;
}

/** Makes a new empty folder. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "wraith-test-" }));
  return {
    path,
    async write(name, content) {
      const file = join(path, name);
      await Deno.mkdir(dirname(file), { recursive: true });
      await (typeof content === "string" ? Deno.writeTextFile(file, content) : Deno.writeFile(file, content));
      return file;
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
