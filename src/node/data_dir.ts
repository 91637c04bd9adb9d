/**
 * The folder a node keeps its state in.
 *
 * @module
 */

/** The folder cannot be used; one line for people. */
export class DataDirError extends Error {
  override readonly name = "DataDirError";
}

/**
 * Makes the folder (mode 0700) if need be.
 *
 * @throws {DataDirError}
 */
export async function openDataDir(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Deno.errors.PermissionDenied
      ? "permission denied"
      : error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotADirectory
      ? "a file is in the way"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new DataDirError(`cannot make the data directory ${path}: ${reason}; set node.data_dir`, {
      cause: error,
    });
  }
}
