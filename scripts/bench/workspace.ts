/**
 * Folders to measure in: in memory where there is enough of it and we may mount, on disk otherwise.
 *
 * The program itself cannot use /dev/shm: Deno closes /dev to whoever has not every permission. So a tmpfs of our
 * own is mounted, which takes root.
 *
 * @module
 */

import { join } from "node:path";
import { runTool } from "./external_tool.ts";
import { availableMemoryBytes, descendants } from "./process_use.ts";
import type { Room } from "./section.ts";

/** Makes rooms, and removes them all in the end. */
export class Workspace implements AsyncDisposable {
  readonly #disk: string;
  readonly #memory: string | null;
  #made = 0;
  readonly #onInterrupt = () => {
    // From a terminal they hear of it themselves; what runs has files open here.
    for (const pid of descendants()) Deno.kill(pid, "SIGTERM");
    this.#remove().finally(() => Deno.exit(130));
  };

  private constructor(disk: string, memory: string | null) {
    this.#disk = disk;
    this.#memory = memory;
    Deno.addSignalListener("SIGINT", this.#onInterrupt);
  }

  static async open(): Promise<Workspace> {
    const folder = await Deno.makeTempDir({ prefix: "wraith-bench-" });
    const memory = join(folder, "memory");
    await Deno.mkdir(memory);
    try {
      await runTool("mount", ["-t", "tmpfs", "-o", "size=75%,mode=700", "wraith-bench", memory]);
      return new Workspace(folder, memory);
    } catch {
      return new Workspace(folder, null);
    }
  }

  /** Where transfers will read and write. */
  get description(): string {
    return this.#memory === null
      ? `in ${this.#disk} on disk (mounting a tmpfs takes root)`
      : `in a tmpfs at ${this.#memory}`;
  }

  /** A new, empty folder for `bytes` of files in all. */
  async room(bytes: number): Promise<Room> {
    const fits = this.#memory !== null && availableMemoryBytes() > bytes + MEMORY_FOR_PROGRAMS;
    const path = join(fits ? this.#memory! : this.#disk, `room-${++this.#made}`);
    await Deno.mkdir(path);
    return { path, medium: fits ? "tmpfs" : "disk" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.removeSignalListener("SIGINT", this.#onInterrupt);
    await this.#remove();
  }

  async #remove(): Promise<void> {
    if (this.#memory !== null) await runTool("umount", ["--lazy", this.#memory]);
    await Deno.remove(this.#disk, { recursive: true });
  }
}

const MEMORY_FOR_PROGRAMS = 2 * 2 ** 30;
