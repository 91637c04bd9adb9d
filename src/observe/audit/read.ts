/**
 * Reads the lines of an audit trail, over all its files.
 *
 * @module
 */

import { listBackups } from "../log/backups.ts";
import { TextLineStream } from "./text_lines.ts";

/** The files of the trail at `path`, oldest first. Empty when there is none. */
export async function auditFiles(path: string): Promise<string[]> {
  const files = (await listBackups(path)).map((backup) => backup.path);
  if (await isFile(path)) files.push(path);
  return files;
}

/** The lines of one file, compressed or not. */
export async function* readLines(path: string): AsyncIterable<string> {
  const file = await Deno.open(path);
  const bytes = path.endsWith(".gz")
    ? file.readable.pipeThrough(new DecompressionStream("gzip"))
    : file.readable;
  yield* bytes.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
}

/** The last `count` lines of the trail at `path`. */
export async function lastLines(path: string, count: number): Promise<string[]> {
  let lines: string[] = [];
  for (const file of (await auditFiles(path)).reverse()) {
    const ofFile: string[] = [];
    for await (const line of readLines(file)) {
      ofFile.push(line);
      if (ofFile.length > 2 * count) ofFile.splice(0, ofFile.length - count);
    }
    lines = [...ofFile, ...lines].slice(-count);
    if (lines.length === count) break;
  }
  return lines;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
