/**
 * The gauges that are taken on a timer (`monitoring.update_interval`) because they compare two moments or
 * ask the operating system: a scrape only reads what is there.
 *
 * @module
 */

import process from "node:process";
import type { Clock, Instant } from "../clock.ts";
import type { CollectorName } from "./catalogue.ts";
import type { NodeView } from "./node_view.ts";
import type { ProcessFacts } from "./process_facts.ts";
import type { MetricHandles } from "./registry.ts";

/** Takes the sampled gauges each time it is told to. */
export class Sampler {
  readonly #view: NodeView;
  readonly #metrics: MetricHandles;
  readonly #facts: ProcessFacts;
  readonly #clock: Clock;
  #last: Moment;

  constructor(view: NodeView, metrics: MetricHandles, facts: ProcessFacts, clock: Clock) {
    this.#view = view;
    this.#metrics = metrics;
    this.#facts = facts;
    this.#clock = clock;
    this.#last = this.#moment();
  }

  /** Takes all sampled gauges now. A collector that fails loses its own gauges, never the others'. */
  sample(): void {
    const now = this.#moment();
    this.#collect("node", () => this.#sampleNode(now));
    this.#collect("cpu", () => this.#sampleCpu(now));
    this.#collect("memory", () => this.#sampleMemory());
    this.#collect("file_descriptors", () => this.#sampleFileDescriptors());
    this.#collect("limits", () => this.#sampleLimits());
    this.#metrics.lastSample.set({}, this.#clock.epochMs() / 1000);
    this.#last = now;
  }

  #collect(collector: CollectorName, run: () => boolean): void {
    let success = false;
    try {
      success = run();
    } catch {
      // Counted below; a source that is gone shows as 0 for as long as it stays gone.
    }
    this.#metrics.collectorSuccess.set({ collector }, success ? 1 : 0);
  }

  #sampleNode(now: Moment): boolean {
    const seconds = (now.at - this.#last.at) / 1000;
    if (seconds > 0) {
      const bitsPerSecond = (bytes: number) => Math.max(0, bytes) * 8 / seconds;
      this.#metrics.transferThroughput.set(
        { direction: "send" },
        bitsPerSecond(now.bytesSent - this.#last.bytesSent),
      );
      this.#metrics.transferThroughput.set(
        { direction: "receive" },
        bitsPerSecond(now.bytesReceived - this.#last.bytesReceived),
      );
    }
    for (const session of this.#view.sessions(MAX_SAMPLED_SESSIONS)) {
      this.#metrics.pathRtt.observe({}, session.smoothedRttMs / 1000);
    }
    return true;
  }

  #sampleCpu(now: Moment): boolean {
    const elapsedMs = now.at - this.#last.at;
    if (elapsedMs > 0) {
      this.#metrics.cpuUsage.set({}, Math.max(0, 100 * (now.cpuMs - this.#last.cpuMs) / elapsedMs));
    }
    return true;
  }

  #sampleMemory(): boolean {
    const { residentBytes, heapUsedBytes, heapSizeBytes, externalBytes } = this.#facts.memory();
    this.#metrics.memoryUsage.set({}, residentBytes);
    this.#metrics.processResident.set({}, residentBytes);
    this.#metrics.heapUsed.set({}, heapUsedBytes);
    this.#metrics.heapSize.set({}, heapSizeBytes);
    this.#metrics.externalMemory.set({}, externalBytes);
    return true;
  }

  #sampleFileDescriptors(): boolean {
    const open = this.#facts.openFileDescriptors();
    if (open === null) return false;
    this.#metrics.fileDescriptorsOpen.set({}, open);
    this.#metrics.processOpenFds.set({}, open);
    return true;
  }

  #sampleLimits(): boolean {
    const virtualBytes = this.#facts.virtualBytes();
    const maxFileDescriptors = this.#facts.maxFileDescriptors();
    const memoryLimitBytes = this.#facts.memoryLimitBytes();
    if (virtualBytes !== null) this.#metrics.processVirtual.set({}, virtualBytes);
    if (maxFileDescriptors !== null) this.#metrics.processMaxFds.set({}, maxFileDescriptors);
    if (memoryLimitBytes !== null) this.#metrics.memoryLimit.set({}, memoryLimitBytes);
    return virtualBytes !== null && maxFileDescriptors !== null && memoryLimitBytes !== null;
  }

  #moment(): Moment {
    const { bytesSent, bytesReceived } = this.#view.transport();
    const { user, system } = process.cpuUsage();
    return { at: this.#clock.now(), bytesSent, bytesReceived, cpuMs: (user + system) / 1000 };
  }
}

interface Moment {
  readonly at: Instant;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly cpuMs: number;
}

/** Enough for a distribution, few enough for a timer: the walk stays under a millisecond. */
const MAX_SAMPLED_SESSIONS = 256;
