/**
 * Another program that copies files, measured beside ours.
 *
 * @module
 */

import { endedChildrenCpuSeconds, treeCpuSeconds } from "../process_use.ts";

/** One way to copy, ready to be measured. Disposing ends its servers. */
export interface Peer extends AsyncDisposable {
  readonly name: string;
  /** Copies `file` and returns where the copy is; what it takes is measured. */
  copy(file: string): Promise<string>;
  /** Processes that work for it beside the commands that {@link copy} runs. */
  readonly servers: readonly number[];
}

/** What one copy took. */
export interface CopyFigures {
  readonly seconds: number;
  /** Both ends. */
  readonly cpuSeconds: number;
  readonly copy: string;
}

/** From the start of the command to its end. */
export async function measureCopy(peer: Peer, file: string): Promise<CopyFigures> {
  const cpu = () =>
    endedChildrenCpuSeconds() + peer.servers.reduce((sum, pid) => sum + treeCpuSeconds(pid), 0);
  const cpuBefore = cpu();
  const began = performance.now();
  const copy = await peer.copy(file);
  const seconds = (performance.now() - began) / 1_000;
  return { seconds, cpuSeconds: cpu() - cpuBefore, copy };
}
