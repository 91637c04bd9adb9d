/**
 * The rotated files beside a log: their names, their compression, their end.
 *
 * A backup is named once, by the time of its rotation: `wraith.log.20251128T101530.123Z`, later with `.gz`.
 * Renumbering (`.1` becomes `.2`) would rename every file at every rotation, under the eyes of whoever
 * follows them.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";

/** One rotated file. */
export interface Backup {
  readonly path: string;
  /** `20251128T101530.123Z`: sorts by age. */
  readonly stamp: string;
  readonly compressed: boolean;
}

/** The backups of `path`, oldest first. A missing folder has none. */
export async function listBackups(path: string): Promise<Backup[]> {
  const backups: Backup[] = [];
  const prefix = basename(path) + ".";
  try {
    for await (const entry of Deno.readDir(dirname(path))) {
      const match = entry.name.startsWith(prefix) ? SUFFIX.exec(entry.name.slice(prefix.length)) : null;
      if (!entry.isFile || !match) continue;
      backups.push({
        path: join(dirname(path), entry.name),
        stamp: match[1],
        compressed: match[2] !== undefined,
      });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return backups.sort((a, b) => a.stamp < b.stamp ? -1 : a.stamp > b.stamp ? 1 : 0);
}

/**
 * The name for a backup made now: later than every existing one's even when the calendar clock was set
 * back, so that the names' order is the order of the lines.
 */
export function nextBackupPath(path: string, existing: readonly Backup[], epochMs: number): string {
  const newest = existing.at(-1);
  const stampMs = newest === undefined ? epochMs : Math.max(epochMs, stampTimeMs(newest.stamp) + 1);
  return `${path}.${stampOf(stampMs)}`;
}

/**
 * Deletes the oldest backups beyond `keep` and, if asked to, compresses all but the newest one: a program
 * that follows the log may still be reading that. Also clears what an interrupted compression left.
 */
export async function tidyBackups(path: string, keep: number, compress: boolean): Promise<void> {
  await removeLeftovers(path);
  const stamps = [...new Set((await listBackups(path)).map((backup) => backup.stamp))];
  const expired = new Set(stamps.slice(0, Math.max(0, stamps.length - keep)));
  for (const backup of await listBackups(path)) {
    if (expired.has(backup.stamp)) await removeIfThere(backup.path);
    // A rotation between the two listings adds one that is newer than the newest of the first.
    else if (compress && !backup.compressed && backup.stamp < stamps.at(-1)!) {
      await compressFile(backup.path);
    }
  }
}

/** Replaces `path` by `path`.gz. At every moment one of the two is complete. */
async function compressFile(path: string): Promise<void> {
  const temporary = `${path}.gz${TEMPORARY}`;
  const source = await Deno.open(path, { read: true });
  const { mode } = await source.stat();
  const target = await Deno.open(temporary, {
    write: true,
    create: true,
    truncate: true,
    mode: (mode ?? 0o640) & 0o777,
  });
  await source.readable.pipeThrough(new CompressionStream("gzip")).pipeTo(target.writable);
  await Deno.rename(temporary, `${path}.gz`);
  await Deno.remove(path);
}

/** A crash may leave half a `.gz` under its temporary name, or a whole one beside its source. */
async function removeLeftovers(path: string): Promise<void> {
  const backups = await listBackups(path);
  const compressed = new Set(backups.filter((backup) => backup.compressed).map((backup) => backup.stamp));
  for (const backup of backups) {
    if (backup.compressed) continue;
    await removeIfThere(`${backup.path}.gz${TEMPORARY}`);
    if (compressed.has(backup.stamp)) await removeIfThere(backup.path);
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function stampOf(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:]/g, "");
}

function stampTimeMs(stamp: string): number {
  return Date.parse(
    stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, "$1-$2-$3T$4:$5:"),
  );
}

const SUFFIX = /^(\d{8}T\d{6}\.\d{3}Z)(\.gz)?$/;
const TEMPORARY = ".tmp";
