/**
 * What the operating system tells about this process. Every read may be refused (another system, or a
 * runtime without permission for `/proc`); the answer is then null and never a guess.
 *
 * @module
 */

import { countFileDescriptors, readKernelFile } from "./linux_facts.ts";

/** The source of process facts; a test replaces it. */
export interface ProcessFacts {
  memory(): {
    readonly residentBytes: number;
    readonly heapUsedBytes: number;
    readonly heapSizeBytes: number;
    readonly externalBytes: number;
  };
  virtualBytes(): number | null;
  openFileDescriptors(): number | null;
  maxFileDescriptors(): number | null;
  memoryLimitBytes(): number | null;
}

/** This process, on this machine. */
export const systemProcessFacts: ProcessFacts = {
  memory() {
    const { rss, heapUsed, heapTotal, external } = Deno.memoryUsage();
    return { residentBytes: rss, heapUsedBytes: heapUsed, heapSizeBytes: heapTotal, externalBytes: external };
  },
  virtualBytes() {
    // Field 23 of /proc/self/stat; the second field may hold spaces, so count from its closing parenthesis.
    const stat = readKernelFile("/proc/self/stat");
    const bytes = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[20]);
    return Number.isFinite(bytes) ? bytes : null;
  },
  openFileDescriptors() {
    return countFileDescriptors();
  },
  maxFileDescriptors() {
    const limit = /^Max open files\s+(\d+)/m.exec(readKernelFile("/proc/self/limits") ?? "");
    return limit ? Number(limit[1]) : null;
  },
  memoryLimitBytes() {
    return memoryLimit(readKernelFile, machineMemoryBytes());
  },
};

/**
 * The least of the machine's memory and the limits of this process' control group and all groups above it,
 * in bytes; null when none is known. Understands cgroup v2 (`memory.max`) and v1
 * (`memory.limit_in_bytes`, where a number near 2^63 means none).
 */
export function memoryLimit(
  read: (path: string) => string | null,
  machineBytes: number | null,
): number | null {
  const limits = cgroupLimitFiles(read("/proc/self/cgroup") ?? "")
    .map((path) => Number(read(path)?.trim() || NaN))
    .filter((bytes) => Number.isFinite(bytes) && bytes > 0 && bytes < 2 ** 60);
  if (machineBytes !== null) limits.push(machineBytes);
  return limits.length > 0 ? Math.min(...limits) : null;
}

function cgroupLimitFiles(membership: string): string[] {
  return membership.split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === "") return ancestors(path).map((group) => `/sys/fs/cgroup${group}/memory.max`);
    if (!controllers?.split(",").includes("memory")) return [];
    return ancestors(path).map((group) => `/sys/fs/cgroup/memory${group}/memory.limit_in_bytes`);
  });
}

/** `/a/b` as `/a/b`, `/a` and the root, which inside a container is the container's own group. */
function ancestors(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "");
  return Array.from({ length: parts.length + 1 }, (_, i) => {
    const kept = parts.slice(0, parts.length - i);
    return kept.length > 0 ? `/${kept.join("/")}` : "";
  });
}

function machineMemoryBytes(): number | null {
  try {
    return Deno.systemMemoryInfo().total;
  } catch {
    return null;
  }
}
