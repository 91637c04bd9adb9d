/**
 * What processes use, from Linux's /proc.
 *
 * @module
 */

/** CPU time and memory of a process so far. */
export interface ProcessUse {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/** A process's own use. @throws {Unavailable} off Linux. */
export function processUse(pid: number): ProcessUse {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? NaN);
  const { own } = statOf(pid)!;
  return { cpuSeconds: own, rssBytes: kib("VmRSS") * 1_024, peakRssBytes: kib("VmHWM") * 1_024 };
}

/** CPU seconds of a process and all that descended from it, the ended ones included. */
export function treeCpuSeconds(root: number): number {
  let sum = 0;
  for (const { own, ended } of processTree(root).values()) sum += own + ended;
  return sum;
}

/** The processes that descended from this one and are still there. */
export function descendants(): number[] {
  return [...processTree(Deno.pid).keys()].filter((pid) => pid !== Deno.pid);
}

function processTree(root: number): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    if (stat !== null) stats.set(Number(name), stat);
  }
  const descends = (pid: number): boolean => {
    for (let at = pid; at !== 0 && stats.has(at); at = stats.get(at)!.parent) if (at === root) return true;
    return false;
  };
  return new Map([...stats].filter(([pid]) => descends(pid)));
}

/** CPU seconds of this process's children that have ended, and of theirs. */
export function endedChildrenCpuSeconds(): number {
  return statOf(Deno.pid)!.ended;
}

/** Bytes that programs can still take without swapping. */
export function availableMemoryBytes(): number {
  return Number(/^MemAvailable:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/meminfo"))?.[1] ?? 0) * 1_024;
}

interface ProcessStat {
  readonly parent: number;
  readonly own: number;
  readonly ended: number;
}

/** Null when the process has ended meanwhile. */
function statOf(pid: number): ProcessStat | null {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return null;
    throw error;
  }
  // The command's name may hold spaces and parentheses: count fields from behind the last one (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  const seconds = (...ticks: number[]) => ticks.reduce((sum, each) => sum + each, 0) / CLOCK_TICKS_PER_SECOND;
  return { parent: fields[1], own: seconds(fields[11], fields[12]), ended: seconds(fields[13], fields[14]) };
}

/** USER_HZ: what the kernel promises to user space on every architecture Deno runs on. */
const CLOCK_TICKS_PER_SECOND = 100;
